"""What was found, in tables of Markdown, which read well on a terminal, too."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from benchmarks.capacity import growth
from benchmarks.capacity.carrying import Carried
from benchmarks.capacity.costs import Leg
from benchmarks.capacity.facts import Machines
from benchmarks.capacity.growth import Habits
from benchmarks.capacity.measuring import Found
from benchmarks.capacity.queueing import walls

_GIB = 1 << 30


def carries(found: Mapping[tuple[str, str], Carried], mixes: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A row for each site and each mix."""
    yield from _head(
        "where", "what comes in", "a second", "p99", "first wall", "there at", "people", "sign-ins a day"
    )
    for (site, name), one in found.items():
        mix = mixes[name]
        signed_in = mix.get("sign_in", 0.0) + mix.get("resume", 0.0)
        people = one.people(mix.get("refresh", 0.0))
        yield _row(
            site,
            name,
            f"{_round(one.outcome.rate)}",
            f"{one.outcome.p99 * 1000:.0f} ms",
            one.wall,
            f"{_round(one.wall_rate)}",
            " – ".join(map(_round, people)) if people[0] else "–",
            _round(one.a_day(signed_in)) if signed_in else "–",
        )


def stations(
    sites: tuple[Machines, ...], mixes: Mapping[str, Mapping[str, float]], legs: Mapping[str, Leg]
) -> Iterator[str]:
    """Where each station would be busy all the time."""
    yield from _head("where", "what comes in", "workers", "PostgreSQL's cores", "write-ahead log")
    for site in sites:
        for name, mix in mixes.items():
            yield _row(site.title, name, *map(_round, walls(legs, mix, site).values()))


def grows(habits: Habits, people: int, sites: tuple[Machines, ...]) -> Iterator[str]:
    """Disk for so many people, and connections."""
    yield from _head("table", "a row", "a person", f"{people:,} people")
    told = growth.bytes_a_person(habits)
    for table, size in told.items():
        yield _row(table, f"{growth.ROWS[table]} B", f"{size:,.0f} B", f"{size * people / _GIB:,.1f} GiB")
    yield _row("all", "", f"{sum(told.values()):,.0f} B", f"{sum(told.values()) * people / _GIB:,.1f} GiB")
    yield ""
    rows = growth.purged_a_second(habits, people)
    yield f"Rows that expire: {rows:,.0f} a second; housekeeping deletes some {growth.PURGED_A_SECOND:,}."
    for site in sites:
        yield f"Connections of {site.title}: {growth.connections(site)}."


def costs(legs: Mapping[str, Leg]) -> Iterator[str]:
    """What was reckoned with."""
    yield from _head(
        "leg", "service", "PostgreSQL", "round trips", "commits", "log written", "page images", "log lines"
    )
    for leg in legs.values():
        yield _row(
            leg.title,
            f"{leg.service:.2f} ms",
            f"{leg.database:.2f} ms",
            str(leg.trips),
            str(leg.commits),
            f"{leg.wal:,} B",
            f"{leg.images:,} B",
            f"{leg.log} B",
        )


def measured(found: Found) -> Iterator[str]:
    """Bytes as `--measure` found them."""
    yield from _head("leg", "log written", "page images", "log lines")
    for name, each in found.legs.items():
        yield _row(name, *(f"{size:,.0f} B" for size in asdict(each).values()))
    yield ""
    yield from _head("table", "a row with its indexes")
    for table, size in found.rows.items():
        yield _row(table, f"{size:,.0f} B")


def _round(number: float) -> str:
    """Two digits that count: more would be pretence."""
    if number == float("inf"):
        return "–"
    return f"{float(f'{number:.2g}'):,.0f}"


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|---" * len(names) + "|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
