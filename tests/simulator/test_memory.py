"""A simulator that runs for months keeps a bounded memory of what it has seen."""

import pytest

from broker.simulator import grants, world
from tests.simulator.driver import Driver, refused


async def test_the_oldest_code_is_forgotten_first(tiktok: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "_LIMIT", 2)
    codes = [await tiktok.code() for _ in range(3)]
    assert refused(await tiktok.redeem(codes[0]))[0] == "invalid_grant"
    for code in codes[1:]:
        assert "access_token" in (await tiktok.redeem(code)).json()


async def test_the_oldest_browser_is_signed_out_first(tiktok: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_MAX_SESSIONS", 2)
    cookies = [tiktok.world.begin_session("p1") for _ in range(3)]
    assert [tiktok.world.signed_in(cookie) is not None for cookie in cookies] == [False, True, True]
