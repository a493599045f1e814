"""The revisions this release carries, in a checkout's `migrations/` or inside the installed package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

Kind = Literal["expand", "contract"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration: its id, whether it only adds or also takes away, what it does, and the one before it."""

    id: str
    kind: Kind
    summary: str
    previous: str | None


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(folder()).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def history() -> list[Revision]:
    """All migrations, oldest first."""
    return [_revision(one) for one in _scripts().walk_revisions()][::-1]


def head() -> str:
    """The newest revision this release carries. Raises LookupError when it carries none."""
    newest = _scripts().get_current_head()
    if newest is None:
        raise LookupError("the installation carries no migrations; install the package again")
    return newest


def folder() -> Path:
    """Where the scripts lie."""
    package = Path(__file__).parents[2]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


def _revision(script: Script) -> Revision:
    kind: Kind = script.module.kind
    return Revision(script.revision, kind, script.doc, _text(script.down_revision))


def _text(revision: str | list[str] | tuple[str, ...] | None) -> str | None:
    return revision if revision is None or isinstance(revision, str) else ", ".join(revision)
