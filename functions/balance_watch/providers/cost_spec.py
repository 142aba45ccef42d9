"""How a provider is asked for costs, and where its replies have them: the table `cost`."""

from decimal import Decimal
from string import Template
from typing import Annotated, Literal

import msgspec

from balance_watch.providers.spec_types import AmountPaths, Path, Url

_MONTH_NAMES = frozenset(("month", "year", "month_of_year"))
RANGE_NAMES = ("since", "until", "last", *sorted(_MONTH_NAMES))
"""What a request may say of the range that it asks for: its first moment, the one after it, its
last day; or of its month: `2026-11`, `2026`, `11`."""

_LONGEST = 366


class RangeText(str):
    """One line of text, in which `$since` and the other `RANGE_NAMES` stand for times."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "RangeText":
        """Raises ValueError unless the value is such a line."""
        names = ", ".join(f"${name}" for name in RANGE_NAMES)
        problem = f"must be text, with no other names than {names}"
        if not isinstance(value, str) or not value.isprintable() or not Template(value).is_valid():
            raise ValueError(problem)
        if not cls(value).names <= set(RANGE_NAMES):
            raise ValueError(problem)
        return cls(value)

    @property
    def names(self) -> frozenset[str]:
        """The names in the text."""
        return frozenset(Template(self).get_identifiers())


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reply has the cursor of the next page at `path`; the last page has none.

    It is sent as `query` in the address, or as `field` of the JSON body. With `more`, the reply
    also tells whether there is a next page.
    """

    query: str | None = None
    field: str | None = None
    path: Path
    more: Path | None = None


class PageNumbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pages are numbered from 1, by `query`; `total` is how many entries all of them have."""

    query: str
    total: Path


class SpendLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The month's limit that is set at the provider: the budget of an account that declares none.

    It is asked for at `url`. It counts only if the condition `holds` is true of the reply. `scale`
    converts its unit of money to that of the costs.
    """

    url: Url
    amount: Path
    currency: Path | None = None
    scale: Decimal = Decimal(1)
    holds: Path


class CostSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to ask for the costs of a range of days, and how to add them up.

    `query` goes into the address. `times` is the form of a time in it, `until` the end of a range
    that is not over: the next midnight, or now. One request covers `days` at most.

    A reply has a list of entries at `each`, every one of the day at `at`; without `at`, what is in
    a reply belongs to the whole range. `rows` is a list of amounts within an entry; `amount` and
    `currency` are paths into a row. A row that `skip` is true of costs nothing. With `every_day`,
    a day between two entries that has none is missing. `partial` is a condition that is true of a
    reply that lacks costs, and `as_of` the time of the data. `limit` is where the provider tells
    what may be spent in a month.
    """

    query: dict[str, RangeText] = {}
    times: Literal["unix", "rfc3339", "date", "text"] = "rfc3339"
    until: Literal["midnight", "now"] = "midnight"
    days: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST)] = 31
    each: Path = Path("[@]")
    at: Path | None = None
    rows: Path = Path("[@]")
    amount: AmountPaths
    currency: Path | None = None
    skip: Path | None = None
    every_day: bool = False
    cursor: Cursor | None = None
    pages: PageNumbers | None = None
    partial: Path | None = None
    as_of: Path | None = None
    limit: SpendLimit | None = None

    @property
    def by_month(self) -> bool:
        """Whether a request asks for one calendar month."""
        return any(text.names & _MONTH_NAMES for text in self.query.values())
