"""How a process ends: first it is not ready any more and serves, then it finishes what is in hand."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.clock import Stopwatch


@dataclass(slots=True)
class Leaving:
    """What has been asked of this process so far. Seconds: to `drain`, and then the `grace` of what is in hand.

    The drain is for whoever sends requests here by what `/readyz` says: it takes them a while to ask again.
    """

    drain_seconds: float
    grace_seconds: float
    stopwatch: Stopwatch
    at_once: bool = False
    """Nothing is to be waited for."""
    changed: Callable[[], None] = lambda: None
    """Called, in whatever thread, when something more has been asked."""
    _serving_until: float | None = None

    @property
    def begun(self) -> bool:
        """Whether the process is to end: nobody should be sent here any more."""
        return self._serving_until is not None

    @property
    def serving_ends(self) -> bool:
        """Whether it is time to take no more requests."""
        return self._serving_until is not None and (self.at_once or self.stopwatch() >= self._serving_until)

    def drain(self) -> None:
        """End after a while of serving; asked again, nothing changes."""
        if self._serving_until is None:
            self._serving_until = self.stopwatch() + self.drain_seconds
            self.changed()

    def stop(self) -> None:
        """End without serving on; what is in hand is finished."""
        self._serving_until = min(self.stopwatch(), self._serving_until or self.stopwatch())
        self.changed()

    def cut(self) -> None:
        """End at once."""
        self.at_once = True
        self.stop()

    def patience(self) -> float:
        """How many seconds what is in hand has left."""
        if self.at_once:
            return 0.0
        if self._serving_until is None:
            return self.grace_seconds
        return max(0.0, self._serving_until + self.grace_seconds - self.stopwatch())
