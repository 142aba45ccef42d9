"""Reads the amounts of a reply: numbers in the provider's own form, and exact sums of them."""

from collections.abc import Iterable
from decimal import Decimal

from balance_watch.domain.money import NotAnAmountError, exact, rounded, scaled, total
from balance_watch.providers.decoding import UnexpectedReplyError, search
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_types import AmountPaths, Path, Sum
from balance_watch.validation import Json

_BILLIONTH = Decimal("1e-9")


class AmountReader:
    """Reads amounts of one provider.

    Each method raises UnexpectedReplyError for a value that is not an exact number in the
    provider's form.
    """

    def __init__(self, spec: Spec, *, textual: bool) -> None:
        self._form, self._scale = spec.numbers, spec.scale
        self._accepts_text = textual or spec.numbers.is_text

    def number(self, path: Path | None, root: Json) -> Decimal | None:
        """Returns the number at a path, as it is; None if there is no path or no value."""
        if path is None:
            return None
        value = search(path, root)
        if value is None:
            return None
        if not isinstance(value, Decimal | str):
            raise UnexpectedReplyError.at(path, "is not a number")
        if isinstance(value, str) and not self._accepts_text:
            raise UnexpectedReplyError.at(path, "is text, not a number")
        try:
            return exact(rounded(value)) if isinstance(value, Decimal) else self._form.read(value)
        except ValueError as error:
            raise UnexpectedReplyError.at(path, str(error)) from None

    def money(self, path: Path | None, root: Json) -> Decimal | None:
        """Returns the amount of money at a path, scaled; None if there is no path or no value."""
        number = self.number(path, root)
        if path is None or number is None:
            return None
        return exact_sum(path, [number], scale=self._scale)

    def amount(self, paths: AmountPaths, root: Json) -> Decimal:
        """Returns the smallest of the amounts that the groups of `paths` yield."""
        amounts = [self._first_sum(group, root) for group in paths.groups]
        present = [amount for amount in amounts if amount is not None]
        if not present:
            raise UnexpectedReplyError.missing(paths.sums[0].plus[0])
        return min(present)

    def _first_sum(self, sums: Iterable[Sum], root: Json) -> Decimal | None:
        """Returns the first sum whose first part is in the reply."""
        for one in sums:
            first = self.number(one.plus[0], root)
            if first is None:
                continue
            plus = [first, *(self._part(path, root) for path in one.plus[1:])]
            less = [self._part(path, root) for path in one.less]
            if one.nanos is not None:
                billionths = [self._part(one.nanos, root)]
                plus.append(exact_sum(one.nanos, billionths, scale=_BILLIONTH))
            return exact_sum(one.plus[0], plus, less, scale=self._scale)
        return None

    def _part(self, path: Path, root: Json) -> Decimal:
        number = self.number(path, root)
        if number is None:
            raise UnexpectedReplyError.missing(path)
        return number


def exact_sum(
    path: Path,
    plus: Iterable[Decimal],
    less: Iterable[Decimal] = (),
    *,
    scale: Decimal = Decimal(1),
) -> Decimal:
    """Returns the exact sum, scaled.

    Raises:
        UnexpectedReplyError: the sum cannot be kept exactly; the message names `path`.
    """
    try:
        return scaled(total(plus, less), scale)
    except NotAnAmountError as error:
        raise UnexpectedReplyError.at(path, str(error)) from None
