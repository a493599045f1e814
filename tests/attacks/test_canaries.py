"""Secrets are searched for wherever they could leak: logs, answers, pages, `repr`s."""

import dataclasses
import gc
import importlib
import pkgutil
import re
from collections.abc import Iterator

import httpx
import pytest

import broker
from broker.simulator.faults import Fault
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, VERIFIER, WEB_SECRET, Stage
from tests.tiktok.deliveries import deliver
from tests.tiktok.leaving import tiktok_heard

# Text that a `repr` must not spell out, by the name of its field; `code` is also an error's code.
TELLING = re.compile(r"(secret|token|verifier|verifier_bytes|cookie|password|access_token|refresh_token)\Z")

NOT_THE_SERVICE = ("broker.simulator", "broker.demo", "broker.cli", "broker.__main__")


async def test_a_whole_life_leaves_no_secret_in_logs_nor_in_refusals(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    canaries = {WEB_SECRET, TIKTOK_SECRET, VERIFIER}
    refusals: list[httpx.Response] = []
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    canaries |= {value for name, value in browser.cookies.items() if name.startswith("broker_")}
    callback = await stage.consent(browser, sent.headers["location"])
    canaries |= {value for value in httpx.URL(callback).params.values() if value != "user.info.basic"}
    refusals.append(await (await stage.browser()).get(callback))
    back = await browser.get(callback)
    code = httpx.URL(back.headers["location"]).params["code"]
    canaries |= {code, browser.cookies["broker_session"]}
    tokens = (await stage.redeem(code)).json()
    later = (await stage.refresh(tokens["refresh_token"])).json()
    refusals += [
        await stage.redeem(code),
        await stage.redeem(code, code_verifier="x" + VERIFIER),
        await stage.refresh(tokens["refresh_token"]),
        await stage.token({"grant_type": WEB_SECRET}),
        await stage.http.post("/token", data={"client_id": "cli_web", "client_secret": WEB_SECRET}),
        await stage.userinfo(tokens["access_token"]),
        await stage.userinfo(tokens["id_token"]),
        await stage.http.get("/userinfo", params={"access_token": later["access_token"]}),
        await browser.get(callback),
        await stage.authorize(browser, stage.question(redirect_uri=f"https://evil.example/{code}")),
    ]
    for kind in ("reset", "not_json", "error", "wrong_types", "truncated"):
        stage.world.faults.add(Fault("token", kind))
        await stage.come_back(await stage.browser(), stage.question())
    for held in (tokens, later):
        canaries |= {held[name] for name in ("access_token", "refresh_token", "id_token")}
    canaries |= {*stage.world.grants._by_access_token, *stage.world.grants._by_refresh_token}
    ada = stage.world.people["p1"]
    assert (await deliver(stage.http, at=stage.clock(), user_openid=ada.open_id(CLIENT_KEY))).status_code == 200
    await tiktok_heard(stage)
    logged = capsys.readouterr().err
    assert '"event":"login.refused"' in logged
    shown = "".join(answer.text + repr(answer.headers) for answer in refusals)
    # These two are no secrets of ours, but nobody's business either.
    for canary in canaries | {"the-state", "the-nonce"}:
        assert canary not in logged, canary[:16]
        assert canary not in shown, canary[:16]
    assert CLIENT_KEY not in shown
    # Who it was is in the audit, which can be erased, and not in the log.
    names = (ada.display_name, ada.username, ada.avatar_name)
    for personal in (*names, ada.open_id(CLIENT_KEY), ada.union_id("Sample developer"), "usr_"):
        assert personal not in logged, personal
    assert_no_object_spells_out(canaries | set(secret_keys(stage)))


def secret_keys(stage: Stage) -> Iterator[str]:
    for key in stage.settings.secret_keys:
        yield repr(key._raw)
        yield key._raw.hex()


def assert_no_object_spells_out(canaries: set[str]) -> None:
    """Every object of the broker that is alive now, as a debugger or a careless log line would print it."""
    alive = [thing for thing in gc.get_objects() if is_the_brokers(type(thing))]
    assert len(alive) > 50
    for thing in alive:
        shown = repr(thing)
        for canary in canaries:
            assert canary not in shown, (type(thing), canary[:16])


def is_the_brokers(kind: type) -> bool:
    module = str(getattr(kind, "__module__", ""))
    return module.startswith("broker.") and not module.startswith(NOT_THE_SERVICE)


def dataclasses_of_the_broker() -> Iterator[type]:
    for found in pkgutil.walk_packages(broker.__path__, "broker."):
        if found.name.startswith(NOT_THE_SERVICE):
            continue
        module = importlib.import_module(found.name)
        for thing in vars(module).values():
            if isinstance(thing, type) and dataclasses.is_dataclass(thing) and thing.__module__ == found.name:
                yield thing


def test_no_dataclass_would_print_a_secret_that_it_holds_as_text() -> None:
    """For what lives too briefly to be met alive."""
    printing = [
        f"{holder.__module__}.{holder.__name__}.{field.name}"
        for holder in dataclasses_of_the_broker()
        for field in dataclasses.fields(holder)
        if TELLING.search(field.name)
        and field.repr
        and str(field.type).startswith(("str", "bytes", "<class 'str", "<class 'bytes"))
        and getattr(holder.__repr__, "__wrapped__", None) is not None
    ]
    assert printing == []
