"""A connection reset at every single message of a refresh, before and after the server's work: nothing is lost."""

import pytest

from tests.replicas.cutting import Scissors, Side, scissors
from tests.resting import rest
from tests.stage import HeldClock, Stage, running_stage

SPENT = (400, "invalid_grant")


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_refresh_cut_at_any_message_succeeds_when_it_is_sent_again(
    postgres_with_keys: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch, side: Side
) -> None:
    """Whether the spending happened or not: the same token again gets its one successor, and no other gets any."""
    # Nobody else makes connections meanwhile.
    monkeypatch.setattr("broker.outbox.Outbox.nudge", lambda *_: None)
    rest(monkeypatch)
    async with scissors(postgres_with_keys) as way, running_stage(way.url, clock) as stage:
        statuses: set[int] = set()
        seen: list[str] = []
        while (passed := await cut_at(stage, way, len(seen) + 1, side, statuses)) is not None:
            seen = passed or seen
        # The protocol's letters for: who we are, prepare, bind, execute; or for what answers each of them.
        assert set(seen) >= ({"startup", "P", "B", "E"} if side == "before" else {"R", "1", "2", "D", "Z"})
        assert statuses == {503}


async def cut_at(stage: Stage, way: Scissors, at: int, side: Side, statuses: set[int]) -> list[str] | None:
    """One grant's refresh with a cut: the messages up to there; None when it was done before so many.

    None of them when it was not on a new connection: one that was dropped is noticed a moment later.
    """
    first = (await stage.sign_in())["refresh_token"]
    # On new connections statements are prepared anew: the more messages there are.
    way.drop()
    way.arm(at, side)
    answer = await stage.refresh(first)
    done = answer.status_code == 200 and way.seen[:1] in (["startup"], ["R"])
    passed = way.seen if way.has_cut else None if done else []
    way.arm(0, side)
    if answer.status_code != 200:
        statuses.add(answer.status_code)
        assert answer.json()["error"] == "temporarily_unavailable"
        answer = await stage.refresh(first)
    assert answer.status_code == 200, (at, side, answer.text)
    second = answer.json()["refresh_token"]
    third = (await stage.refresh(second)).json()["refresh_token"]
    assert len({first, second, third}) == 3
    again = await stage.refresh(first)
    assert (again.status_code, again.json()["error"]) == SPENT
    return passed
