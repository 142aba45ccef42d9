"""What can be started and stopped, and so used in a `with`."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Running(ABC):
    """Starts when a `with` is entered, and stops when it is left."""

    @abstractmethod
    def start(self) -> Self:
        """Starts it, and returns it when it can be used."""

    @abstractmethod
    def stop(self) -> None:
        """Stops it."""

    def __enter__(self) -> Self:
        """Starts."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops."""
        self.stop()
