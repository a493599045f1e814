"""The simulation agrees with what formulas know, and the page with the simulation's table of costs."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from benchmarks.capacity import costs, facts, growth, report
from benchmarks.capacity.__main__ import _MIXES
from benchmarks.capacity.carrying import carried
from benchmarks.capacity.facts import Machines
from benchmarks.capacity.growth import Habits
from benchmarks.capacity.queueing import erlang_c, longer_than, mean_wait, walls
from benchmarks.capacity.simulation import Log, Station, Timeline, simulate
from tests.documentation import ROOT

SERVICE = 0.01
ENOUGH = Machines("enough", replicas=1, workers=1, database_cores=100, fsync=0.0, trip=0.0, disk=float("inf"))
PLAIN = replace(costs.DEFAULTS["introspect"], service=SERVICE * 1000, database=1e-6, trips=0)


def waits(servers: int, rate: float, count: int) -> list[float]:
    """How long each waits at a station alone."""
    random, timeline = Random(7), Timeline()
    station, found = Station(timeline, servers), list[float]()

    def arrive() -> None:
        came, needs = timeline.now, random.expovariate(1 / SERVICE)
        station.serve(needs, lambda: found.append(timeline.now - came - needs))

    at = 0.0
    for _ in range(count):
        at += random.expovariate(rate)
        timeline.after(at, arrive)
    timeline.run()
    return found


def test_the_formula_is_the_one_of_the_books() -> None:
    """One server: the load itself. Two: 2 a²/(1+a), for a load of a each."""
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(2, 1.6) == pytest.approx(2 * 0.8**2 / 1.8)
    assert mean_wait(1, 80, SERVICE) == pytest.approx(0.8 * SERVICE / 0.2)


@pytest.mark.parametrize(("servers", "busy"), [(1, 0.6), (4, 0.8)])
def test_a_station_is_an_m_m_c_queue(servers: int, busy: float) -> None:
    rate = servers * busy / SERVICE
    found = waits(servers, rate, 30_000)
    assert fmean(found) == pytest.approx(mean_wait(servers, rate, SERVICE), rel=0.1)
    share = sum(wait > SERVICE for wait in found) / len(found)
    assert share == pytest.approx(longer_than(SERVICE, servers, rate, SERVICE), rel=0.1)


def test_a_site_of_one_worker_is_an_m_m_1_queue() -> None:
    """Of whose answers half take no longer than ln 2 times their mean."""
    found = simulate({"it": PLAIN}, {"it": 1.0}, ENOUGH, 60, count=20_000)
    assert found.p50 == pytest.approx(0.693 * SERVICE / 0.4, rel=0.1)
    assert found.busy["workers"] == pytest.approx(0.6, rel=0.05)


def test_the_same_seed_finds_the_same_and_another_something_else() -> None:
    one, same, other = (
        simulate(costs.DEFAULTS, facts.DAILY, facts.ONE_CORE, 500, count=500, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_flush_takes_along_who_came_before_it_began() -> None:
    timeline, told = Timeline(), list[float]()
    log = Log(timeline, fsync=1.0, disk=100.0)
    for at in (0.0, 0.2, 0.4):
        timeline.after(at, lambda: log.flush(10, lambda: told.append(timeline.now)))
    timeline.run()
    assert told == pytest.approx([1.1, 2.3, 2.3])


def test_what_a_site_carries_ends_before_its_first_wall() -> None:
    slow = replace(facts.ONE_CORE, disk=5e6)
    for site, wall in ((facts.ONE_CORE, "workers"), (slow, "write-ahead log")):
        limits = walls(costs.DEFAULTS, facts.REFRESH, site)
        found = carried(costs.DEFAULTS, facts.REFRESH, site, fewest=1_000, seconds=0)
        assert (found.wall, found.wall_rate) == (wall, min(limits.values()))
        assert found.outcome.p99 <= facts.MOST_SECONDS
        assert 0.5 * found.wall_rate < found.outcome.rate <= 0.95 * found.wall_rate


def test_what_nobody_can_be_answered_in_time_is_not_carried() -> None:
    far = replace(facts.ONE_CORE, trip=1.0)
    assert carried(costs.DEFAULTS, facts.REFRESH, far, fewest=100, seconds=0).outcome.rate == 0


def test_times_come_from_a_run_of_the_benchmark(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    line = {"leg": "refresh", "service_cpu": 0.5, "database_cpu": 0.25}
    ours = {"target": "broker", "setting": {"kind": "postgresql", "workers": 1}, "legs": [line]}
    peer = {**ours, "target": "peer", "legs": []}
    kept.write_text(json.dumps({"results": [ours, peer]}))
    found = costs.measured(kept)
    assert (found["refresh"].service, found["refresh"].database) == (0.5, 0.25)
    assert found["refresh"].wal == costs.DEFAULTS["refresh"].wal
    assert found["sign_in"] == costs.DEFAULTS["sign_in"]
    kept.write_text(json.dumps({"results": [peer]}))
    with pytest.raises(ValueError, match="holds no run of the broker"):
        costs.measured(kept)


def test_disk_follows_what_people_do() -> None:
    rare, often = (growth.bytes_a_person(Habits(sign_ins_a_day=each)) for each in (0.1, 1.0))
    assert rare["users"] == often["users"]
    assert often["grants"] == pytest.approx(10 * rare["grants"])
    assert often["sessions"] == growth.ROWS["sessions"]
    assert growth.connections(facts.TEN_REPLICAS) == 400


def test_the_page_shows_what_is_reckoned_with() -> None:
    page = (ROOT / "docs/capacity.md").read_text()
    tables = (
        report.costs(costs.DEFAULTS),
        report.stations(facts.SITES, _MIXES, costs.DEFAULTS),
        report.grows(Habits(), 10_000_000, facts.SITES),
    )
    for table in tables:
        assert [line for line in table if line.startswith("|") and line not in page] == []
