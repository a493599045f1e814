"""`broker keys rotate`: the announced key signs before its time."""

from typing import TYPE_CHECKING

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.keys_found import chosen, keeping, ring_name

if TYPE_CHECKING:
    from broker.keys.rotation import Rotation
    from broker.store.keys import KeyFacts

_REFRESH = "refresh"
_RINGS = ("ES256", "RS256", "PS256", "EdDSA", _REFRESH)


@click.command("rotate")
@click.option("--alg", "rings", type=click.Choice(_RINGS), multiple=True, help="Only keys for this; repeatable.")
@click.option("--now", "at_once", is_flag=True, help="At once, also where backends do not know the next key yet.")
@yes_option
def rotate(rings: tuple[str, ...], at_once: bool, yes: bool) -> None:
    """Have the announced keys sign as soon as every verifier knows them, and announce the next.

    \b
      broker keys rotate
      broker keys rotate --alg ES256
      broker keys rotate --now

    A key may sign when it has been published for a little more than twice BROKER_JWKS_MAX_AGE. Where it has not,
    it waits for that; --now does not wait, says what that breaks, and asks first. What the key before signed stays
    good.

    Reads the same settings as `broker serve`.
    """
    from broker import app_keys
    from broker.clock import system_clock
    from broker.configuration.values import duration_text
    from broker.keys.schedule import earliest

    settings = chosen()
    announced = keeping(settings, lambda rotation: _announced(rotation, rings))
    unready = [key for key in announced if earliest(key, now=system_clock()) > system_clock()]
    if at_once and unready:
        names = ", ".join(ring_name(key) for key in unready)
        longest = duration_text(2 * app_keys.rules(settings).kept_for)
        confirm(
            f"Not every verifier knows the next key yet: {names}. Backends that keep the key set refuse new "
            f"tokens until they ask for it again, for up to {longest}.",
            yes=yes,
        )
    for line in keeping(settings, lambda rotation: _rotated(rotation, announced, at_once=at_once)):
        click.echo(line)


async def _announced(rotation: "Rotation", rings: tuple[str, ...]) -> "list[KeyFacts]":
    """The next key of each ring, made where there is none."""
    from broker.keys.schedule import REFRESH, State, standings
    from broker.store import keys

    await rotation.begin()
    found: dict[tuple[str, str], KeyFacts] = {}
    for each in standings(await rotation.database.read(keys.look), now=rotation.clock()):
        key = each.key
        wanted = not rings or (_REFRESH if key.use == REFRESH else key.alg) in rings
        if wanted and each.state is State.ANNOUNCED:
            found.setdefault((key.use, key.alg), key)
    return list(found.values())


async def _rotated(rotation: "Rotation", announced: "list[KeyFacts]", *, at_once: bool) -> list[str]:
    from broker.cli.output import utc
    from broker.keys.schedule import earliest
    from broker.store import key_changes

    lines = []
    for key in announced:
        now = rotation.clock()
        at = now if at_once else earliest(key, now=now)
        changed = await rotation.database.transact(key_changes.rotate, key.kid, at=at, now=now)
        when = "from now on" if at <= now else f"from {utc(at)} on, when every verifier knows it"
        if changed:
            lines.append(f"{ring_name(key)}: {key.kid} signs {when}.")
        else:
            lines.append(f"{ring_name(key)}: {key.kid} waits already, and signs from {utc(key.signs_from)} on.")
    await rotation.begin()
    return lines
