"""The sliding window that limits user info (page "Rate Limits")."""

from collections import deque

WINDOW = 60
"""Seconds."""


class SlidingWindow:
    """Counts what was let through in the last minute, for each name."""

    def __init__(self) -> None:
        self._let_through: dict[str, deque[int]] = {}

    def admit(self, name: str, *, limit: int, now: int) -> bool:
        """Whether one more may pass, and if so count it."""
        times = self._let_through.setdefault(name, deque())
        while times and times[0] <= now - WINDOW:
            times.popleft()
        if len(times) >= limit:
            return False
        times.append(now)
        return True
