"""How often a broker looks around in the background: in most tests once in a second, as in life.

Tests that count or cut what goes to the database have it rest: on a busy machine a look may come between any two
requests. Tests that wait for what a look brings, and promise something else than how soon, have it look often.
"""

import pytest

_LOOKING = ("broker.outbox", "broker.keys.rotation", "broker.status", "broker.housekeeping")


def rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks again within an hour: for deliveries, keys, what has ended or what is over."""
    for module in _LOOKING:
        monkeypatch.setattr(f"{module}._LOOK_SECONDS", 3_600.0)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keys and ended grants there are is looked up many times in a second."""
    for module in ("broker.keys.rotation", "broker.status"):
        monkeypatch.setattr(f"{module}._LOOK_SECONDS", 0.05)
