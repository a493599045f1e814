"""`broker db backup`: a copy of a SQLite database while the broker serves."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.opaque import Secret


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy a SQLite database into a new file, while the broker serves.

    \b
      broker db backup /backups/broker-2026-12-01.db

    What was committed before is in the copy; it is checked, belongs to its owner alone (mode 0600), and holds
    nobody up. A file that is there already is left alone. The secret keys are not in it: keep them elsewhere,
    since without them no copy is of use.

    PostgreSQL has pg_dump for this, and the command says how to call it. The way back is in
    docs/operations/backup.md.
    """
    from broker.cli import schema
    from broker.settings import database_url
    from broker.store import copying

    url = database_url()
    source = schema.sqlite_file(url)
    if source is None:
        raise click.ClickException(f"This database is PostgreSQL's: back it up with `{_pg_dump(url, file)}`.")
    if schema.not_made_yet(url):
        raise click.ClickException(
            f"There is no database at {source} yet; correct BROKER_DATABASE_URL or the folder you are in."
        )
    try:
        size = copying.copy(source, file)
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; name a file that is not.") from None
    except copying.Damaged as error:
        raise click.ClickException(
            f"The database in {source} is damaged ({error}), and no copy was made; stop the broker and restore "
            "the newest backup."
        ) from error
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be written ({error.strerror}); correct the path, the rights, or make room on the disk."
        ) from error
    click.echo(f"{file} is a sound copy of {source} ({size:,} bytes).")


def _pg_dump(url: "Secret", file: Path) -> str:
    """The command without the password, which libpq takes from ~/.pgpass or PGPASSWORD."""
    import shlex

    from broker.cli import migrating

    return shlex.join(
        [
            "pg_dump",
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--file={file}",
            f"--dbname={migrating.shown(url).replace(':***@', '@')}",
        ]
    )
