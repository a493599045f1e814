"""Alembic as `broker db` uses it: its faults as sentences, its progress on standard output."""

import contextlib
import logging
from collections.abc import Iterator

import click

from broker.cli import schema
from broker.cli.db_reach import Reach
from broker.configuration.addresses import masked_database_url
from broker.opaque import Secret
from broker.store import migrations, revision
from broker.store.migrating.running import Blocked
from broker.store.migrations import NoSuchRevision, Revision

_LOGGER = logging.getLogger("alembic.runtime.migration")
_STEP = "Running "


def upgrade(url: Secret, reach: Reach) -> None:
    """Migrate forwards as far as that, printing each step. `click.ClickException` when others keep it up."""
    if reach.steps:
        with _told(), _explained(reach.steps[-1].id):
            migrations.upgrade(url.reveal(), reach.steps[-1].id, tell=click.echo)


def downgrade(url: Secret, to: str) -> None:
    """Migrate backwards, printing each step. Raises `click.ClickException` for a revision that there is not."""
    with _told(), _explained(to):
        migrations.downgrade(url.reveal(), to, tell=click.echo)


def current(url: Secret) -> str | None:
    """The revision the database is at; None for a SQLite file that is not there, which is not made by asking."""
    return None if schema.not_made_yet(url) else migrations.current(url.reveal())


def differences(url: Secret, found: str | None) -> list[str]:
    """What only the models or only the database has; at another revision than the newest, what it lacks."""
    look = migrations.differences if found == revision.HEAD else migrations.lacking
    return look(url.reveal())


def history() -> list[Revision]:
    """All migrations of this release, oldest first."""
    return migrations.history()


def refuse_unknown(url: Secret) -> None:
    """Raises `click.ClickException` when the database is at a revision of a later release."""
    found = current(url)
    if found is not None and found not in {one.id for one in history()}:
        raise click.ClickException(
            f"The database is at revision {found}, which this release does not know; "
            "use the release that made it, or a later one."
        )


def shown(url: Secret) -> str:
    """The address of the database without its password."""
    return masked_database_url(url.reveal())


@contextlib.contextmanager
def _explained(to: str) -> Iterator[None]:
    try:
        yield
    except NoSuchRevision as error:
        raise click.ClickException(
            f"There is no way to revision {to} ({error}); `broker db history` lists the revisions."
        ) from error
    except Blocked as error:
        raise click.ClickException(str(error)) from error


class _Steps(logging.Handler):
    """Alembic tells its steps in log lines and nowhere else."""

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line.startswith(_STEP):
            # Alembic writes the state before the first migration as an empty text.
            step = line.removeprefix(_STEP).replace("  -> ", " base -> ").replace(" -> ,", " -> base,")
            click.echo(step)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    steps = _Steps()
    before = _LOGGER.level, _LOGGER.propagate
    _LOGGER.addHandler(steps)
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    try:
        yield
    finally:
        _LOGGER.removeHandler(steps)
        _LOGGER.setLevel(before[0])
        _LOGGER.propagate = before[1]
