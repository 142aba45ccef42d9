"""What a specification is written in: paths into a reply, text with names in it, sums."""

import re
from string import Template
from typing import Any
from urllib.parse import urlsplit

import jmespath
import msgspec

from balance_watch.domain.money import is_unit
from balance_watch.validation import decode

_LINK = re.compile(r"https://[^\s<>|\"'`\\\x00-\x1f]{1,300}")
_LONG = 100
_MOST_MULTIPLE, _MOST_NODES = 256, 200
_QUOTES = "a name with a hyphen has double quotes around it, text single ones, a number backticks"


class Path(str):
    """A jmespath expression into the reply."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Path":
        """Raises ValueError on what is no jmespath expression."""
        if not isinstance(value, str):
            raise ValueError("must be a jmespath expression")  # noqa: TRY004 (msgspec's to catch)
        try:
            parsed = jmespath.compile(value).parsed
            bounded = _is_bounded(parsed)
        except (jmespath.exceptions.JMESPathError, RecursionError):
            raise ValueError(f"is not a jmespath expression; {_QUOTES}") from None
        if not bounded:
            raise ValueError("is a jmespath expression that could take too long")
        return cls(value)


def _is_bounded(expression: Any) -> bool:  # noqa: ANN401 (a tree of dicts)
    """Whether it can make no more of a reply than a small multiple of it.

    What multiplies is a selection of several things; of expressions one after the other, so often
    as all of their selections together. A function may double what it is given.
    """
    multiple, size, waiting = 1, 0, [expression]
    while waiting:
        node = waiting.pop()
        size += 1
        children = [each for each in node.get("children", ()) if isinstance(each, dict)]
        if node.get("type") in ("multi_select_list", "multi_select_dict"):
            multiple *= max(1, len(children))
        elif node.get("type") == "function_expression":
            multiple *= 2
        waiting += children
        if multiple > _MOST_MULTIPLE or size > _MOST_NODES:
            return False
    return True


class Text(str):
    """One line with `$names` that stand for credentials and variables."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Text":
        """Raises ValueError on what is no template."""
        if not isinstance(value, str) or not Template(value).is_valid() or not value.isprintable():
            raise ValueError("must be a line of text, with $names for credentials and variables")
        return cls(value)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it, in order."""
        return tuple(Template(self).get_identifiers())


class Sum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount that a reply tells in parts: the sum of `plus`, less the sum of `less`."""

    plus: tuple[Path, ...]
    less: tuple[Path, ...] = ()


class AmountPaths:
    """Where an amount stands: in a sum, or in the first of several whose own first part is there.

    Of more than one such group, the least counts: a balance may have several limits.
    """

    __slots__ = ("groups",)

    def __init__(self, groups: tuple[tuple[Sum, ...], ...]) -> None:
        self.groups = groups

    @classmethod
    def parse(cls, value: object) -> "AmountPaths":
        """Reads a path, a table of `plus` and `less`, a list of such, or `{ least = […] }`.

        Raises ValueError on what is none of them.
        """
        if isinstance(value, dict) and set(value) == {"least"}:
            groups = value["least"]
            if not isinstance(groups, list) or not groups:
                raise ValueError("least must be a list of what `balance` can be")
            return cls(tuple(map(_sums, groups)))
        return cls((_sums(value),))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """Every sum of it."""
        return tuple(each for group in self.groups for each in group)


def _sums(value: object) -> tuple[Sum, ...]:
    sums = tuple(map(_sum, value if isinstance(value, list) else [value]))
    if not sums or not all(each.plus for each in sums):
        raise ValueError("must have at least one part to add")
    return sums


def _sum(value: object) -> Sum:
    if isinstance(value, str):
        return Sum((Path.parse(value),))
    try:
        return msgspec.convert(value, Sum, dec_hook=decode)
    except msgspec.ValidationError:
        what = "a jmespath expression, { plus = […], less = […] }, or a list of such"
        raise ValueError(f"must be {what}") from None


class Url(Text):
    """An address with `$names` in its host and path; without scheme and host, a path alone."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Url":
        """Raises ValueError on what is no such address."""
        text = Text.parse(value)
        what = "must be an https address without user or fragment, $names in host and path alone"
        try:
            parts = urlsplit(text)
            named = Template(parts.query).get_identifiers() or "$" in parts.scheme
            port_in_order = parts.port is None or parts.port > 0
        except ValueError:
            raise ValueError(what) from None
        plain = not (named or parts.fragment or "@" in parts.netloc or " " in text)
        whole = parts.scheme in ("https", "http") and parts.hostname
        if not plain or not port_in_order or not (whole or _is_path(text)):
            raise ValueError(what)
        return cls(text)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names in its host."""
        return tuple(Template(urlsplit(self).netloc).get_identifiers())


def _is_path(text: str) -> bool:
    return text.startswith("/") and not text.startswith("//")


class Link(str):
    """An https address that can be shown and linked to anywhere."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Link":
        """Raises ValueError on what is none."""
        if not isinstance(value, str) or not _LINK.fullmatch(value):
            raise ValueError("must be an https address")
        return cls(value)


class Line(str):
    """A line of words for people."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Line":
        """Raises ValueError on what is none."""
        if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= _LONG:
            raise ValueError(f"must be a line of 1 to {_LONG} characters")
        return cls(value)


class Unit(str):
    """What a balance is counted in: an ISO 4217 code, or the provider's own word."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Unit":
        """Raises ValueError on what is neither."""
        if not isinstance(value, str) or not is_unit(value):
            raise ValueError("must be a code such as USD, or a unit in lower case")
        return cls(value)
