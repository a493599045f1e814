"""What people have allowed which app, and the codes and tokens that came of it, in memory.

A grant is one person and one app (page "Revoke Access": removing it is removing the app from the person's
connected apps); every code and token hangs on it and dies with it. Each table keeps its newest 100,000 entries.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from broker.simulator import opaque

_LIMIT = 100_000

_Key = TypeVar("_Key")
_Entry = TypeVar("_Entry")
_Granted = TypeVar("_Granted", "Code", "Pair")


@dataclass(frozen=True)
class Code:
    """An authorization code and what it was issued for; `expires_at` in epoch seconds."""

    text: str = field(repr=False)
    client_key: str
    person_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    expires_at: int


@dataclass(frozen=True)
class Pair:
    """An access token and the refresh token that renews it; times in epoch seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    client_key: str
    person_id: str
    scopes: tuple[str, ...]
    access_expires_at: int
    refresh_expires_at: int


class Grants:
    """Every consent, code and token pair."""

    def __init__(self) -> None:
        self._consents: dict[tuple[str, str], frozenset[str]] = {}
        self._codes: dict[str, Code] = {}
        self._spent_codes: dict[str, Code] = {}
        self._by_access_token: dict[str, Pair] = {}
        self._by_refresh_token: dict[str, Pair] = {}

    def consent(self, person_id: str, client_key: str, *, asked: Iterable[str], ticked: Iterable[str]) -> None:
        """Remember what was ticked; scopes that were not asked for this time stay as they were."""
        before = self._consents.get((person_id, client_key), frozenset())
        _keep(self._consents, (person_id, client_key), before - frozenset(asked) | frozenset(ticked))

    def cover(self, person_id: str, client_key: str, scopes: Iterable[str]) -> bool:
        """Whether the person has allowed the app all of `scopes` already."""
        consented = self._consents.get((person_id, client_key))
        return consented is not None and consented.issuperset(scopes)

    def clients_of(self, person_id: str) -> tuple[str, ...]:
        """The client keys of the apps that the person has allowed anything."""
        return tuple(client_key for one, client_key in self._consents if one == person_id)

    def add_code(self, code: Code) -> None:
        """Make a code redeemable."""
        _keep(self._codes, code.text, code)

    def spend_code(self, text: str, client_key: str) -> Code | None:
        """The code for its own app, once; expired or not."""
        code = self._codes.get(text)
        if code is None or code.client_key != client_key:
            return None
        del self._codes[text]
        _keep(self._spent_codes, text, code)
        return code

    def spent_code(self, text: str, client_key: str) -> Code | None:
        """The code, when this app has spent it already."""
        code = self._spent_codes.get(text)
        return code if code is not None and code.client_key == client_key else None

    def issue(self, origin: Code | Pair, *, now: int, access_lifetime: int, refresh_lifetime: int) -> Pair:
        """A pair for a code that was found good, or for the pair it succeeds; lifetimes in seconds."""
        return self._add(
            Pair(
                access_token=opaque.access_token(),
                refresh_token=opaque.refresh_token(),
                client_key=origin.client_key,
                person_id=origin.person_id,
                scopes=origin.scopes,
                access_expires_at=now + access_lifetime,
                refresh_expires_at=now + refresh_lifetime,
            )
        )

    def rotate(self, old: Pair, *, now: int, access_lifetime: int, refresh_lifetime: int) -> Pair:
        """The next pair; the old refresh token is dead at once (page "Refresh a User Access Token").

        What happens to the old access token is not documented: here it lives out its time.
        """
        self._by_refresh_token.pop(old.refresh_token, None)
        return self.issue(old, now=now, access_lifetime=access_lifetime, refresh_lifetime=refresh_lifetime)

    def renew(self, old: Pair, *, now: int, access_lifetime: int) -> Pair:
        """A new access token with the same refresh token: what earlier editions of the page allowed."""
        return self._add(replace(old, access_token=opaque.access_token(), access_expires_at=now + access_lifetime))

    def by_access_token(self, token: str, now: int) -> Pair | None:
        """The pair of a live access token."""
        pair = self._by_access_token.get(token)
        return pair if pair is not None and now < pair.access_expires_at else None

    def by_refresh_token(self, token: str, client_key: str, now: int) -> Pair | None:
        """The pair of a live refresh token, for its own app."""
        pair = self._by_refresh_token.get(token)
        live = pair is not None and pair.client_key == client_key and now < pair.refresh_expires_at
        return pair if live else None

    def remove(self, person_id: str, client_key: str) -> None:
        """End the grant: consent, codes and tokens."""
        self._consents.pop((person_id, client_key), None)
        for codes in (self._codes, self._spent_codes):
            _drop(codes, person_id, client_key)
        for pairs in (self._by_access_token, self._by_refresh_token):
            _drop(pairs, person_id, client_key)

    def _add(self, pair: Pair) -> Pair:
        _keep(self._by_access_token, pair.access_token, pair)
        _keep(self._by_refresh_token, pair.refresh_token, pair)
        return pair


def _keep(table: dict[_Key, _Entry], key: _Key, entry: _Entry) -> None:
    table[key] = entry
    if len(table) > _LIMIT:
        del table[next(iter(table))]


def _drop(table: dict[str, _Granted], person_id: str, client_key: str) -> None:
    gone = [key for key, entry in table.items() if (entry.person_id, entry.client_key) == (person_id, client_key)]
    for key in gone:
        del table[key]
