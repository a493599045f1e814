"""When to stop sending people to an upstream that does not answer, and when to try again.

A state machine without a clock, a log or a call of its own. Closed, everybody goes. After `FAILURES` sign-ins in a
row without a usable answer, all within `WINDOW_SECONDS`, it opens: nobody goes, except one login every
`PROBE_SECONDS` to find out. The first sign-in that is answered closes it, whichever it was.

A refusal is an answer. Each process has a circuit of its own: what it knows is worth a few seconds only.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

FAILURES: Final = 5
WINDOW_SECONDS: Final = 60
PROBE_SECONDS: Final = 10


@dataclass(slots=True)
class Circuit:
    """The state of one registration. `now` is in epoch seconds throughout."""

    _failed_at: deque[int] = field(default_factory=lambda: deque(maxlen=FAILURES))
    _probe_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the upstream was found not to answer, and has not answered since."""
        return self._probe_at is not None

    def admits(self, *, now: int) -> bool:
        """Whether a login may begin. With the circuit open, True makes that login the probe."""
        if self._probe_at is None:
            return True
        # A clock that was set back must not keep everybody out until the old time comes again.
        if 0 < self._probe_at - now <= PROBE_SECONDS:
            return False
        self._probe_at = now + PROBE_SECONDS
        return True

    def failed(self, *, now: int) -> bool:
        """A sign-in got no usable answer; whether that has opened the circuit."""
        self._failed_at.append(now)
        if self._probe_at is not None or len(self._failed_at) < FAILURES:
            return False
        if now - self._failed_at[0] > WINDOW_SECONDS:
            return False
        self._probe_at = now + PROBE_SECONDS
        return True

    def answered(self) -> bool:
        """A sign-in was answered, if only by a refusal; whether that has closed the circuit."""
        self._failed_at.clear()
        closed = self._probe_at is not None
        self._probe_at = None
        return closed
