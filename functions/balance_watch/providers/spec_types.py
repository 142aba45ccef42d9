"""The types of a specification's fields: paths into a reply, text with names, sums, addresses."""

import re
from string import Template
from urllib.parse import urlsplit

import jmespath
import msgspec

from balance_watch.domain.money import is_unit
from balance_watch.providers.exact_jmespath import syntax_tree
from balance_watch.validation import Json, decode

_LINK = re.compile(r"https://[^\s<>|\"'`\\\x00-\x1f]{1,300}")
_LINE_LENGTH = 100
_MAX_GROWTH, _MAX_NODES = 256, 200
_QUOTES = "a name with a hyphen needs double quotes, text needs single quotes, a number backticks"


class Path(str):
    """A jmespath expression into the reply."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Path":
        """Raises ValueError unless the value is a jmespath expression of bounded cost."""
        if not isinstance(value, str):
            raise ValueError(f"is not a jmespath expression; {_QUOTES}")  # noqa: TRY004 (a fault)
        try:
            tree = syntax_tree(value)
        except jmespath.exceptions.JMESPathError:
            raise ValueError(f"is not a jmespath expression; {_QUOTES}") from None
        if not _is_bounded(tree):
            raise ValueError("is a jmespath expression that could take too long")
        return cls(value)


def _is_bounded(tree: Json) -> bool:
    """Tells whether the result is at most a small multiple of the reply.

    A selection of several values multiplies the reply by their number, and the factors of all
    selections multiply each other. A function may double its input.
    """
    growth, size, pending = 1, 0, [tree]
    while pending:
        node = pending.pop()
        size += 1
        children = [child for child in node.get("children", ()) if isinstance(child, dict)]
        if node.get("type") in ("multi_select_list", "multi_select_dict"):
            growth *= max(1, len(children))
        elif node.get("type") == "function_expression":
            growth *= 2
        pending += children
        if growth > _MAX_GROWTH or size > _MAX_NODES:
            return False
    return True


class Text(str):
    """One line with `$names`, which stand for credentials and variables."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Text":
        """Raises ValueError unless the value is one line and a valid template."""
        if not isinstance(value, str) or not Template(value).is_valid() or not value.isprintable():
            raise ValueError("must be a line of text, with $names for credentials and variables")
        return cls(value)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the text, in order."""
        return tuple(Template(self).get_identifiers())


class Sum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount that the reply gives in parts: the sum of `plus`, less the sum of `less`.

    `nanos` has billionths, as in google.type.Money.
    """

    plus: tuple[Path, ...]
    less: tuple[Path, ...] = ()
    nanos: Path | None = None


class AmountPaths:
    """Where the reply has an amount: groups of alternative sums.

    Each group yields its first sum whose first part is in the reply. The smallest result of all
    groups is the amount, because a balance may have several limits.
    """

    __slots__ = ("groups",)

    def __init__(self, groups: tuple[tuple[Sum, ...], ...]) -> None:
        self.groups = groups

    @classmethod
    def parse(cls, value: object) -> "AmountPaths":
        """Reads a path, a table of `plus` and `less`, a list of these, or `{ least = […] }`.

        Raises:
            ValueError: the value is none of them.
        """
        if isinstance(value, dict) and set(value) == {"least"}:
            groups = value["least"]
            if not isinstance(groups, list) or not groups:
                raise ValueError("least must be a list, each entry as `balance` alone could be")
            return cls(tuple(map(_parse_group, groups)))
        return cls((_parse_group(value),))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The sums of all groups."""
        return tuple(one for group in self.groups for one in group)


def _parse_group(value: object) -> tuple[Sum, ...]:
    group = tuple(map(_parse_sum, value if isinstance(value, list) else [value]))
    if not group or not all(one.plus for one in group):
        raise ValueError("must have at least one part to add")
    return group


def _parse_sum(value: object) -> Sum:
    if isinstance(value, str):
        return Sum((Path.parse(value),))
    try:
        return msgspec.convert(value, Sum, dec_hook=decode)
    except msgspec.ValidationError:
        forms = "a jmespath expression, { plus = […], less = […] }, or a list of these"
        raise ValueError(f"must be {forms}") from None


class Url(Text):
    """An address with `$names` in its host and path; without scheme and host, only a path."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Url":
        """Raises ValueError unless the value is such an address."""
        text = Text.parse(value)
        problem = "must be an https address without user or fragment, $names only in host and path"
        try:
            parts = urlsplit(text)
            misplaced_name = Template(parts.query).get_identifiers() or "$" in parts.scheme
            valid_port = parts.port is None or parts.port > 0
        except ValueError:
            raise ValueError(problem) from None
        plain = not (misplaced_name or parts.fragment or "@" in parts.netloc or " " in text)
        absolute = parts.scheme in ("https", "http") and parts.hostname
        if not plain or not valid_port or not (absolute or _is_path(text)):
            raise ValueError(problem)
        return cls(text)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The `$names` in the host."""
        return tuple(Template(urlsplit(self).netloc).get_identifiers())


def _is_path(text: str) -> bool:
    return text.startswith("/") and not text.startswith("//")


class Link(str):
    """An https address that is safe to show and to link to anywhere."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Link":
        """Raises ValueError unless the value is such an address."""
        if not isinstance(value, str) or not _LINK.fullmatch(value):
            raise ValueError("must be an https address")
        return cls(value)


class Line(str):
    """A line of text for people."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Line":
        """Raises ValueError unless the value is one printable line of limited length."""
        if (
            not isinstance(value, str)
            or not value.isprintable()
            or not 1 <= len(value) <= _LINE_LENGTH
        ):
            raise ValueError(f"must be a line of 1 to {_LINE_LENGTH} characters")
        return cls(value)


class Unit(str):
    """The unit of a balance: an ISO 4217 code, or the provider's own word in lower case."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Unit":
        """Raises ValueError unless the value is a unit."""
        if not isinstance(value, str) or not is_unit(value):
            raise ValueError("must be a code such as USD, or a unit in lower case")
        return cls(value)
