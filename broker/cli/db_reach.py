"""How far an upgrade goes: every expand, and no contract that a running broker would mind."""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from broker.cli import schema
from broker.opaque import Secret
from broker.store import migrations
from broker.store.migrating.presence import Presence
from broker.store.migrations import Revision

_ALL = ("head", "heads")


@dataclass(frozen=True, slots=True)
class Reach:
    """What an upgrade runs, in order, and the contract before which it stops, if there is one.

    `unproven` are the contracts among the steps that somebody has to answer for. `why`, when there is any contract
    that nobody can show to be harmless: who might mind.
    """

    steps: tuple[Revision, ...]
    held: Revision | None = None
    unproven: tuple[Revision, ...] = ()
    why: str = ""


def reach(url: Secret, to: str = "head", *, contract: bool = False) -> Reach:
    """How far an upgrade to this revision goes on the database as it is; `contract`: all the way.

    Raises `click.ClickException` for a revision that there is not, and for a database of a later release.
    """
    found = None if schema.not_made_yet(url) else migrations.current(url.reveal())
    pending = _pending(found, to)
    contracts = [each for each in pending if each.kind == "contract"]
    if found is None or not contracts:
        # Where nothing is, nothing is taken away.
        return Reach(pending)
    connected = migrations.connected(url.reveal())
    unproven = tuple(each for each in contracts if not connected.all_know(each.id))
    if not unproven:
        return Reach(pending)
    why = _who_might_mind(url, connected)
    if contract:
        return Reach(pending, None, unproven, why)
    return Reach(pending[: pending.index(unproven[0])], unproven[0], (), why)


def _pending(found: str | None, to: str) -> tuple[Revision, ...]:
    every = migrations.history()
    ids = [each.id for each in every]
    if found is not None and found not in ids:
        raise click.ClickException(
            f"The database is at revision {found}, which this release does not know; "
            "use the release that made it, or a later one."
        )
    start = 0 if found is None else ids.index(found) + 1
    return tuple(every[start : _end(ids, start, to)])


def _end(ids: Sequence[str], start: int, to: str) -> int:
    if to in _ALL:
        return len(ids)
    if to.startswith("+") and to[1:].isdecimal() and start + int(to) <= len(ids):
        return start + int(to)
    if to not in ids:
        raise click.ClickException(
            f"There is no way to revision {to} from here; `broker db history` lists the revisions."
        )
    return ids.index(to) + 1


def _who_might_mind(url: Secret, connected: Presence) -> str:
    if schema.sqlite_file(url):
        return "SQLite cannot tell which brokers have the file open"
    parts = []
    if connected.revisions:
        parts.append(f"brokers are connected whose newest revisions are {', '.join(connected.revisions)}")
    if connected.strangers:
        parts.append(f"{connected.strangers} connections of the same database user do not say what they are")
    return " and ".join(parts) or "no broker is connected, so that nothing shows which release comes back"
