"""A broker whose background rests: it looks around when it starts, and no more while the test goes on.

For tests that count or cut what goes to the database: on a busy machine a look may come between any two requests.
"""

import pytest

_LOOKING = ("broker.outbox", "broker.keys.rotation", "broker.status", "broker.housekeeping")


def rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks again within an hour: for deliveries, keys, what has ended or what is over."""
    for module in _LOOKING:
        monkeypatch.setattr(f"{module}._LOOK_SECONDS", 3_600.0)
