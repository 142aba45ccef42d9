"""How fast a host may be asked in one run, as its replies tell."""

import time
from collections.abc import Callable
from threading import Lock

_FIRST_INTERVAL, _LONGEST_INTERVAL = 0.25, 16.0
"""The seconds between two requests after the first HTTP 429, and the most of them: each 429 after
that doubles them."""


class HostPace:
    """Spaces the requests to one host, once it has answered HTTP 429; for several threads.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._interval = 0.0
        self._next_at = self._slowed_at = clock()

    @property
    def is_slow(self) -> bool:
        """Tells whether the host has asked for fewer requests."""
        return self._interval > 0

    def turn(self) -> float:
        """Takes the next turn, and returns the time on the clock at which it is."""
        with self._lock:
            at = max(self._clock(), self._next_at)
            self._next_at = at + self._interval
            return at

    def is_due(self, turn: float) -> bool:
        """Tells whether a turn still stands: no pause was asked for since it was taken."""
        with self._lock:
            return turn >= self._slowed_at

    def slow_down(self, turn: float, retry_after: float | None) -> float:
        """Learns from a 429, and returns the seconds until the host may be asked again.

        Args:
            turn: the turn of the request that it answers: of several that were under way together,
                only one counts.
            retry_after: the pause in seconds that the host asks for, if it does.
        """
        with self._lock:
            now = self._clock()
            if turn >= self._slowed_at:
                doubled = min(_LONGEST_INTERVAL, self._interval * 2)
                self._interval = doubled or _FIRST_INTERVAL
                self._slowed_at = now
            self._next_at = max(self._next_at, now + max(retry_after or 0, self._interval))
            return self._next_at - now
