"""Between the apps that a file wants and those that are registered: what to change, told before it is done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from broker import opaque
from broker.cli import clients_checks
from broker.cli.clients_file import Wanted
from broker.oauth import client_metadata
from broker.store.client_applying import ClientChange
from broker.store.clients import ClientRow


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to become of one app. `names`: what it is registered for, before and after.

    `credential` is `given` when the file names another secret, `made` when the broker must make one.
    """

    client_id: str
    client_name: str
    kind: Literal["add", "change", "remove"]
    change: ClientChange = field(repr=False)
    names: Mapping[str, tuple[Any, Any]]
    credential: Literal["given", "made"] | None = None
    replaces_secret: bool = False

    def as_json(self) -> dict[str, Any]:
        """For programs; no secret is in it."""
        return {
            "client_id": self.client_id,
            "kind": self.kind,
            "names": {name: {"before": before, "after": after} for name, (before, after) in self.names.items()},
            "secret": self.credential,
            "disabled": self.change.disabled,
        }

    def lines(self) -> Iterator[str]:
        """For people; no secret is in it."""
        sign = {"add": "+", "change": "~", "remove": "-"}[self.kind]
        yield f"{sign} {self.client_id}{f' ({self.client_name})' if self.client_name else ''}"
        for name, (before, after) in self.names.items():
            if isinstance(before, list) or isinstance(after, list):
                yield from _items(name, before or [], after or [])
            else:
                yield f"    {name}: " + " → ".join(_text(each) for each in (before, after) if each is not None)
                if after is None:
                    yield f"    {name}: taken away"
        if self.credential == "made":
            yield "    secret: made by the broker"
        elif self.credential is not None:
            yield "    secret: another one" if self.replaces_secret else "    secret: as the file names"
        if self.change.disabled is not None:
            yield "    disabled" if self.change.disabled else "    enabled again"


def between(wanted: Iterable[Wanted], registered: Sequence[ClientRow], *, prune: bool) -> list[Difference]:
    """What makes the registered apps those that are wanted; with `prune` the others are removed."""
    there = {row.client_id: row for row in registered}
    asked = {each.client_id: each for each in wanted}
    found = [_difference(each, there.get(client_id)) for client_id, each in asked.items()]
    if prune:
        found += [_removal(row) for row in registered if row.client_id not in asked]
    return [each for each in found if each is not None]


def _difference(wanted: Wanted, row: ClientRow | None) -> Difference | None:
    before = {} if row is None else client_metadata.complete(row.metadata)
    names = {
        name: (before.get(name), wanted.metadata.get(name))
        for name in dict.fromkeys((*wanted.metadata, *before))
        if before.get(name) != wanted.metadata.get(name)
    }
    credential = _credential(wanted, row)
    disabled = wanted.disabled if wanted.disabled != (row is not None and row.disabled_at is not None) else None
    if row is not None and not names and credential is None and disabled is None:
        return None
    given = wanted.secret if credential == "given" else None
    change = ClientChange(
        wanted.client_id,
        None if row is None else row.version,
        metadata=wanted.metadata if names else None,
        secret_digest=None if given is None else opaque.digest(given.reveal()),
        disabled=disabled,
    )
    name = wanted.metadata.get("client_name", "")
    replaces = row is not None and row.secret_digest is not None
    kind: Literal["add", "change"] = "add" if row is None else "change"
    return Difference(wanted.client_id, name, kind, change, names, credential, replaces)


def _credential(wanted: Wanted, row: ClientRow | None) -> Literal["given", "made"] | None:
    if not clients_checks.uses_secret(wanted.metadata):
        return None
    kept = None if row is None else row.secret_digest
    if wanted.secret is None:
        return "made" if kept is None else None
    same = kept is not None and opaque.equal(opaque.digest(wanted.secret.reveal()), bytes(kept))
    return None if same else "given"


def _removal(row: ClientRow) -> Difference:
    change = ClientChange(row.client_id, row.version, removed=True)
    return Difference(row.client_id, row.metadata.get("client_name", ""), "remove", change, {})


def _items(name: str, before: list[Any], after: list[Any]) -> Iterator[str]:
    gone, new = [each for each in before if each not in after], [each for each in after if each not in before]
    if not gone and not new:
        yield f"    {name}: in another order"
    yield from (f"    {name}: - {_text(each)}" for each in gone)
    yield from (f"    {name}: + {_text(each)}" for each in new)


def _text(value: Any) -> str:
    import orjson

    return value if isinstance(value, str) else orjson.dumps(value).decode()
