"""Where `limits` keeps its counts: in memory, and never more of it however many addresses come.

The library's own `MemoryStorage` forgets nothing within a window, which lets anybody with an IPv6 network fill the
memory, and starts a thread every hundredth of a second to look through all it has.
"""

from collections import OrderedDict
from typing import Final

from limits.storage import Storage

from broker.clock import Stopwatch

MOST: Final = 32_768
"""Windows that are kept at once, of at most 400 bytes each."""


class Windows(Storage):
    """Fixed windows that are all equally long, so that the one that began first is the one that ends first.

    Times are the stopwatch's. When there are too many, the oldest is forgotten.
    """

    STORAGE_SCHEME = None

    def __init__(self, stopwatch: Stopwatch, most: int = MOST) -> None:
        super().__init__()
        self._stopwatch = stopwatch
        self._most = most
        self._open: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more in the window of `key`, which ends `expiry` seconds after its first; the count."""
        now = self._stopwatch()
        count, ends = self._open.get(key, (0, now))
        if ends <= now:
            self._make_room(now)
            count, ends = 0, now + expiry
        self._open[key] = (count + amount, ends)
        return count + amount

    def get(self, key: str) -> int:
        """The count in the window of `key` that is open now."""
        count, ends = self._open.get(key, (0, 0.0))
        return count if ends > self._stopwatch() else 0

    def get_expiry(self, key: str) -> float:
        """When the window of `key` ends: now, if none is open."""
        return max(self._open.get(key, (0, 0.0))[1], self._stopwatch())

    def clear(self, key: str) -> None:
        """Forget the window of `key`."""
        self._open.pop(key, None)

    def reset(self) -> int:
        """Forget all windows; how many there were."""
        found = len(self._open)
        self._open.clear()
        return found

    def check(self) -> bool:
        """Memory is always there."""
        return True

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Nothing here fails."""
        return ()

    def _make_room(self, now: float) -> None:
        while self._open:
            _, ends = next(iter(self._open.values()))
            if ends > now and len(self._open) < self._most:
                return
            self._open.popitem(last=False)
