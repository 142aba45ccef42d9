"""How fast a host may be asked in one run: as documented, and as its replies tell."""

import re
import time
from collections.abc import Callable
from threading import Lock

_FIRST_INTERVAL, _LONGEST_INTERVAL = 0.25, 16.0
"""The seconds between two requests after the first HTTP 429, and the most of them: each 429 after
that doubles them."""

_RELAXED = 0.8
"""What each request that is not refused makes of that time: one key that is refused again and again
must not slow down the accounts of the others."""

_MOST_REFUSALS = 5
"""After so many refusals in a row, the host is left alone for the rest of the run."""

_HEEDED = 2.0
"""A reply may say that it was the last one within a limit. Most limits are of a key, so the next
account need not wait; only a pause as short as this costs less than a request that is refused."""

_RATE = re.compile(r"(\d{1,6})/(\d{0,5})(s|min|h)", re.ASCII)
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_MINUTE = 60
RUN_EVERY = 5 * _MINUTE
"""How often a host is asked, in seconds, unless that is known."""


class Rate(str):
    """So many requests in so many seconds, as a provider documents it: `3/s`, `20/20min`."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Rate":
        """Raises ValueError unless the value is such a text."""
        match = _RATE.fullmatch(value) if isinstance(value, str) else None
        if match is None or not int(match[1]) or not int(match[2] or 1):
            raise ValueError('must be a number of requests in a time, such as "3/s" or "20/20min"')
        return cls(match[0])

    @property
    def requests(self) -> int:
        """How many requests."""
        return int(self.partition("/")[0])

    @property
    def seconds(self) -> int:
        """In how many seconds."""
        time = self.partition("/")[2]
        unit = time.lstrip("0123456789")
        return int(time.removesuffix(unit) or 1) * _SECONDS[unit]

    @property
    def interval(self) -> float:
        """The seconds from one request to the next."""
        return self.seconds / self.requests

    def at_once(self, every: float = RUN_EVERY) -> int:
        """Returns how many requests a run may begin with: of a long time, its share of them.

        Args:
            every: the seconds from one run to the next; what more than five minutes allow is too
                much at once.
        """
        if self.seconds <= _MINUTE:
            return 1
        share = int(self.requests * min(every, RUN_EVERY) // self.seconds)
        return max(1, min(self.requests, share))


class HostPace:
    """Spaces the requests to one host, for several threads.

    A host without a documented rate is asked at once, until it answers HTTP 429.

    Args:
        clock: seconds, monotonic.
        rate: the documented rate.
        processes: how many processes ask the host at the same time; each gets its share of the
            rate.
        every: the seconds from one run to the next.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        rate: Rate | None = None,
        processes: int = 1,
        every: float = RUN_EVERY,
    ) -> None:
        self._clock, self._lock = clock, Lock()
        self._shortest = 0.0 if rate is None else rate.interval * processes
        self._interval = self._shortest
        self._at_once = 0 if rate is None else max(1, rate.at_once(every) // processes) - 1
        self._refusals = 0
        self._next_at = self._slowed_at = self._not_before = clock()
        self.gate = Lock()
        """Held by the one thread that waits for its turn: none reserves a turn far ahead."""

    @property
    def is_slow(self) -> bool:
        """Tells whether the host takes fewer requests than there are threads."""
        return self._interval > 0

    @property
    def has_given_up(self) -> bool:
        """Tells whether the host has refused so often that it is left alone."""
        return self._refusals >= _MOST_REFUSALS

    def turn(self) -> float:
        """Takes the next turn, and returns the time on the clock at which it is."""
        with self._lock:
            at = max(self._clock(), self._next_at)
            if self._at_once:
                self._at_once -= 1
            else:
                self._next_at = at + self._interval
            return at

    def is_due(self, turn: float) -> bool:
        """Tells whether a turn still stands: no pause was asked for since it was taken."""
        with self._lock:
            return turn >= self._not_before

    def accepted(self) -> None:
        """Learns from an account that the host has not refused: it takes requests, maybe more."""
        with self._lock:
            self._refusals = 0
            self._interval = max(self._shortest, self._interval * _RELAXED)

    def exhausted(self, seconds: float) -> None:
        """Learns from a reply that was the last one within a limit, which begins anew so soon."""
        with self._lock:
            if seconds <= _HEEDED:
                self._next_at = max(self._next_at, self._clock() + seconds)

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
                doubled = min(max(_LONGEST_INTERVAL, self._interval), self._interval * 2)
                self._interval = doubled or _FIRST_INTERVAL
                self._slowed_at = now
                self._at_once = 0
                self._refusals += 1
            self._next_at = max(self._next_at, now + max(retry_after or 0, self._interval))
            self._not_before = self._next_at
            return self._next_at - now
