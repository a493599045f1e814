"""`broker keys revoke`: a key that somebody else may have."""

from typing import TYPE_CHECKING

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.keys_found import chosen, keeping, ring_name
from broker.cli.options import NamingCommand

if TYPE_CHECKING:
    from broker.keys.rotation import Rotation
    from broker.keys.schedule import Standing
    from broker.store.key_changes import Revoked


@click.command("revoke", cls=NamingCommand)
@click.argument("kid", metavar="KID")
@yes_option
def revoke(kid: str, yes: bool) -> None:
    """Take a key out at once, and with it everything that it signed: for emergencies.

    \b
      broker keys revoke KID

    Asks first. If it is the key that signs, the announced one does from now on. Running brokers refuse what the
    key signed within 5 seconds; backends that verify by themselves do when they next ask for the key set.

    Reads the same settings as `broker serve`.
    """
    from broker import app_keys
    from broker.configuration.values import duration_text
    from broker.keys.schedule import REFRESH

    settings = chosen()
    standing = keeping(settings, lambda rotation: _found(rotation, kid))
    if standing is None:
        raise _unknown(kid)
    key, longest = standing.key, duration_text(app_keys.rules(settings).kept_for)
    if key.use == REFRESH:
        costs = "Every refresh token made under it is void: those apps must send people through a sign-in again."
    else:
        costs = (
            "Every token that it signed is void: apps must fetch new ones. Backends that verify by themselves go "
            f"on believing them until they ask for the key set again, for up to {longest}."
        )
    confirm(f"This takes out {kid} ({ring_name(key)}, {standing.state.value}). {costs}", yes=yes)
    revoked = keeping(settings, lambda rotation: _revoked(rotation, standing))
    if revoked is None:
        raise _unknown(kid)
    click.echo(f"{kid} is revoked." + (f" {revoked.successor} signs from now on." if revoked.successor else ""))


async def _found(rotation: "Rotation", kid: str) -> "Standing | None":
    from broker.keys.schedule import standings
    from broker.store import keys

    every = standings(await rotation.database.read(keys.look), now=rotation.clock())
    return next((each for each in every if each.key.kid == kid), None)


async def _revoked(rotation: "Rotation", standing: "Standing") -> "Revoked | None":
    from broker.keys.making import made
    from broker.keys.schedule import Make
    from broker.store import key_changes

    key, now = standing.key, rotation.clock()
    step = Make(key.use, key.alg, key.number + 1, ready_at=now, signs_from=now)
    spare = made(step, rotation.sealer, token_life=rotation.rules.life_of(key.use), now=now)
    revoked = await rotation.database.transact(key_changes.revoke, key.kid, spare=spare, now=now)
    await rotation.begin()
    return revoked


def _unknown(kid: str) -> click.ClickException:
    from broker.cli.output import visible

    return click.ClickException(f"There is no key {visible(kid)}; `broker keys list` shows those that there are.")
