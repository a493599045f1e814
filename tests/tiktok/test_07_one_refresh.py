"""Fifty callers at each of four processes find a pair near its end: TikTok sees one refresh."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import orjson

from tests.attacks.arena import on_processes, several_processes
from tests.attacks.racing import Attempt, race
from tests.tiktok.exchanging import BASIC, TIKTOK_LIFE, exchange, form, refreshes, register, signed_in

CALLERS = 50
PROCESSES = 4


async def test_of_two_hundred_callers_in_four_processes_one_refreshes(
    postgres_with_keys: str, tmp_path: Path
) -> None:
    with several_processes(postgres_with_keys, tmp_path, count=PROCESSES) as processes:
        async with on_processes(processes) as arena:
            stage = arena.stage
            await register(stage)
            stage.world.switches = replace(stage.world.switches, access_token_lifetime=119)
            tokens = await signed_in(stage)
            stage.world.switches = replace(stage.world.switches, access_token_lifetime=TIKTOK_LIFE)
            asked = Attempt("POST", "/token", form(tokens["access_token"]), BASIC)
            arrived = await race(arena.origins, [asked] * CALLERS * PROCESSES)
            assert Counter(one.status for one in arrived) == {200: CALLERS * PROCESSES}
            assert len({orjson.loads(one.body)["access_token"] for one in arrived}) == 1
            assert refreshes(stage) == 1
            again = (await exchange(stage, tokens["access_token"])).json()
            assert again["access_token"] == orjson.loads(arrived[0].body)["access_token"]
