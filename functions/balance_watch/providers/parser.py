"""From a reply to a reading or a named failure: pure, and never a guess."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from balance_watch.domain.account import Account
from balance_watch.domain.money import CURRENCIES, NotAnAmountError, exact, scaled, total
from balance_watch.domain.reading import (
    AutoReload,
    FailureKind,
    ReadFailure,
    Reading,
    ReadResult,
    Unlimited,
)
from balance_watch.providers.decoding import Body, UnexpectedReplyError, decode, holds, search
from balance_watch.providers.failures import failed_by_body, failed_by_status
from balance_watch.providers.masking import mask_keys
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_types import AmountPaths, Path, Sum
from balance_watch.transport import Reply

_STATUS_LENGTH = 200
_ANOTHER = "another unit"
_GROUPED = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)


def parse_reply(spec: Spec, account: Account, reply: Reply, now: datetime) -> ReadResult:
    """Returns the reading that a reply holds, or the failure that it is.

    Args:
        spec: the provider.
        account: whose balance was asked for.
        reply: a whole reply, of any status.
        now: the tick that the reading belongs to.
    """
    body = parse_body(spec, reply)
    return body if isinstance(body, ReadFailure) else parse_reading(spec, account, body, now)


def parse_body(spec: Spec, reply: Reply) -> Body | ReadFailure:
    """Returns the body of a reply that succeeded, or the failure that it is."""
    try:
        if (failure := failed_by_status(spec, reply)) is not None:
            return failure
        body = decode(reply, spec.format)
        return failed_by_body(spec, body.value) or body
    except UnexpectedReplyError as error:
        return _malformed(error)


def parse_reading(spec: Spec, account: Account, body: Body, now: datetime) -> ReadResult:
    """Returns the reading that a body of a reply that succeeded holds, or a failure."""
    try:
        return _Reply(spec, account, body).reading(now)
    except UnexpectedReplyError as error:
        return _malformed(error)
    except _AmbiguousError as error:
        return ReadFailure(FailureKind.AMBIGUOUS, str(error))


class _AmbiguousError(Exception):
    """The reply holds several balances, and nothing says which one is meant."""


def _malformed(error: UnexpectedReplyError) -> ReadFailure:
    return ReadFailure(FailureKind.MALFORMED, f"The reply {error}.")


class _Reply:
    """A body, read field by field."""

    def __init__(self, spec: Spec, account: Account, body: Body) -> None:
        self._spec, self._account, self._paths = spec, account, spec.reply
        self._as_text = body.textual or spec.numbers != "json"
        self._textual = body.textual
        self._root = search(spec.reply.root, body.value)

    def reading(self, now: datetime) -> Reading | Unlimited:
        paths = self._paths
        if self._spec.unlimited is not None and holds(self._spec.unlimited, self._root):
            return Unlimited(now)
        balance, currency = self._balance() if paths.each is None else self._chosen(paths.each)
        return Reading(
            observed_at=now,
            balance=balance,
            currency=currency,
            credits=self._number(paths.credits),
            points=self._number(paths.points),
            provider_flag=self._flag(paths.provider_flag),
            provider_threshold=self._money(paths.provider_threshold),
            auto_reload=self._auto_reload(),
            provider_time=self._time(paths.provider_time),
            resets_at=self._time(paths.resets_at),
            status=self._text(paths.status),
        )

    def _balance(self) -> tuple[Decimal, str]:
        stated = self._account.currency or self._spec.currency
        if self._paths.currency is None:
            # A specification has one or the other, or it would not have been accepted.
            return self._amount(self._paths.balance, self._root), stated or ""
        currency = self._unit(self._root)
        if currency is None:
            hint = 'name its word as the account\'s "currency" if it is meant'
            raise UnexpectedReplyError(
                f"holds {self._paths.currency}, which is no currency: {hint}"
            )
        if stated not in (None, currency):
            raise UnexpectedReplyError(f"is in another currency than {stated}")
        return self._amount(self._paths.balance, self._root), currency

    def _chosen(self, each: Path) -> tuple[Decimal, str]:
        """The balance in the one currency that is meant; nothing is added up across currencies."""
        entries = self._find(each)
        if not isinstance(entries, list) or not entries:
            raise UnexpectedReplyError(f"has no {each}")
        amounts: dict[str, list[Decimal]] = defaultdict(list)
        for entry in entries:
            unit = self._unit(entry) or _ANOTHER
            amounts[unit].append(self._amount(self._paths.balance, entry))
        there = " and ".join(sorted(amounts, key=lambda it: (it == _ANOTHER, it)))
        wanted = self._account.currency or self._spec.currency
        if wanted is None and (len(amounts) > 1 or _ANOTHER in amounts):
            text = f'The reply has balances in {there}: name one as the account\'s "currency".'
            raise _AmbiguousError(text)
        currency = wanted or next(iter(amounts))
        if currency not in amounts:
            raise _AmbiguousError(f"The reply has no balance in {currency}, but in {there}.")
        if len(amounts[currency]) > 1 and not self._paths.add_up:
            raise UnexpectedReplyError(f"has several balances in {currency}")
        return self._total(each, amounts[currency]), currency

    def _find(self, path: Path | None) -> Any:  # noqa: ANN401 (whatever JSON holds)
        return None if path is None else search(path, self._root)

    def _number(self, path: Path | None) -> Decimal | None:
        return None if path is None else self._number_in(path, self._root)

    def _number_in(self, path: Path, root: object) -> Decimal | None:
        found = search(path, root)
        if found is None or isinstance(found, Decimal):
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return Decimal(found)  # of the path itself: the reply's own are Decimals
        if not self._as_text or not isinstance(found, str):
            text = "text, and not a number" if isinstance(found, str) else "not a number"
            raise UnexpectedReplyError(f"holds {path}, which is {text}")
        if self._spec.numbers == "grouped text":
            if not _GROUPED.fullmatch(found):
                raise UnexpectedReplyError(f"holds {path}, which is not a number")
            found = found.replace(",", "")
        try:
            return exact(found)
        except NotAnAmountError as error:
            raise UnexpectedReplyError(f"holds {path}, which {error}") from None

    def _amount(self, amount: AmountPaths, root: object) -> Decimal:
        """The least of what is there."""
        found = (self._first(group, root) for group in amount.groups)
        there = [number for number in found if number is not None]
        if not there:
            raise UnexpectedReplyError(f"has no {amount.sums[0].plus[0]}")
        return min(there)

    def _first(self, sums: Iterable[Sum], root: object) -> Decimal | None:
        """The first of several sums whose own first part is there."""
        for each in sums:
            first = self._number_in(each.plus[0], root)
            if first is None:
                continue
            plus = [first, *(self._part(path, root) for path in each.plus[1:])]
            less = [self._part(path, root) for path in each.less]
            return self._total(each.plus[0], plus, less, self._spec.scale)
        return None

    def _total(
        self,
        path: Path,
        plus: Iterable[Decimal],
        less: Iterable[Decimal] = (),
        scale: Decimal = Decimal(1),
    ) -> Decimal:
        try:
            return scaled(total(plus, less), scale)
        except NotAnAmountError as error:
            raise UnexpectedReplyError(f"holds {path}, which {error}") from None

    def _part(self, path: Path, root: object) -> Decimal:
        number = self._number_in(path, root)
        if number is None:
            raise UnexpectedReplyError(f"has no {path}")
        return number

    def _money(self, path: Path | None) -> Decimal | None:
        number = self._number(path)
        if path is None or number is None:
            return None
        return self._total(path, [number], (), self._spec.scale)

    def _flag(self, path: Path | None) -> bool | None:
        found = self._find(path)
        if found is None or isinstance(found, bool):
            return found
        if isinstance(found, str) and self._spec.words:
            words = {word.lower(): meaning for word, meaning in self._spec.words.items()}
            return words.get(found.strip().lower())
        if self._textual and found in ("true", "false"):
            return bool(found == "true")
        raise UnexpectedReplyError(f"holds {path}, which is neither true nor false")

    def _auto_reload(self) -> AutoReload | None:
        enabled = self._flag(self._paths.auto_reload)
        if enabled is None:
            return None
        threshold = self._money(self._paths.auto_reload_threshold)
        return AutoReload(enabled, threshold, self._money(self._paths.auto_reload_amount))

    def _unit(self, root: object) -> str | None:
        """What the reply says that a balance is in: a currency, or the very unit that is expected.

        None: another word, which might be anything.
        """
        path = self._paths.currency
        found = None if path is None else search(path, root)
        if not isinstance(found, str):
            raise UnexpectedReplyError(f"has no {path}")
        known = {word.lower(): unit for word, unit in self._spec.currencies.items()}
        unit = known.get(found.strip().lower(), found)
        expected = self._account.currency or self._spec.currency
        if expected is not None and unit.lower() == expected.lower():
            return expected
        if unit in known.values():
            return unit
        return unit.upper() if unit.upper() in CURRENCIES else None

    def _time(self, path: Path | None) -> datetime | None:
        found = self._find(path)
        if found is None:
            return None
        try:
            if isinstance(found, Decimal) and path is self._paths.resets_at:
                return datetime.fromtimestamp(int(found), UTC)
            parsed = datetime.fromisoformat(found)
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            raise UnexpectedReplyError(f"holds {path}, which is no time") from None

    def _text(self, path: Path | None) -> str | None:
        found = self._find(path)
        if found is None:
            return None
        if not isinstance(found, str):
            raise UnexpectedReplyError(f"holds {path}, which is no text")
        # What lies far behind what is shown is not looked through: keys may be long, and many.
        return mask_keys(found[: 4 * _STATUS_LENGTH], self._account)[:_STATUS_LENGTH] or None


def outcome_word(spec: Spec, reply: Reply) -> str | None:
    """Returns what a top-up's reply means by the specification; None: that cannot be told."""
    if spec.top_up is None:
        return None
    try:
        said = search(spec.top_up.outcome, decode(reply, spec.format).value)
    except UnexpectedReplyError:
        return None
    word = spec.top_up.outcomes.get(said) if isinstance(said, str) else None
    succeeded = reply.status == HTTPStatus.OK
    # A success in the words of a failed request, or the other way round, is neither.
    return word if word is not None and (word == "paid") is succeeded else None
