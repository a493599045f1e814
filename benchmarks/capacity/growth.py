"""What grows: the database by people and by what they do, connections by processes."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.capacity.facts import Machines

ROWS: Mapping[str, int] = {
    "users": 620,
    "accounts": 700,
    "sessions": 580,
    "grants": 1_700,
    "audit_events": 480,
}
"""Bytes of a row with its entries in all indexes, and for a grant the room in which it changes (`--measure`)."""

POOL = 10
"""`BROKER_DATABASE_POOL` as it comes."""

PURGED_A_SECOND = 2_000
"""What housekeeping deletes where 100 rows take it 5 ms: then it rests for nine times as long."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What one person does, and for how many days what is left of it stays.

    A grant stays while its refresh token may be used and an access token lives, a session for its time; both go
    within minutes of their end. Audit events stay for good unless `BROKER_AUDIT_RETENTION` says otherwise.
    """

    sign_ins_a_day: float = 0.2
    grant_days: float = 30
    session_days: float = 7
    audit_days: float = 365


def bytes_a_person(habits: Habits, rows: Mapping[str, int] = ROWS) -> dict[str, float]:
    """By table, once as much goes as comes: a grant and an event for each sign-in, and the session it needed."""
    signed_in = habits.sign_ins_a_day
    return {
        "users": rows["users"],
        "accounts": rows["accounts"],
        "sessions": rows["sessions"] * min(1.0, signed_in * habits.session_days),
        "grants": rows["grants"] * signed_in * habits.grant_days,
        "audit_events": rows["audit_events"] * signed_in * habits.audit_days,
    }


def connections(machines: Machines, pool: int = POOL) -> int:
    """At the most, all at once, to be had from `max_connections`."""
    return machines.processes * pool


def purged_a_second(habits: Habits, people: int) -> float:
    """Rows a second that expire, and so must go: a grant for each sign-in, and its session, its event."""
    sessions = min(habits.sign_ins_a_day, 1 / habits.session_days)
    return people * (2 * habits.sign_ins_a_day + sessions) / 86_400
