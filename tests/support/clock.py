"""A clock that moves only when a test moves it."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds since the epoch; a sleep moves the clock and is recorded."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        """Returns the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Records a sleep and moves the clock forward by it."""
        self.slept.append(seconds)
        self.now += seconds

    def forward(self, seconds: float) -> None:
        """Moves the clock forward without a sleep."""
        self.now += seconds
