"""`broker clients apply`: the registered apps as a file says."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.clients_update import seconds
from broker.cli.options import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from broker.cli.clients_difference import Difference
    from broker.cli.clients_file import Wanted


@click.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--check", is_flag=True, help="The same, and exit 1 if anything would change.")
@click.option("--prune", is_flag=True, help="Remove the clients that the file does not name; asks first.")
@click.option(
    "--secrets-to",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the secrets that are made to this new file, as JSON.",
)
@click.option(
    "--keep",
    metavar="DURATION",
    default="0s",
    callback=seconds,
    help="How long a secret that is replaced stays good, as 24h; by itself not at all.",
)
@yes_option
@JSON
def apply(
    file: Path,
    dry_run: bool,
    check: bool,
    prune: bool,
    secrets_to: Path | None,
    keep: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Make the clients those of a TOML file, and say what changes.

    \b
      broker clients apply clients.toml --dry-run
      broker clients apply clients.toml --secrets-to new-secrets.json
      broker clients apply clients.toml --check

    The file has a [[clients]] table for each, with a client_id, and RFC 7591's names or those of the options of
    `broker clients add` with _ for -. All of it is done, or nothing; doing it again changes nothing. What a client
    has and the file does not say goes back to its default, but `disabled`, which stays. No secret is ever printed.
    """
    from broker.cli import clients_difference
    from broker.cli.database import read
    from broker.store import clients as store

    wanted = _read(file)
    registered = read(store.every)
    differences = clients_difference.between(wanted, registered, prune=prune)
    left_alone = sorted({row.client_id for row in registered} - {each.client_id for each in wanted})
    only_told = dry_run or check
    told = {
        "differences": [each.as_json() for each in differences],
        "not_in_file": left_alone,
        "applied": bool(differences) and not only_told,
    }
    if not as_json:
        _tell(differences, [] if prune else left_alone)
    if differences and not only_told:
        _apply(differences, secrets_to, keep=keep, yes=yes)
    if as_json:
        from broker.cli import output

        output.print_json(told)
    if check and differences:
        raise click.exceptions.Exit(1)


def _read(file: Path) -> "list[Wanted]":
    from broker.cli import clients_file

    try:
        with click.open_file(str(file), "rb") as stream:
            # One more than may be, so that standard input without an end is refused, too.
            content = stream.read(clients_file.MOST_BYTES + 1)
        return clients_file.read(content, file.parent)
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be read ({error.strerror}); correct the path or the rights."
        ) from error
    except clients_file.BadFile as bad:
        raise click.ClickException("\n  ".join([f"{file} cannot be applied:", *bad.faults])) from None


def _tell(differences: "list[Difference]", left_alone: list[str]) -> None:
    from broker.cli import output

    for difference in differences:
        for line in difference.lines():
            click.echo(output.visible(line))
    if left_alone:
        names = output.visible(", ".join(left_alone))
        click.echo(f"Not in the file, and left alone without --prune: {names}.", err=True)
    if not differences:
        click.echo("Nothing to change.", err=True)


def _apply(differences: "list[Difference]", secrets_to: Path | None, *, keep: int, yes: bool) -> None:
    from broker import opaque
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import client_applying

    made = {each.client_id: opaque.secret("brs_") for each in differences if each.credential == "made"}
    if made and secrets_to is None:
        raise click.ClickException(
            f"The broker must make a secret for {', '.join(made)}: say with --secrets-to FILE where to put it, or "
            "name one of your own as client_secret_file. Nothing was changed."
        )
    _ask(differences, yes=yes)
    changes = [
        replace(each.change, secret_digest=opaque.digest(made[each.client_id]))
        if each.client_id in made
        else each.change
        for each in differences
    ]
    now = system_clock()
    with _written(secrets_to, made):
        try:
            change(client_applying.apply, changes, old_until=now + keep, now=now)
        except client_applying.Overtaken as overtaken:
            _overtaken(overtaken.client_id)
    counts = [[each.kind for each in differences].count(kind) for kind in ("add", "change", "remove")]
    click.echo(f"Done: {counts[0]} added, {counts[1]} changed, {counts[2]} removed.", err=True)


def _ask(differences: "list[Difference]", *, yes: bool) -> None:
    """Before apps go, and what they were granted. Raises as `confirm` does."""
    from broker.cli.database import read
    from broker.store import clients as store

    leaving = [each.client_id for each in differences if each.kind == "remove"]
    if not leaving:
        return
    grants = sum(read(store.count_grants, client_id) for client_id in leaving)
    confirm(
        f"This deletes {', '.join(leaving)} and their grants ({grants}): nobody can sign in to them any more, and "
        "their refresh tokens are void. Access tokens that they hold pass at backends until they expire.",
        yes=yes,
    )


@contextmanager
def _written(path: Path | None, made: dict[str, str]) -> "Iterator[None]":
    """The secrets in their file, before anybody needs them; taken away again when it comes to nothing."""
    if path is None or not made:
        yield
        return
    import orjson

    from broker.cli import private_file

    with private_file.made(path) as file:
        file.write(orjson.dumps(made, option=orjson.OPT_INDENT_2).decode() + "\n")
    try:
        yield
    except BaseException:
        path.unlink()
        raise
    click.echo(f"The secrets that were made are in {path}, and nowhere else.", err=True)


def _overtaken(client_id: str) -> NoReturn:
    raise click.ClickException(
        f"{client_id} was changed by somebody else meanwhile; nothing was changed. Look at it and try again."
    )
