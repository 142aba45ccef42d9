"""Turns a reply into a reading or a named failure. It is pure, and never guesses."""

from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from threading import Lock

from balance_watch.domain.account import Account
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import (
    AutoReload,
    FailureKind,
    ReadFailure,
    Reading,
    ReadResult,
    Unlimited,
)
from balance_watch.providers.amounts import AmountReader
from balance_watch.providers.balance import AmbiguousBalanceError, find_balance
from balance_watch.providers.decoding import Body, UnexpectedReplyError, decode, holds, search
from balance_watch.providers.failures import failed_by_body, failed_by_status
from balance_watch.providers.masking import mask_addresses, mask_keys
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_types import Path
from balance_watch.providers.times import time_from
from balance_watch.transport import MAX_BODY, Reply
from balance_watch.validation import Json

_STATUS_LENGTH = 200

_one_large = Lock()
"""Held while a large body is parsed: it takes up to sixty times its size in memory."""


def parse_reply(spec: Spec, account: Account, reply: Reply, now: datetime) -> ReadResult:
    """Returns the reading that a reply holds, or the failure that it reports.

    Args:
        spec: the provider.
        account: the account whose balance was asked for.
        reply: a complete reply, with any status.
        now: the tick that the reading belongs to.
    """
    with _one_large if len(reply.body) > MAX_BODY else nullcontext():
        body = parse_body(spec, reply)
        return body if isinstance(body, ReadFailure) else parse_reading(spec, account, body, now)


def parse_body(spec: Spec, reply: Reply) -> Body | ReadFailure:
    """Returns the body of a reply that reports success, or the failure that it reports."""
    try:
        if (failure := failed_by_status(spec, reply)) is not None:
            return failure
        body = decode(reply, spec.format)
        return failed_by_body(spec, body.value) or body
    except UnexpectedReplyError as error:
        return ReadFailure(FailureKind.MALFORMED, str(error))


def parse_reading(spec: Spec, account: Account, body: Body, now: datetime) -> ReadResult:
    """Returns the reading that the body of a successful reply holds, or a failure."""
    try:
        return _BodyReader(spec, account, body).reading(now)
    except UnexpectedReplyError as error:
        return ReadFailure(FailureKind.MALFORMED, str(error))
    except AmbiguousBalanceError as error:
        return ReadFailure(FailureKind.AMBIGUOUS, str(error))


class _BodyReader:
    """Reads a body fact by fact."""

    def __init__(self, spec: Spec, account: Account, body: Body) -> None:
        self._spec, self._account, self._paths = spec, account, spec.reply
        self._textual = body.textual
        self._root: Json = search(spec.reply.root, body.value)
        self._amounts = AmountReader(spec, textual=body.textual)

    def reading(self, now: datetime) -> Reading | Unlimited:
        if self._spec.unlimited is not None and holds(self._spec.unlimited, self._root):
            return Unlimited(now)
        paths = self._paths
        balance, currency = find_balance(self._spec, self._account, self._root, self._amounts)
        return Reading(
            observed_at=now,
            balance=balance,
            currency=currency,
            credits=self._amounts.number(paths.credits, self._root),
            points=self._amounts.number(paths.points, self._root),
            provider_flag=self._flag(paths.provider_flag),
            provider_threshold=self._amounts.money(paths.provider_threshold, self._root),
            auto_reload=self._auto_reload(),
            provider_time=self._time(paths.provider_time),
            resets_at=self._time(paths.resets_at),
            renews=self._flag(paths.renews),
            credit_limit=self._credit_limit(),
            expires_at=self._time(paths.expires_at),
            status=self._text(paths.status),
        )

    def _value(self, path: Path | None) -> Json:
        return None if path is None else search(path, self._root)

    def _flag(self, path: Path | None) -> bool | None:
        value = self._value(path)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and self._spec.words:
            words = {word.lower(): meaning for word, meaning in self._spec.words.items()}
            return words.get(value.strip().lower())
        if self._textual and value in ("true", "false"):
            return bool(value == "true")
        raise UnexpectedReplyError.at(path, "is neither true nor false")

    def _auto_reload(self) -> AutoReload | None:
        enabled = self._flag(self._paths.auto_reload)
        if enabled is None:
            return None
        threshold = self._amounts.money(self._paths.auto_reload_threshold, self._root)
        amount = self._amounts.money(self._paths.auto_reload_amount, self._root)
        return AutoReload(enabled, threshold, amount)

    def _credit_limit(self) -> Decimal | None:
        """Returns how much may be owed: some providers write it as the lowest balance, below 0."""
        limit = self._amounts.money(self._paths.credit_limit, self._root)
        return None if limit is None else limit.copy_abs()

    def _time(self, path: Path | None) -> datetime | None:
        value = self._value(path)
        if value is None:
            return None
        try:
            return time_from(value, numbers=path is not self._paths.provider_time)
        except ValueError as error:
            raise UnexpectedReplyError.at(path, str(error)) from None

    def _text(self, path: Path | None) -> str | None:
        value = self._value(path)
        if value is None:
            return None
        if not isinstance(value, str):
            raise UnexpectedReplyError.at(path, "is not text")
        # Masking takes time for each key, so it skips what lies far beyond the part that is shown.
        masked = mask_keys(value[: 4 * _STATUS_LENGTH], self._account)
        return mask_addresses(masked)[:_STATUS_LENGTH] or None


def parse_top_up_reply(spec: Spec, reply: Reply) -> PaymentOutcome:
    """Returns what the reply to a top-up means by the specification; UNKNOWN if that is unclear."""
    if spec.top_up is None:
        return PaymentOutcome.UNKNOWN
    try:
        word = search(spec.top_up.outcome, decode(reply, spec.format).value)
    except UnexpectedReplyError:
        return PaymentOutcome.UNKNOWN
    outcome = spec.top_up.outcomes.get(word) if isinstance(word, str) else None
    # Success in the words of a failure, or failure in the words of success, is neither.
    contradicts = (outcome == "paid") is not (reply.status == HTTPStatus.OK)
    return PaymentOutcome.UNKNOWN if outcome is None or contradicts else PaymentOutcome(outcome)
