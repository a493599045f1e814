"""Configuration told early: what to register at TikTok, at the start and by `broker doctor`; what is proven."""

import asyncio
import contextlib
import json
import re
import shutil
import signal
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.cli.doctor import apps
from broker.cli.main import broker
from broker.clock import system_clock
from broker.simulator.apps import App
from broker.simulator.faults import Fault
from broker.simulator.serve import running as serving_app
from broker.store import clients
from broker.store.schema import metadata
from broker.telemetry import REGISTRY
from broker.upstream.tiktok_errors import VERDICTS
from tests.cli.examining import examine
from tests.cli.running import serving, settings
from tests.documentation import ROOT, Page
from tests.stage import TIKTOK_SECRET, Stage, environment, free_port
from tests.web.front import on_sqlite

SECOND_SECRET = "canary-second-secret"
PAGE = Page(ROOT / "docs/tiktok.md")


@dataclass(frozen=True)
class Examined:
    """How the command ended, and its findings by check."""

    exit_code: int
    output: str

    def __getitem__(self, check: str) -> dict[str, Any]:
        (found,) = (each for each in json.loads(self.output) if each["check"] == check)
        return dict(found)

    @property
    def outcomes(self) -> dict[str, str]:
        return {each["check"]: each["outcome"] for each in json.loads(self.output)}


def environ(stage: Stage, **changes: str) -> dict[str, str]:
    """The stage's own settings, with changes."""
    return environment(stage.issuer, stage.settings.database_url.reveal(), stage.simulator, **changes)


async def doctor(given: Mapping[str, str]) -> Examined:
    """`broker doctor --online` in a thread: the stage answers in this one."""

    def run() -> Examined:
        result = CliRunner().invoke(broker, ["doctor", "--online", "--json"], env=dict(given), prog_name="broker")
        assert result.stderr == ""
        return Examined(result.exit_code, result.stdout)

    examined = await asyncio.to_thread(run)
    assert TIKTOK_SECRET not in examined.output
    assert SECOND_SECRET not in examined.output
    return examined


async def test_all_is_well_but_that_the_issuer_is_on_loopback(stage: Stage) -> None:
    found = await doctor(environ(stage))
    assert found.exit_code == 0
    # The tests' own PostgreSQL does not wait for its disk.
    on_postgresql = stage.settings.database_url.reveal().startswith("postgresql")
    doubtful = ["issuer", *(["durability"] if on_postgresql else [])]
    assert [check for check, outcome in found.outcomes.items() if outcome != "ok"] == doubtful
    assert found["cookies from outside"]["found"] == "the cookie of a sign-in comes and goes as it is"
    assert found["redirect URI of default"]["found"].startswith(
        f"{stage.issuer}/callback/tiktok (register it under platform Desktop; Web refuses IP addresses)"
    )
    assert found["key and secret of default"]["found"] == "TikTok accepts them"
    assert found["issuer from outside"]["found"] == f"{stage.issuer} is this issuer"
    assert found["key set from outside"]["found"] == "the 8 keys of the database"
    assert found["apps"]["found"] == "2 registered and enabled"


@on_sqlite
async def test_each_pair_of_key_and_secret_is_proven_by_itself(stage: Stage, tmp_path: Path) -> None:
    stage.world.add_app(App("aw0second", SECOND_SECRET, [f"{stage.issuer}/callback/tiktok/second"]))
    file = tmp_path / "registrations.toml"
    table = '[[registrations]]\nname = "second"\nclient_key = "aw0second"\nclient_secret = "{}"\n'
    file.write_text(table.format(SECOND_SECRET))
    given = environ(stage, BROKER_TIKTOK_REGISTRATIONS=str(file))
    assert (await doctor(given))["key and secret of second"]["outcome"] == "ok"
    file.write_text(table.format("another"))
    found = await doctor(given)
    assert found.exit_code == 1
    assert found["key and secret of default"]["outcome"] == "ok"
    wrong = found["key and secret of second"]
    assert wrong["outcome"] == "fault"
    assert wrong["found"].startswith("TikTok does not accept this client key or secret")
    assert "error invalid_client, log_id 2" in wrong["found"]
    assert wrong["remedy"].startswith("Copy key and secret of second anew from the app's page")


@on_sqlite
async def test_a_tiktok_that_fails_proves_nothing(stage: Stage) -> None:
    stage.world.faults.add(Fault("token", "html"))
    found = await doctor(environ(stage))
    assert found.exit_code == 0
    assert found["key and secret of default"]["outcome"] == "warning"
    assert "try again" in found["key and secret of default"]["remedy"]


@on_sqlite
async def test_a_tiktok_that_is_not_there_is_told_and_the_rest_goes_on(stage: Stage) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    given = environ(stage, BROKER_TIKTOK_API_URL=away, BROKER_TIKTOK_AUTHORIZE_URL=f"{away}/v2/auth/authorize/")
    found = await doctor(given)
    assert found.exit_code == 1
    for check in ("TikTok's API", "TikTok's authorize page"):
        assert (found[check]["outcome"], "gives no answer" in found[check]["found"]) == ("fault", True)
        assert found[check]["remedy"].startswith("Let this machine reach 127.0.0.1:")
    assert "key and secret of default" not in found.outcomes
    assert found["key set from outside"]["outcome"] == "ok"
    # Then the issuer's own answer says what time it is.
    assert found.outcomes["clock"] == "ok"


@on_sqlite
async def test_an_issuer_that_does_not_answer_is_a_fault(stage: Stage) -> None:
    found = await doctor(environ(stage, BROKER_ISSUER=f"http://127.0.0.1:{free_port()}"))
    assert found["issuer from outside"]["outcome"] == "fault"
    assert "hands this path on to the broker" in found["issuer from outside"]["remedy"]
    assert "key set from outside" not in found.outcomes


@on_sqlite
async def test_an_issuer_known_by_another_name_is_a_fault(stage: Stage) -> None:
    found = await doctor(environ(stage, BROKER_ISSUER=stage.issuer.replace("127.0.0.1", "localhost")))
    wrong = found["issuer from outside"]
    assert (wrong["outcome"], "names another issuer" in wrong["found"]) == ("fault", True)
    assert wrong["remedy"].startswith("Set BROKER_ISSUER to the same origin for every process")


@on_sqlite
async def test_a_key_set_of_another_database_is_a_fault(
    stage: Stage, sqlite_template: Path, tmp_path: Path
) -> None:
    other = shutil.copy(sqlite_template, tmp_path / "other.db")
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.executescript("DELETE FROM signing_keys WHERE alg = 'EdDSA'")
    wrong = (await doctor(environ(stage, BROKER_DATABASE_URL=f"sqlite:///{other}")))["key set from outside"]
    assert (wrong["outcome"], wrong["found"]) == ("fault", "2 keys differ from those in the database")
    assert wrong["remedy"].startswith("Let every process use the same BROKER_DATABASE_URL")


@on_sqlite
async def test_without_its_database_what_is_outside_is_looked_at_all_the_same(stage: Stage) -> None:
    away = f"postgresql://broker:x@127.0.0.1:{free_port()}/broker"
    found = await doctor(environ(stage, BROKER_DATABASE_URL=away))
    assert found.outcomes["database"] == "fault"
    assert found.outcomes["key and secret of default"] == found.outcomes["issuer from outside"] == "ok"
    blind = found["key set from outside"]
    assert (blind["outcome"], blind["remedy"]) == ("warning", "Mend the database first.")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, b"<html>", "answers with status 502"),
        (302, b"", "answers with status 302"),
        (200, b"<html>", "something else than a JSON object"),
        (200, b"[]", "something else than a JSON object"),
        (200, b'{"issuer": "x', "something else than a JSON object"),
        (200, b" " * 10_000_000, "something else than a JSON object"),
    ],
)
@on_sqlite
async def test_what_is_in_front_of_the_issuer_may_answer_anything(
    database_url: str, status: int, body: bytes, words: str
) -> None:
    async def strange(_: Request) -> Response:
        return Response(body, status, {"location": "https://elsewhere.example/"} if status == 302 else None)

    app = Starlette(routes=[Route("/{path:path}", strange)])
    async with serving_app(app) as origin:
        found = await asyncio.to_thread(
            lambda: examine(database_url, ask=True, BROKER_ISSUER=origin, BROKER_TIKTOK_API_URL=origin)
        )
    assert found["issuer from outside"].outcome == "fault"
    assert words in found["issuer from outside"].found


@on_sqlite
async def test_the_clock_is_held_against_tiktoks(stage: Stage) -> None:
    def ahead(seconds: int) -> Any:
        given = environ(stage)
        url = given.pop("BROKER_DATABASE_URL")
        return examine(url, ask=True, clock=lambda: system_clock() + seconds, **given)["clock"]

    assert (await asyncio.to_thread(ahead, 0)).outcome == "ok"
    wrong = await asyncio.to_thread(ahead, 300)
    assert wrong.outcome == "fault"
    assert "ahead of that of 127.0.0.1" in wrong.found
    assert wrong.remedy.startswith("Let NTP set the clock of this machine")


@on_sqlite
async def test_names_in_addresses_of_apps_are_resolved_and_nothing_is_called(stage: Stage) -> None:
    nowhere = {"redirect_uris": ["https://a.example/"], "jwks_uri": "https://no-such-host.invalid/jwks"}
    await stage.database.transact(clients.add, "cli_nowhere", nowhere, None, now=1)
    found = (await doctor(environ(stage)))["app cli_nowhere"]
    assert (found["outcome"], found["found"]) == (
        "warning",
        "the host in its jwks_uri has no address here: no-such-host.invalid",
    )
    assert found["remedy"] == "Correct the address, or this machine's name server."


@on_sqlite
async def test_a_name_that_points_inside_is_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def inside(_: str, __: int | None) -> list[str]:
        return ["203.0.113.7", "10.0.0.7"]

    monkeypatch.setattr(apps, "_resolved", inside)
    told = {"redirect_uris": ["https://a.example/"], "backchannel_logout_uri": "https://inside.example/logout"}
    await stage.database.transact(clients.add, "cli_inside", told, None, now=1)
    found = (await doctor(environ(stage)))["app cli_inside"]
    assert found["outcome"] == "fault"
    assert found["found"].endswith("its backchannel_logout_uri: inside.example points into a private network")
    assert "BROKER_ALLOW_PRIVATE_CALLBACKS=on" in found["remedy"]


def test_what_to_register_is_printed_at_the_start_and_doubts_are_logged_once(tmp_path: Path) -> None:
    file = tmp_path / "registrations.toml"
    file.write_text(
        '[[registrations]]\nname = "staging"\nclient_key = "sbawstaging"\nclient_secret = "canary-staging"\n'
    )
    given = settings(
        f"sqlite:///{tmp_path}/broker.db",
        BROKER_ISSUER="https://id.example.com",
        BROKER_TIKTOK_PKCE="none",
        BROKER_TRUSTED_PROXIES="10.0.0.7",
        BROKER_TIKTOK_REGISTRATIONS=str(file),
    )
    with serving("--workers", "2", environ=given, cwd=tmp_path) as process:
        assert process.stop(signal.SIGTERM) == 0
    announced = [line.strip() for line in process.announced.splitlines()]
    for path in ("", "/staging"):
        (line,) = (number for number, each in enumerate(announced) if each.endswith(f"/callback/tiktok{path}"))
        assert announced[line + 1] == "register it under platform Web; Desktop takes localhost and 127.0.0.1 only"
    lines = [orjson.loads(line) for line in process.log.read_text().splitlines()]
    doubts = {line["check"]: line for line in lines if line["event"] == "settings.doubtful"}
    assert set(doubts) == {"TikTok", "PKCE of default", "PKCE of staging", "client key of staging"}
    assert len([line for line in lines if line["event"] == "settings.doubtful"]) == len(doubts)
    assert doubts["client key of staging"]["level"] == "warning"
    assert doubts["client key of staging"]["advice"].startswith("Once TikTok has approved the app")


def test_the_page_for_operators_has_every_error_that_tiktok_can_answer_and_what_to_do() -> None:
    said: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in VERDICTS:
        words = f"`{row.error}`" + (f" (`{row.hint}`)" if row.hint else "")
        by_place = said.setdefault((row.sentence.removesuffix("."), row.outcome.__name__.lower()), {})
        by_place.setdefault(row.place, []).append(words)
    expected = [
        [sentence, "; ".join(f"{place}: {', '.join(words)}" for place, words in by_place.items()), outcome]
        for (sentence, outcome), by_place in said.items()
    ]
    rows = PAGE.rows("| the log's sentence | what TikTok said, and when | as | what to do |")
    assert [row[:3] for row in rows] == expected
    assert all(len(row) == 4 and row[3] for row in rows)


def test_the_page_for_operators_has_every_metric_of_tiktoks() -> None:
    theirs = ("broker_tiktok_", "broker_logins_", "broker_avatar_")
    ours = {metric.name for metric in REGISTRY.collect() if metric.name.startswith(theirs)}
    assert {name for name in ours if not re.search(rf"`{name}(_total)?`", PAGE.text)} == set()


def test_the_page_for_operators_names_every_table() -> None:
    named = " ".join(row[0] for row in PAGE.rows("| table | what of TikTok or of the person | sealed | until |"))
    assert set(re.findall(r"`(\w+)`", named)) == set(metadata.tables)
