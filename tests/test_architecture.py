"""The product is held to the table of rooms in `tests.architecture`, and the table's reader to small examples."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import LINES, PARTS, SIMULATOR, broken_rules

PRODUCT = Path(__file__).parents[1] / "broker"
FILES = sorted(PRODUCT.rglob("*.py"))
MOST_LINES = 300
DRAWERS = {"util", "utils", "helper", "helpers", "manager", "managers"}


def test_every_import_follows_the_table() -> None:
    """A line per fault: where it is, what is used there, and the rule in a sentence."""
    faults = []
    for file in FILES:
        inside = file.relative_to(PRODUCT)
        package = inside.name == "__init__.py"
        module = ".".join((inside.parent if package else inside.with_suffix("")).parts)
        for use, sentence in broken_rules(module, file.read_text(), package=package):
            faults.append(f"broker/{inside}:{use.line} uses {use.name}: {sentence}")
    assert not faults, "\n" + "\n".join(sorted(set(faults)))


def test_every_room_is_in_the_table_once() -> None:
    rooms = [room for line in LINES for room in line]
    assert len(rooms) == len(set(rooms))
    present = {path.stem for path in PRODUCT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present - {"__init__"} <= {*rooms, *PARTS, SIMULATOR}


def test_an_init_file_is_a_docstring() -> None:
    wrong = [file for file in FILES if file.name == "__init__.py" and not _is_docstring(file)]
    assert not wrong, (
        f"move the code into modules of their own: {[str(file.relative_to(PRODUCT)) for file in wrong]}"
    )


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(file.relative_to(PRODUCT)): len(file.read_text().splitlines()) for file in FILES}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_no_module_is_a_drawer() -> None:
    """A file is named after the one thing it does."""
    assert not [str(file) for file in FILES if {*file.relative_to(PRODUCT).with_suffix("").parts} & DRAWERS]


REMEMBERED = {
    # Of its own log and metrics.
    *("log._loggers", "log._pipeline", "telemetry._words", "telemetry._apps"),
    *("telemetry._requests", "telemetry._request_seconds", "telemetry._tiktok_calls", "telemetry._tiktok_seconds"),
    # What always comes out the same.
    *(
        "log_masking._telling",
        "outbound._tls",
        "upstream.http._tls",
        "upstream.http._limits",
        "upstream.http._address",
        "rates.neighbourhood._of",
        "store.audit._newest",
    ),
}
"""What a process keeps beside its broker, and no other replica needs."""


def test_what_a_process_remembers_is_nothing_that_another_replica_must_know() -> None:
    """Journeys on three processes miss what they go by (tests/replicas); what none of them goes by shows here."""
    found = set()
    for file in FILES:
        inside = file.relative_to(PRODUCT).with_suffix("")
        if inside.parts[0] not in (SIMULATOR, "demo"):
            found |= {".".join((*inside.parts, name)) for name in _memories(ast.parse(file.read_text()))}
    assert found == REMEMBERED


def _memories(tree: ast.Module) -> Iterator[str]:
    """What grows as it runs: containers that begin empty, answers that are kept, and `global` names."""
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                if ast.unparse(value) in _EMPTY or ast.unparse(value).startswith(_KEEPING):
                    yield ast.unparse(target)
    for inner in ast.walk(tree):
        match inner:
            case ast.Global(names=names):
                yield from names
            case (
                ast.FunctionDef(name=name, decorator_list=kept)
                | ast.AsyncFunctionDef(name=name, decorator_list=kept)
            ) if any("cache" in ast.unparse(each) for each in kept):
                yield name


_EMPTY = {"{}", "[]", "set()", "dict()", "list()"}
_KEEPING = (
    *("functools.lru_cache(", "functools.cache("),
    *("defaultdict(", "OrderedDict(", "Counter()", "deque(", "WeakValueDictionary(", "WeakKeyDictionary("),
)


@pytest.mark.parametrize(
    "source",
    [
        "_seen = set()",
        "_seen: Final[dict[str, int]] = {}",
        "_last = defaultdict(list)",
        "@lru_cache(maxsize=9)\ndef f(x): ...",
        "@functools.cache\nasync def f(x): ...",
        "def f():\n    global _now\n    _now = 1",
    ],
)
def test_what_remembers_is_found(source: str) -> None:
    assert len([*_memories(ast.parse(source))]) == 1


@pytest.mark.parametrize(
    ("module", "source", "rule"),
    [
        ("oauth.pkce", "from broker.store import users", "`store` does not stand below `oauth`"),
        ("store.users", "from broker import keys", "`keys` does not stand below"),
        ("login.callback", "from broker.tokens.endpoint import Token", "`tokens` does not stand below `login`"),
        ("web.errors", "def f():\n    from broker import client_auth", "`client_auth` does not stand below `web`"),
        ("login.pages.rendering", "from ... import app", "`app` does not stand below `login`"),
        ("opaque", "import broker\nbroker.sealing.Sealer", "`sealing` does not stand below `opaque`"),
        ("pantry.shelf", "import re", "`pantry` has no place in the table"),
        ("login.request", "from broker.settings import Settings", "only `app` and `cli` import the settings"),
        ("keys.ring", "from broker.configuration import values", "only `app` and `cli` import the settings"),
        ("tokens.endpoint", "import sqlalchemy as sa", "only `store` builds SQL"),
        ("cli.users", "from sqlalchemy import text", "only `store` builds SQL"),
        ("upstream.tiktok", "import sqlite3", "only `store` builds SQL"),
        ("cli.users", "from alembic import command", "only `store` and `cli/db` know the migrations"),
        ("userinfo", "import httpx", "only `upstream`, `outbound` and `app`"),
        ("cli.clients", "from httpx_aiohttp import AiohttpTransport", "only `upstream`, `outbound` and `app`"),
        ("tokens.endpoint", "import jwt", "use a JOSE library"),
        ("login.callback", "from authlib.jose import jwt", "use a JOSE library"),
        ("store.keys", "from cryptography.hazmat.primitives import hashes", "use cryptography"),
        ("store.users", "from starlette.requests import Request", "Starlette stays in"),
        ("client_auth", "from starlette.requests import Request", "Starlette stays in"),
        ("app", "from broker.simulator import app", "only `demo` and `cli` run the simulator"),
        ("simulator.token", "from broker import clock", "the simulator uses nothing else"),
        ("simulator.token", "from broker import __version__", "the simulator uses nothing else"),
        ("simulator.token", "from ..opaque import equal", "the simulator uses nothing else"),
        ("app", "import os\nissuer = os.environ['X']", "only `settings` reads the environment"),
        ("log", "from os import getenv", "only `settings` reads the environment"),
        ("log", "import os as system\nsystem.getenv('X')", "only `settings` reads the environment"),
        ("keys.ring", "import time\ntime.time()", "only `clock` asks for the time"),
        ("keys.ring", "from time import monotonic_ns as now", "only `clock` asks for the time"),
        ("claims", "import datetime as dt\ndt.datetime.now(dt.UTC)", "only `clock` asks for the time"),
        ("claims", "from datetime import datetime\ndatetime.utcnow()", "only `clock` asks for the time"),
        ("outbox", "import asyncio\nasyncio.get_running_loop().time()", "only `clock` asks for the time"),
        ("tokens.endpoint", "import secrets", "only `opaque` draws random numbers"),
        ("demo.check", "from hashlib import sha256", "only `opaque` draws random numbers"),
        ("store.audit", "import os\nos.urandom(16)", "only `opaque` draws random numbers"),
        ("app", "import importlib\nimportlib.import_module('x')", "an import by a computed name"),
        ("app", "__import__('jwt')", "an import by a computed name"),
    ],
)
def test_a_breach_is_found(module: str, source: str, rule: str) -> None:
    found = list(broken_rules(module, source))
    assert any(rule in sentence for _, sentence in found)
    assert {use.line for use, _ in found} == {source.count("\n") + 1}


def test_a_relative_import_of_a_package_starts_at_the_package() -> None:
    assert list(broken_rules("login", "from .pages import cli", package=True)) == []
    assert list(broken_rules("login", "from ..cli import main", package=True)) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("login.callback", "from broker.store import users\nfrom broker.web.errors import page"),
        ("login.callback", "from .pages import rendering\nfrom . import browser"),
        ("store.users", "from sqlalchemy import select\nfrom broker import opaque"),
        ("cli.db", "from alembic import command"),
        ("cli.demo", "from broker.demo import run\nfrom broker.simulator import app"),
        ("cli.main", "from broker import __version__"),
        ("cli.lazy", "from importlib import import_module"),
        ("__main__", "from broker.cli.main import main"),
        ("demo.backend", "import jwt, httpx\nfrom starlette.routing import Route"),
        ("keys.jwk", "from cryptography.hazmat.primitives.asymmetric import ec\nimport joserfc"),
        ("sealing", "from broker import opaque\nfrom cryptography.exceptions import InvalidTag"),
        ("settings", "import os\nos.environ\nfrom broker.sealing import SecretKey"),
        ("configuration.table", "from broker.configuration import values\nfrom broker.opaque import Secret"),
        ("simulator.world", "import time, secrets\ntime.time()\nfrom broker.simulator import apps"),
        ("login.request", "import os, time, datetime\nos.path\ntime.sleep\ndatetime.datetime.fromtimestamp(0)"),
        ("claims", "class Row:\n    def time(self): ...\nRow().time()\nself.time.time()"),
        ("upstream.tiktok", "from authlib.oauth2 import rfc6749\nimport jwt_like"),
    ],
)
def test_what_the_table_allows_passes(module: str, source: str) -> None:
    assert list(broken_rules(module, source)) == []


def _is_docstring(file: Path) -> bool:
    body = ast.parse(file.read_text()).body
    if file.parent == PRODUCT:
        body = [node for node in body if not _is_version(node)]
    return len(body) == 1 and ast.get_docstring(ast.Module(body, [])) is not None


def _is_version(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
