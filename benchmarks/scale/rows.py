"""The rows of a big service, as SQL that makes them of their number, and what the load generator knows of them.

Names and digests are random-looking but made of the number: whoever knows the number knows them. People are those
of TikTok's stand-in; two grants and one account each, every tenth with a session.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import service
from benchmarks.scale.web import REDIRECT_URI
from broker.oauth.status_list import SIZE

_DAY: Final = 86_400
_LOADING_SECONDS: Final = 6 * 3600
_ALPHABET: Final = str.maketrans("0189", "ghij")
_UNION_ID: Final = "'union-' || lpad(i::text, 30, '0')"
_OPEN_ID: Final = "'open-' || lpad(i::text, 31, '0')"


@dataclass(frozen=True, slots=True)
class Size:
    """How many people there are; all else goes by that."""

    users: int

    @property
    def grants(self) -> int:
        return 2 * self.users

    @property
    def sessions(self) -> int:
        return self.users // 10

    @property
    def others(self) -> int:
        """Rows of what is soon deleted again."""
        return self.users // 10


@dataclass(frozen=True, slots=True)
class Coming:
    """Those who come: so many of all, from all over the table."""

    size: Size
    count: int

    def person(self, which: int) -> int:
        """The number of the first, the second, … of them."""
        apart = self.size.users // self.count
        return (which - 1) * apart + 1 + 7 * which % apart

    def reading(self) -> str:
        """SQL that reads everything about them by the indexes that the service uses, and answers with a number."""
        apart = self.size.users // self.count
        return f"""
            SELECT count(users.updated_at) + count(theirs.updated_at) + count(accounts.created_at)
                + count(again.created_at) + count(grants.generation)
            FROM generate_series(1::bigint, {self.count}) AS which
            CROSS JOIN LATERAL (SELECT (which - 1) * {apart} + 1 + 7 * which % {apart} AS i) AS person
            JOIN users ON users.union_id = {_UNION_ID}
            JOIN accounts ON accounts.registration = 'default' AND accounts.open_id = {_OPEN_ID}
            JOIN users AS theirs ON theirs.id = accounts.user_id
            CROSS JOIN LATERAL (VALUES (2 * i - 1), (2 * i)) AS numbers (number)
            JOIN grants ON grants.id = {_name("grant", "number")}
            JOIN accounts AS again ON again.id = grants.account_id"""


def grant_id(number: int) -> str:
    """The id of this grant, as `_name` makes it in SQL: 32 hexadecimal digits, spelt in base32."""
    return hashlib.md5(f"grant{number}".encode(), usedforsecurity=False).hexdigest().translate(_ALPHABET)


def _name(kind: str, number: str, prefix: str = "") -> str:
    return f"'{prefix}' || translate(md5('{kind}' || {number}), '0189', 'ghij')"


def _digest(kind: str, number: str) -> str:
    return f"sha256(('{kind}' || {number})::bytea)"


def statements(size: Size, *, now: int, refresh_kid: str, ended_share: float) -> Mapping[str, str]:
    """By table an INSERT of the rows numbered `$1` to `$2`, both included.

    `ended_share` of the grants ended a moment ago, while a token of theirs is believed.
    """
    # Loading takes a while, so that what is to be young afterwards is not born yet.
    soon = now + _LOADING_SECONDS
    numbers = "generate_series($1::bigint, $2::bigint) AS i"
    owner = "((i + 1) / 2)"
    # The grants of whoever has a session: the first is its.
    its_session = f"CASE WHEN i % 20 = 19 THEN {_name('session', '((i + 1) / 20)', 'ses_')} END"
    just_ended = f"i % {round(1 / ended_share)} = 0" if ended_share else "false"
    long_over = "i % 20 = 5"
    return {
        "users": f"""
            INSERT INTO users (id, union_id, display_name, avatar_url, avatar_id, created_at, updated_at)
            SELECT {_name("user", "i", "usr_")}, {_UNION_ID}, 'Person ' || i,
                'https://p16-sign.tiktokcdn.example/tos-avt/' || i
                || '~c5_300x300.webp?x-expires=1900000000&x-signature=' || repeat('k', 40),
                translate(md5('avatar' || i), '0189', 'ghij') || '77777777', {now - 90 * _DAY}, {now - _DAY}
            FROM {numbers}""",
        "accounts": f"""
            INSERT INTO accounts (id, user_id, registration, open_id, granted_scope, sealed_tokens,
                access_expires_at, refresh_expires_at, authorized_at, created_at)
            SELECT {_name("account", "i")}, {_name("user", "i", "usr_")}, 'default',
                {_OPEN_ID}, 'user.info.basic',
                {" || ".join(_digest(f"token{part}", "i") for part in range(8))},
                {now}, {now + 300 * _DAY}, {now - _DAY}, {now - 90 * _DAY}
            FROM {numbers}""",
        "sessions": f"""
            INSERT INTO sessions (id, cookie_digest, user_id, account_id, auth_time, expires_at, max_expires_at)
            SELECT {_name("session", "i", "ses_")}, {_digest("cookie", "i")},
                {_name("user", "(i * 10)", "usr_")}, {_name("account", "(i * 10)")},
                {now - _DAY}, {now + 6 * _DAY}, {now + 29 * _DAY}
            FROM {numbers}""",
        "grants": f"""
            INSERT INTO grants (id, client_id, user_id, account_id, session_id, login_digest, code_digest,
                code_expires_at, redirect_uri, code_challenge, nonce, scope, resources, offline, auth_time,
                created_at, expires_at, redeemed_at, generation, rotated_at, refresh_kid, refresh_expires_at,
                access_expires_at, ended_at, ended_reason, status_index)
            SELECT {_name("grant", "i")}, '{service.CLIENT_ID}', {_name("user", owner, "usr_")},
                {_name("account", owner)}, {its_session}, {_digest("login", "i")}, {_digest("code", "i")},
                {now - _DAY + 60}, '{REDIRECT_URI}', left({_name("challenge", "i")} || md5(i::text), 43),
                'a-nonce-of-usual-length-0123456789', 'openid profile offline_access', '', 1, {now - _DAY},
                {now - _DAY}, {now + 300 * _DAY}, {now - _DAY}, 0, {now - 3600}, '{refresh_kid}',
                {now + 29 * _DAY},
                CASE WHEN {just_ended} THEN {soon + 600} ELSE {now - 3000} END,
                CASE WHEN {just_ended} THEN {soon} WHEN {long_over} THEN {now - 86_400} END,
                CASE WHEN {just_ended} OR {long_over} THEN 'revoked' END, i - 1
            FROM {numbers}""",
        "audit_events": f"""
            INSERT INTO audit_events (id, at, event, actor, user_id, client_id, grant_id, registration, request_id)
            SELECT {_name("event", "i")}, {now - _DAY} + i % {_DAY}, 'sign_in', 'user',
                {_name("user", "i", "usr_")}, '{service.CLIENT_ID}', {_name("grant", "i")}, 'default',
                {_name("request", "i")}
            FROM {numbers}""",
        "spent_ids": f"INSERT INTO spent_ids SELECT {_digest('jti', 'i')}, {soon} + i % 600 FROM {numbers}",
        "pushed_requests": f"""
            INSERT INTO pushed_requests (digest, client_id, parameters, expires_at)
            SELECT {_digest("pushed", "i")}, '{service.CLIENT_ID}', '{{}}', {soon} FROM {numbers}""",
        "deleted_grants": f"""
            INSERT INTO deleted_grants (status_index, ended_at, expires_at)
            SELECT i - 1 + {size.grants}, {soon}, {soon + 600} FROM {numbers}""",
        "outbox": f"""
            INSERT INTO outbox (id, kind, payload, attempts, due_at, expires_at)
            SELECT {_name("delivery", "i")}, 'backchannel_logout', '{{}}', 1, {now + 3 * _DAY}, {now + 4 * _DAY}
            FROM {numbers}""",
        "webhook_deliveries": f"""
            INSERT INTO webhook_deliveries (digest, registration, event, open_id, occurred_at, received_at,
                expires_at)
            SELECT {_digest("delivery", "i")}, 'default', 'authorization.removed', 'open-gone-' || i, {now - _DAY},
                {now - _DAY}, {now + 3 * _DAY}
            FROM {numbers}""",
    }


def counts(size: Size) -> Mapping[str, int]:
    """How many rows each of them gets."""
    return {
        "users": size.users,
        "accounts": size.users,
        "sessions": size.sessions,
        "grants": size.grants,
        **dict.fromkeys(("audit_events", "spent_ids", "pushed_requests"), size.others),
        **dict.fromkeys(("deleted_grants", "outbox", "webhook_deliveries"), size.others // 10),
    }


def next_index(size: Size) -> int:
    """The counter of places in the status lists, behind all that these grants have: a list is begun anew."""
    return -(-(size.grants + counts(size)["deleted_grants"]) // SIZE) * SIZE
