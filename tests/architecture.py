"""The table of rooms that `test_architecture` holds the product to, and the reading of a module's names.

A room is a module or a package directly below `broker`. What a module uses is read from its syntax tree:
every import wherever it stands, and every attribute that leads back to one (`dt.datetime.now` after
`import datetime as dt`). Nothing is imported or run.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

# From the top down: a room may use those of the lines below its own, and nothing of its own line.
LINES = (
    {"cli"},
    {"demo"},
    {"app"},
    {
        "login",
        "tokens",
        "userinfo",
        "introspection",
        "revocation",
        "par",
        "webhook",
        "avatars",
        "discovery",
        "health",
        "metrics",
        "status",
    },
    {"web", "client_auth"},
    {"claims", "outbox", "vault", "indices", "housekeeping"},
    {"keys"},
    {"store", "upstream", "outbound", "rates"},
    {"oauth"},
    {"settings"},
    {"sealing", "log", "telemetry"},
    {"leaving"},
    {"opaque", "clock", "background"},
)
# The simulator stands beside the table: it uses nothing of it, and two rooms run it.
SIMULATOR = "simulator"
# Modules that are part of a room under a name of their own.
PARTS = {
    "__main__": "cli",
    "app_tiktok": "app",
    "app_keys": "app",
    "app_rooms": "app",
    "claims_told": "claims",
    "configuration": "settings",
    "log_masking": "log",
    "log_request": "log",
    "metrics_facts": "metrics",
    "outbound_pictures": "outbound",
    "vault_revoking": "vault",
}

_LINE_OF = {room: number for number, line in enumerate(LINES) for room in line}
_ENDPOINTS = LINES[3]
_CLOCK_READINGS = ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")


@dataclass(frozen=True)
class Rule:
    """Names (with all that is below them) which only some rooms, or single modules of a room, may use."""

    names: tuple[str, ...]
    allowed: frozenset[str]
    sentence: str


RULES = (
    Rule(
        ("broker.settings", "broker.configuration"),
        frozenset({"settings", "app", "cli"}),
        "only `app` and `cli` import the settings; everybody else is handed what it needs",
    ),
    Rule(
        (f"broker.{SIMULATOR}",),
        frozenset({SIMULATOR, "demo", "cli"}),
        "only `demo` and `cli` run the simulator; the service knows no TikTok but the one at its address",
    ),
    Rule(
        ("sqlalchemy", "asyncpg", "sqlite3", "aiosqlite", "psycopg"),
        frozenset({"store"}),
        "only `store` builds SQL and talks to a database",
    ),
    Rule(
        ("alembic",),
        frozenset({"store", "cli.db"}),
        "only `store` and `cli/db` know the migrations",
    ),
    Rule(
        ("httpx", "httpx2", "httpx_aiohttp", "aiohttp", "requests"),
        frozenset({"upstream", "outbound", "app", "demo", "cli.doctor", f"{SIMULATOR}.posting"}),
        "only `upstream`, `outbound` and `app` make HTTP calls (`demo`, `cli/doctor` and the simulator's webhooks"
        " stand outside)",
    ),
    Rule(
        ("jwt", "joserfc", "authlib.jose", "jose", "jwcrypto"),
        frozenset({"keys", "claims", "client_auth", "demo"}),
        "only `keys`, `claims` and `client_auth` use a JOSE library (`demo` is somebody else's backend)",
    ),
    Rule(
        ("cryptography",),
        frozenset({"sealing", "keys", "claims", "client_auth"}),
        "only `sealing` and the rooms with a JOSE library use cryptography",
    ),
    Rule(
        ("starlette",),
        frozenset({"web", "app", "demo", SIMULATOR, *_ENDPOINTS}),
        "Starlette stays in `web`, the endpoints' rooms and `app`",
    ),
    Rule(
        ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"),
        frozenset({"settings"}),
        "only `settings` reads the environment",
    ),
    Rule(
        (
            *(f"time.{name}{unit}" for name in _CLOCK_READINGS for unit in ("", "_ns")),
            *(f"time.{name}" for name in ("localtime", "gmtime", "ctime", "asctime", "strftime")),
            *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
            "datetime.date.today",
            "asyncio.get_running_loop().time",
            "asyncio.get_event_loop().time",
        ),
        frozenset({"clock", "demo", SIMULATOR}),
        "only `clock` asks for the time; everybody else is handed `now` or a clock",
    ),
    Rule(
        ("secrets", "random", "uuid", "hashlib", "hmac", "os.urandom", "os.getrandom"),
        frozenset({"opaque", SIMULATOR}),
        "only `opaque` draws random numbers and hashes",
    ),
    Rule(
        ("importlib.import_module", "importlib.util", "runpy", "__import__"),
        frozenset({"cli.lazy"}),
        "an import by a computed name escapes this table: write a statement (`cli/lazy` loads commands)",
    ),
)


@dataclass(frozen=True)
class Use:
    """A dotted name that a module imports or reaches through an import."""

    line: int
    name: str


def broken_rules(module: str, source: str, *, package: bool = False) -> Iterator[tuple[Use, str]]:
    """What the module (dotted, without `broker.`) uses against the table, each with the rule's sentence.

    `package`: the source is the package's `__init__.py`, which matters for relative imports.
    """
    seen = set()
    for use in uses(module, ast.parse(source), package=package):
        for sentence in _objections(module, use.name):
            if (use.line, sentence) not in seen:
                seen.add((use.line, sentence))
                yield use, sentence


def _objections(module: str, name: str) -> Iterator[str]:
    room = _room(module)
    if room is not None and room != SIMULATOR and room not in _LINE_OF:
        yield f"`{room}` has no place in the table yet; give it one in LINES of tests/architecture.py"
        return
    for rule in RULES:
        if any(_below(name, kept) for kept in rule.names) and not any(
            _below(module, one) or room == one for one in rule.allowed
        ):
            yield rule.sentence
    used = _room(name.removeprefix("broker.")) if _below(name, "broker") else None
    if room == SIMULATOR and _below(name, "broker") and used != SIMULATOR:
        yield "the simulator uses nothing else of the project, so that it can be run alone"
    elif room in _LINE_OF and used in _LINE_OF and room != used and _LINE_OF[room] >= _LINE_OF[used]:
        yield f"imports go down only, and `{used}` does not stand below `{room}`"


def _room(module: str) -> str | None:
    """The room of a dotted name without `broker.`; None for `broker` itself and what it holds (`__version__`)."""
    first = module.split(".")[0]
    first = PARTS.get(first, first)
    return None if first in {"", "broker", "__init__", "__version__"} else first


def _below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def uses(module: str, tree: ast.Module, *, package: bool) -> Iterator[Use]:
    """Every dotted name that a module imports or reaches through an import, and the line."""
    origins = {"__import__": "__import__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Use(node.lineno, alias.name)
                top = alias.name.split(".")[0]
                origins[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(module, node, package=package)
            for alias in node.names:
                yield Use(node.lineno, f"{source}.{alias.name}")
                origins[alias.asname or alias.name] = f"{source}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = _dotted(node, origins)
            if name is not None:
                yield Use(node.lineno, name)


def _absolute(module: str, node: ast.ImportFrom, *, package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    above = ["broker", *module.split(".")]
    above = above[: len(above) - node.level + package]
    return ".".join([*above, *([node.module] if node.module else [])])


def _dotted(node: ast.AST, origins: dict[str, str]) -> str | None:
    """`node` spelled out from the import it goes back to, calls as `()`; None when it goes back to none."""
    match node:
        case ast.Name(id=name):
            return origins.get(name)
        case ast.Attribute(value=value, attr=attribute):
            owner = _dotted(value, origins)
            return None if owner is None else f"{owner}.{attribute}"
        case ast.Call(func=function):
            called = _dotted(function, origins)
            return None if called is None else f"{called}()"
    return None
