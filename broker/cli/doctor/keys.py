"""Keys: do the secret keys open what is sealed, and how old are those that sign."""

from collections.abc import AsyncIterator, Iterator, Sequence

from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.configuration.values import duration_text
from broker.keys import ring
from broker.keys.schedule import SIGN, State, standings
from broker.sealing import Sealer, Unsealable
from broker.settings import Settings
from broker.store import keys, sealed_pairs
from broker.store.database import Database
from broker.store.keys import KeyRow

_SAMPLED = 50
_DAY = 86_400
_ADD_KEY = "Add the secret key under which they were sealed to BROKER_SECRET_KEYS, behind the first."


async def findings(database: Database, settings: Settings, *, now: int) -> AsyncIterator[Finding]:
    """Raises `DatabaseUnavailable` and `SchemaMismatch`."""
    sealer = Sealer(settings.secret_keys)
    rows = await database.read(keys.every)
    yield _sealed_keys(rows, sealer, now)
    for finding in _ages(rows, settings, now):
        yield finding
    yield _sealed_tokens(await database.read(sealed_pairs.sample, most=_SAMPLED), sealer)


def _sealed_keys(rows: Sequence[KeyRow], sealer: Sealer, now: int) -> Finding:
    check = "signing keys"
    if not rows:
        return ok(check, "none yet; `broker serve` makes them")
    strangers = [row.kid for row in rows if not sealer.knows(row.sealed_key)]
    if strangers:
        found = f"{len(strangers)} of {len(rows)} do not open with BROKER_SECRET_KEYS ({', '.join(strangers)})"
        return fault(check, found, _ADD_KEY)
    try:
        ring.of_rows(rows, sealer, now=now)
    except Unsealable:
        return fault(
            check,
            "one is damaged: it was sealed under one of BROKER_SECRET_KEYS and does not open",
            "Restore the table signing_keys from a backup.",
        )
    older = sum(not sealer.is_current(row.sealed_key) for row in rows)
    note = (
        f"; {older} under an older secret key, which must stay in the list until `broker keys reseal`"
        if older
        else ""
    )
    return ok(check, f"{len(rows)} open with BROKER_SECRET_KEYS{note}")


def _ages(rows: Sequence[KeyRow], settings: Settings, now: int) -> Iterator[Finding]:
    """The age of the key in charge, for each use and algorithm."""
    signing = [each.key for each in standings(rows, now=now) if each.state is State.SIGNING]
    old = [
        f"{key.alg if key.use == SIGN else 'refresh tokens'} ({(now - key.signs_from) // _DAY}d)"
        for key in signing
        if now - key.signs_from > settings.key_lifetime
    ]
    lifetime = duration_text(settings.key_lifetime)
    if old:
        yield warning(
            "key ages",
            f"older than BROKER_KEY_LIFETIME ({lifetime}): {', '.join(old)}",
            "Keys change by themselves while the broker serves: start `broker serve`, or ask for the change with "
            "`broker keys rotate`.",
        )
    elif signing:
        yield ok("key ages", f"all younger than BROKER_KEY_LIFETIME ({lifetime})")


def _sealed_tokens(sample: Sequence[bytes], sealer: Sealer) -> Finding:
    check = "TikTok tokens"
    strangers = sum(not sealer.knows(sealed) for sealed in sample)
    if strangers:
        found = f"{strangers} of {len(sample)} looked at do not open with BROKER_SECRET_KEYS"
        return fault(check, found, _ADD_KEY)
    if not sample:
        return ok(check, "none kept yet")
    return ok(check, f"{len(sample)} looked at, all under one of BROKER_SECRET_KEYS")
