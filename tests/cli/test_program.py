"""`broker` itself: what it lists, how it ends, what it imports."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from broker import __version__
from broker.cli import main
from broker.cli.faults import explained
from broker.cli.main import broker
from broker.sealing import Unsealable
from broker.store.database import DatabaseUnavailable, SchemaMismatch
from tests.cli.running import clean, ended, run

COMMANDS = {
    *("demo", "serve", "doctor", "simulator", "db", "clients", "explain"),
    *("keys", "users", "audit", "purge", "secret"),
}
SUBCOMMANDS = {
    "db": {"upgrade", "downgrade", "current", "check", "history", "plan", "backup"},
    "clients": {"add", "list", "show", "update", "remove", "rotate-secret", "disable", "enable", "apply"},
    "keys": {"list", "rotate", "revoke", "reseal"},
    "users": {"list", "show", "block", "unblock", "sign-out", "disconnect", "erase", "export", "import"},
}
HEAVY = (
    "sqlalchemy",
    "alembic",
    "authlib",
    "cryptography",
    "jinja2",
    "uvicorn",
    "starlette",
    "asyncpg",
    "aiohttp",
)


def every_command() -> list[tuple[str, ...]]:
    return [(name,) for name in sorted(COMMANDS)] + [
        (group, name) for group, names in sorted(SUBCOMMANDS.items()) for name in sorted(names)
    ]


def command(path: tuple[str, ...]) -> click.Command:
    found: click.Command = broker
    for name in path:
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None
        found = inner
    return found


def test_exactly_the_commands_that_work_are_listed() -> None:
    assert set(broker.list_commands(click.Context(broker))) == COMMANDS
    for group, names in SUBCOMMANDS.items():
        found = command((group,))
        assert isinstance(found, click.Group)
        assert set(found.list_commands(click.Context(found))) == names


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_explains_itself_and_every_option(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert f"Usage: broker {' '.join(path)}" in shown.stdout
    found = command(path)
    assert found.help
    for paragraph in found.help.split("\n\n"):
        # What is set as it stands (`\b`) is examples and tables, and may be led to without a full stop.
        if not paragraph.lstrip().startswith("\b"):
            assert paragraph.rstrip().endswith((".", ":")), "a sentence that does not end"
    for option in found.params:
        if isinstance(option, click.Option) and option.name != "port":
            assert option.help, option.name


@pytest.mark.parametrize(
    "path", [path for path in every_command() if path not in (("demo",), ("db",))], ids=" ".join
)
def test_every_command_shows_an_example(path: tuple[str, ...]) -> None:
    """`broker demo` is its own example, and `db` shows them with its commands."""
    _usage, _, explanation = run(*path, "--help").stdout.partition("\n")
    assert f"broker {' '.join(path)}" in explanation


@pytest.mark.parametrize(
    "path",
    [
        *(("clients", name) for name in ("list", "show")),
        ("keys", "list"),
        *(("users", name) for name in ("list", "show", "export")),
        *(("db", name) for name in ("history", "current", "check")),
        ("clients", "apply"),
        ("users", "import"),
        ("explain",),
        ("doctor",),
        ("audit",),
        ("purge",),
    ],
    ids=" ".join,
)
def test_every_listing_can_be_json(path: tuple[str, ...]) -> None:
    assert any("--json" in option.opts for option in command(path).params)


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"broker, version {__version__}\n"


def test_a_mistyped_command_is_wrong_usage_and_shown_what_it_could_mean() -> None:
    result = run("servee")
    assert result.exit_code == 2
    assert "'serve'" in result.stderr


def test_module_and_program_are_the_same(tmp_path: Path) -> None:
    assert ended("--version", environ={}, cwd=tmp_path).stdout == run("--version").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "serve --help",
        "clients add --help",
        "users erase --help",
        "users export --help",
        "users import --help",
        "clients apply --help",
        "explain --help",
        "audit --help",
        "purge --help",
        "db downgrade --help",
    ],
)
def test_help_imports_no_library_but_click(arguments: str, tmp_path: Path) -> None:
    program = f"""
import sys
from broker.cli.main import broker
broker({arguments.split()!r}, standalone_mode=False)
sys.exit(", ".join(name for name in {HEAVY!r} if name in sys.modules) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean({}), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            DatabaseUnavailable("the server hung up.\nDETAIL: more"),
            "(the server hung up); check BROKER_DATABASE_URL",
        ),
        (DatabaseUnavailable(""), "(no reason given)"),
        (SchemaMismatch("no such table: clients"), "run `broker db upgrade`"),
        (Unsealable("x"), "BROKER_SECRET_KEYS"),
    ],
)
def test_known_faults_are_one_sentence_that_says_what_to_do(error: Exception, words: str) -> None:
    sentence = explained(error)
    assert sentence is not None
    assert words in sentence
    assert "\n" not in sentence


def test_what_nobody_foresaw_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command(("secret",)), "callback", fail)
    assert isinstance(run("secret").exception, ZeroDivisionError)


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command(("secret",)), "callback", interrupted)
    result = run("secret")
    assert (result.exit_code, result.output) == (130, "\n")


def test_the_table_of_commands_names_places_that_exist() -> None:
    assert set(main._PLACES) == COMMANDS
    for name in COMMANDS:
        assert command((name,)).name == name
