"""What each leg asks of the database, once the app is known: the one place to change when a leg changes.

Statements are told by their first words, in their order; those in brackets are one transaction that somebody
began. On PostgreSQL a statement outside of brackets is a transaction by itself. On SQLite the writer puts brackets
around whatever writes, and commits several requests' at once when they come together; reads have no transaction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """What one database is asked: such as `SELECT (UPDATE INSERT)`."""

    words: str

    @property
    def sent(self) -> list[str]:
        """Everything that the driver sends: each is a round trip to PostgreSQL."""
        return self.words.replace("(", "BEGIN ").replace(")", " COMMIT").split()

    @property
    def statements(self) -> int:
        """Those that do something."""
        return len(re.findall(r"\w+", self.words))

    @property
    def brackets(self) -> int:
        """Transactions that somebody began."""
        return self.words.count("(")

    @property
    def transactions(self) -> int:
        """Those that PostgreSQL counts: a statement outside of brackets, too."""
        return self.brackets + len(re.findall(r"\w+", re.sub(r"\(.*?\)", "", self.words)))


@dataclass(frozen=True)
class Cost:
    """One leg."""

    sqlite: Asked
    postgresql: Asked

    @property
    def row(self) -> list[str]:
        """Its cells in the table of `docs/performance.md`."""
        one, other = self.sqlite, self.postgresql
        told = (one.statements, one.brackets, other.statements, other.transactions, len(other.sent))
        return [str(number) for number in told]


def _both(words: str) -> Cost:
    """A read, or a transaction that is one on both."""
    return Cost(Asked(words), Asked(words))


def _alone(word: str) -> Cost:
    """One statement that writes."""
    return Cost(Asked(f"({word})"), Asked(word))


def _folded(words: str) -> Cost:
    """A transaction that is one statement on PostgreSQL."""
    return Cost(Asked(words), Asked("WITH"))


_NOTHING = _both("")

LEGS: Mapping[str, Cost] = {
    "`/authorize`": _NOTHING,
    # User, delivery of the picture, account, session, grant, event.
    "callback, somebody new": _folded("(INSERT INSERT INSERT INSERT INSERT INSERT)"),
    "callback, somebody known": _folded("(INSERT INSERT INSERT INSERT INSERT)"),
    "callback, somebody known, a new picture": _folded("(INSERT INSERT INSERT INSERT INSERT INSERT)"),
    "callback, signed in already": _both("(INSERT INSERT UPDATE INSERT INSERT)"),
    "code exchange": _alone("UPDATE"),
    "code exchange, DPoP": _both("(UPDATE INSERT)"),
    "code exchange, `private_key_jwt`": Cost(Asked("(INSERT) (UPDATE)"), Asked("INSERT UPDATE")),
    "refresh": _alone("UPDATE"),
    "refresh, DPoP": _both("(UPDATE INSERT)"),
    "refresh, `private_key_jwt`": Cost(Asked("(INSERT) (UPDATE)"), Asked("INSERT UPDATE")),
    "sign-in from a session": Cost(Asked("SELECT (UPDATE INSERT INSERT)"), Asked("SELECT WITH")),
    "sign-in from a session, pushed": _both("SELECT SELECT (UPDATE UPDATE INSERT INSERT)"),
    "pushed request": _alone("INSERT"),
    "pushed request, DPoP": Cost(Asked("(INSERT) (INSERT)"), Asked("INSERT INSERT")),
    "client credentials": _both("SELECT"),
    "client credentials, DPoP": Cost(Asked("SELECT (INSERT)"), Asked("SELECT INSERT")),
    "TikTok's token": _both("SELECT SELECT (SELECT INSERT)"),
    "`/userinfo`": _both("SELECT"),
    "`/userinfo`, DPoP": _both("SELECT"),
    "introspection of an access token": _both("SELECT"),
    "introspection of a refresh token": _both("SELECT"),
    "introspection of an ID token": _NOTHING,
    "revocation of a refresh token": _folded("(UPDATE INSERT)"),
    "revocation of a client's own token": _both("(INSERT INSERT)"),
    "revocation of what is no token": _NOTHING,
    # Session, grant and its event, who wants to hear, the delivery, the session's event; the app's page.
    "logout": _both("(UPDATE UPDATE INSERT SELECT INSERT INSERT) SELECT"),
    "key set": _NOTHING,
    "discovery": _NOTHING,
    "status list": _NOTHING,
}

COPY = "the copy of a picture, beside the requests"
BESIDE: Mapping[str, Cost] = {
    # Still theirs, kept, and the delivery is done.
    COPY: _folded("(UPDATE INSERT DELETE)"),
}
