"""Without a `union_id` nobody is signed in: the app hears `server_error`, the operator what to do, and nothing is
stored, for a person who is new as for one who is known by the same `open_id`.
"""

import pytest

from broker.simulator.faults import Fault
from tests.journeys.tables import contents
from tests.stage import HeldClock, running_stage
from tests.tiktok.several import assert_nothing_stored, cookies_left, events

MISSING = Fault("user_info", "missing_union_id", times=None)


async def test_nobody_is_signed_in_without_a_union_id(
    database_url: str, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_stage(database_url, clock) as stage:
        stage.world.faults.add(MISSING)
        browser = await stage.browser()
        capsys.readouterr()
        heard = await stage.come_back(browser, stage.question())
        assert (heard["error"], heard["state"], heard["iss"]) == ("server_error", "the-state", stage.issuer)
        assert "code" not in heard
        assert cookies_left(browser) == []
        await assert_nothing_stored(stage)
        assert stage.world.counters["user_info"]["calls"] == 1

        (line,) = events(capsys.readouterr().err, "upstream.rejected")
        assert (line["registration"], line["endpoint"]) == ("default", "user_info")
        assert line["log_id"]
        for told in ("no union_id", "Login Kit", "user.info.basic"):
            assert told in line["reason"]

        # Somebody is known by this very open_id: still nobody.
        stage.world.faults.clear()
        await stage.sign_in()
        before = await contents(stage.database)
        stage.world.faults.add(MISSING)
        heard = await stage.come_back(await stage.browser(), stage.question())
        assert heard["error"] == "server_error"
        assert await contents(stage.database) == before
