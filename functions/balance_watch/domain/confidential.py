"""What shows a value that holds a secret shows the secret to nobody."""

from typing import ClassVar

from msgspec import Struct


class Confidential(Struct, frozen=True):
    """A value that holds secrets: a log, a traceback or a terminal shows its `shown` fields alone.

    A Struct shows all of its fields, to `repr` and to rich, which asks it by another name.
    """

    shown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        """Returns the type with the shown fields."""
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Returns the shown fields, as https://rich.readthedocs.io/en/stable/pretty.html has it."""
        return [(name, getattr(self, name)) for name in self.shown]
