"""The forms in which providers write numbers: as JSON, as text, or as an example shows it."""

import re
from decimal import Decimal

from balance_watch.domain.money import exact

_GROUPS = {
    "": r"\d+",
    "1,234": r"\d+|\d{1,3}(?:,\d{3})+",
    "1,23,456": r"\d+|\d{1,3}|\d{1,2}(?:,\d{2})*,\d{3}",
    "1.234": r"\d+|\d{1,3}(?:\.\d{3})+",
    "1'234": r"\d+|\d{1,3}(?:['\u2019]\d{3})+",
    "1 234": r"\d+|\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+",
}
"""The whole part of a number, by the example of its groups. A point may be between thousands only
where a comma is the decimal mark."""

_EXAMPLE = (
    r"(?P<before>[^\d\s.,'\u2019+-]{1,4})?(?P<space> )?"
    r"(?P<whole>1,234|1,23,456|1\.234|1['\u2019]234|1[ \u00a0\u2009\u202f]234|1234)(?P<mark>[.,])56"
    r"(?: ?(?P<after>[^\d\s.,'\u2019+-]{1,4}))?"
)
_WORDS = ("json", "text", "grouped text")
_PROBLEM = (
    'must be json, text, grouped text, or an example such as "1,234.56", "1,23,456.56", "1.234,56",'
    ' "1\'234.56", "1 234.56", "$1,234.56" or "1.234,56 €"'
)


class NumberForm(str):
    """How a reply writes its numbers: `json`, `text`, `grouped text`, or an example.

    An example shows the groups, the decimal mark, and a currency sign before or after. The sign may
    be missing in a reply; another one, or other groups, is no number.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "NumberForm":
        """Raises ValueError unless the value is one of these."""
        if not isinstance(value, str) or not (value in _WORDS or _pattern(value)):
            raise ValueError(_PROBLEM)
        return cls(value)

    @property
    def is_text(self) -> bool:
        """Whether numbers may be text."""
        return self != "json"

    def read(self, text: str) -> Decimal:
        """Returns the number of a text.

        Raises:
            NotAnAmountError: it is not a number.
            ValueError: it is not a number in this form.
        """
        if self in ("json", "text"):
            return exact(text)
        pattern = _pattern("1,234.56" if self == "grouped text" else self)
        match = (
            pattern.fullmatch(text.strip() if self != "grouped text" else text) if pattern else None
        )
        if match is None or (match["first"] and match["second"]):
            raise ValueError("is not a number")
        sign = match["first"] or match["second"]
        whole = re.sub(r"\D", "", match["whole"])
        return exact(f"{sign}{whole}.{match['fraction'] or '0'}")


def _pattern(example: str) -> re.Pattern[str] | None:
    """Returns the pattern of the numbers that are written as an example; None if it is none."""
    shown = re.fullmatch(_EXAMPLE, example)
    if shown is None:
        return None
    whole, mark = (
        re.sub(r"[\u00a0\u2009\u202f]", " ", shown["whole"]).replace("\u2019", "'"),
        shown["mark"],
    )
    groups = "" if whole == "1234" else whole
    is_clear = groups not in ("1,234", "1,23,456") or mark == "."
    if not is_clear or (groups == "1.234" and mark != ","):
        return None
    before = f"(?:{re.escape(shown['before'])}[ \u00a0]?)?" if shown["before"] else ""
    after = f"(?:[ \u00a0]?{re.escape(shown['after'])})?" if shown["after"] else ""
    return re.compile(
        rf"(?P<first>-?){before}(?P<second>-?)(?P<whole>{_GROUPS[groups]})"
        rf"(?:{re.escape(mark)}(?P<fraction>\d+))?{after}",
        re.ASCII,
    )
