"""The base of all parts that start and stop, and work in a `with`."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Running(ABC):
    """Starts when a `with` begins, and stops when it ends."""

    @abstractmethod
    def start(self) -> Self:
        """Starts the part, and returns it when it is ready for use."""

    @abstractmethod
    def stop(self) -> None:
        """Stops the part."""

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
