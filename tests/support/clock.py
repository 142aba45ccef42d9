"""A clock that moves when it is told to."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds since the epoch; a sleep moves it and is noted."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        """Returns the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Moves the time on."""
        self.slept.append(seconds)
        self.now += seconds

    def forward(self, seconds: float) -> None:
        """Moves the time on, asleep or not."""
        self.now += seconds
