"""The load generator over a big table, a process of its own: `python -m benchmarks.scale.visitors '{"port": …}'`.

It obeys as `benchmarks.generator` does. Whoever comes is anybody of those in the table, at random, and every other
one is new; whichever grant is refreshed is one of those in the table, at random, each once.
"""

import json
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import uvloop

from benchmarks.generator import drive
from benchmarks.http import Connection
from benchmarks.journeys import App, Unexpected
from benchmarks.scale.rows import Size, grant_id
from broker.keys import refresh
from broker.keys.making import RefreshKey


class Visitors(App):
    """An app of a service of this size. `key` makes the refresh tokens that its people hold."""

    def __init__(self, size: Size, key: RefreshKey, app: Mapping[str, str]) -> None:
        super().__init__(app["host"], app["client_id"], app["client_secret"], app["redirect_uri"])
        self._size = size
        self._key = key
        # The same people at every run.
        self._chance = random.Random(20_261_122)
        self._grants = self._unspent()
        self._newcomers = iter(range(size.users + 1, 2**40))

    async def sign_in(self, broker: Connection) -> None:
        """Like any; the refresh token is not kept, since only those of the table are spent."""
        await super().sign_in(broker)
        self.refresh_tokens.clear()

    async def refresh(self, broker: Connection) -> None:
        """Somebody's who has not been here since the table was filled."""
        token = refresh.mint(
            self._key, grant_id=grant_id(next(self._grants)), generation=0, client_id=self.client_id
        )
        self.refresh_tokens.append(token)
        await super().refresh(broker)
        self.refresh_tokens.clear()

    def _person(self) -> int:
        if next(self._visits) % 2 == 0:
            return next(self._newcomers)
        return self._chance.randint(1, self._size.users)

    def _unspent(self) -> Iterator[int]:
        seen = set()
        while True:
            number = self._chance.randint(1, self._size.grants)
            # Every twentieth ended long ago, some a moment ago: see `rows`.
            if number in seen or number % 20 in (0, 5):
                continue
            seen.add(number)
            yield number


def _obey(plan: dict[str, Any]) -> None:
    key = RefreshKey(plan["refresh_kid"], bytes.fromhex(plan["refresh_secret"]), 0)
    app = Visitors(Size(plan["users"]), key, plan)
    for line in sys.stdin:
        order = json.loads(line)
        operate = getattr(app, order["leg"])
        try:
            driven = uvloop.run(drive(operate, port=plan["port"], count=order["count"], at_once=plan["at_once"]))
        except* (Unexpected, OSError) as failed:
            # One is enough to read; the others went the same way.
            sys.exit(f"The load generator cannot go on: {failed.exceptions[0]}")
        print(json.dumps(asdict(driven)), flush=True)


if __name__ == "__main__":
    _obey(json.loads(sys.argv[1]))
