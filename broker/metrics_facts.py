"""Metrics that are facts in the database: read when somebody looks, by whichever process answers.

All of them are the same on every replica, so a dashboard takes the highest and never the sum.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from broker.store.keys import KeyFacts
from broker.store.watching import Facts

FACTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "broker_database_up": ("1 when the database has just answered, 0 when it has not.", ()),
    "broker_outbox_waiting": ("Deliveries in the outbox, of the 10,000 that are due first.", ("kind",)),
    "broker_outbox_overdue_seconds": ("For how long the longest waiting of them has been due.", ("kind",)),
    "broker_key_age_seconds": ("For how long the key that signs now has done so.", ("use", "alg")),
    "broker_key_successor_seconds": ("In how many seconds the next key signs.", ("use", "alg")),
    "broker_purge_overdue_seconds": ("For how long the longest expired row has been waiting to go.", ("table",)),
}
"""What each tells, and its labels."""


def families(facts: Facts | None, *, now: int) -> Iterator[GaugeMetricFamily]:
    """The facts as metrics; without an answer of the database, only that."""
    yield _family("broker_database_up", {(): 0 if facts is None else 1})
    if facts is None:
        return
    yield _family("broker_outbox_waiting", {(kind,): one.deliveries for kind, one in facts.outbox.items()})
    yield _family("broker_outbox_overdue_seconds", {(kind,): one.overdue for kind, one in facts.outbox.items()})
    signing, next_ones = _keys(facts.keys, now)
    yield _family("broker_key_age_seconds", {name: now - key.signs_from for name, key in signing.items()})
    yield _family("broker_key_successor_seconds", {name: key.signs_from - now for name, key in next_ones.items()})
    yield _family("broker_purge_overdue_seconds", {(table,): late for table, late in facts.unpurged.items()})


def _keys(
    keys: tuple[KeyFacts, ...], now: int
) -> tuple[dict[tuple[str, ...], KeyFacts], dict[tuple[str, ...], KeyFacts]]:
    """Of each use and algorithm the key that signs, and the first of those that will; keys come oldest first."""
    signing: dict[tuple[str, ...], KeyFacts] = {}
    to_come: dict[tuple[str, ...], KeyFacts] = {}
    for key in keys:
        if key.signs_from <= now:
            signing[key.use, key.alg] = key
        else:
            to_come.setdefault((key.use, key.alg), key)
    return signing, to_come


def _family(name: str, values: Mapping[tuple[str, ...], int]) -> GaugeMetricFamily:
    sentence, labels = FACTS[name]
    family = GaugeMetricFamily(name, sentence, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family
