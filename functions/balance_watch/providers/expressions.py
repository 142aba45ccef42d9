"""What a specification is written in: paths into a reply, text with names in it, sums."""

import re
from string import Template
from urllib.parse import urlsplit

import jmespath
import msgspec

from balance_watch.domain.money import is_unit
from balance_watch.validation import decode

_LINK = re.compile(r"https://[^\s<>|\"'`\\\x00-\x1f]{1,300}")
_LONG = 100


class Path(str):
    """A jmespath expression into the reply."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Path":
        """Raises ValueError on what is no jmespath expression."""
        if not isinstance(value, str):
            raise ValueError("must be a jmespath expression")  # noqa: TRY004 (msgspec's to catch)
        try:
            jmespath.compile(value)
        except jmespath.exceptions.JMESPathError:
            raise ValueError("is not a jmespath expression") from None
        return cls(value)


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


class Amount:
    """Where an amount stands: in the first of these sums whose own first part the reply has.

    `least`: in the least of those sums, for a balance that has several limits.
    """

    __slots__ = ("least", "sums")

    def __init__(self, sums: tuple[Sum, ...], *, least: bool = False) -> None:
        self.sums, self.least = sums, least

    @classmethod
    def parse(cls, value: object) -> "Amount":
        """Reads a path, a table of `plus` and `less`, a list of such, or `{ least = […] }`.

        Raises ValueError on what is none of them.
        """
        least = isinstance(value, dict) and set(value) == {"least"}
        given = value["least"] if isinstance(value, dict) and least else value
        given = given if isinstance(given, list) else [given]
        sums = []
        for each in given:
            if isinstance(each, str):
                sums.append(Sum((Path.parse(each),)))
                continue
            try:
                sums.append(msgspec.convert(each, Sum, dec_hook=decode))
            except msgspec.ValidationError:
                what = "a jmespath expression, { plus = […], less = […] }, or a list of such"
                raise ValueError(f"must be {what}") from None
        if not all(each.plus for each in sums) or not sums:
            raise ValueError("must have at least one part to add")
        return cls(tuple(sums), least=least)


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
