"""Payments, one item a purse: claimed before they are made, so that none is made twice."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from balance_watch.domain.payment import (
    Paid,
    Payment,
    PaymentOutcome,
    Purse,
    Refusal,
    claimed,
    refusal,
)
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    account_key,
    text_of,
    time_of,
)
from balance_watch.store.table import Action, Table, serialize

_UNDER_WAY_SECONDS = 120
"""A claim as young as this is a payment under way; an older one is of unknown outcome."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


class Payments:
    """The payments in a table; safe to use from several threads.

    Args:
        table: the table.
        clock: seconds since the epoch, for how long a claim is a payment under way.
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        self._table, self._clock = table, clock

    def latest(self, purses: Sequence[Purse]) -> dict[str, Payment]:
        """Returns the latest payment into each purse that has one, by the account's name.

        A malformed one is treated as of unknown outcome, so that no automatic payment follows it.
        """
        return {account: found.payment for account, found in self._read(purses).items()}

    def claim(
        self,
        purse: Purse,
        at: datetime,
        *,
        idempotency_key: str,
        max_per_day: int | None = None,
        after_unknown: bool = False,
    ) -> Payment | Refusal:
        """Claims a payment before it is made, or returns why it may not be made: see `refusal`.

        Of two claims at once, one is refused.
        """
        try:
            found = self._last(purse)
        except (BotoCoreError, ClientError, TimeoutError) as error:
            return _not_claimed(purse, error)
        last = found and found.payment
        why = refusal(
            last,
            idempotency_key=idempotency_key,
            at=at,
            in_progress=found is not None and found.is_recent,
            max_per_day=max_per_day,
            after_unknown=after_unknown,
        )
        if why is not None:
            return why
        payment = claimed(last, idempotency_key=idempotency_key, at=at)
        try:
            self._put_claim(purse, payment, found)
        except self._table.client.exceptions.ConditionalCheckFailedException:
            return Refusal.UNDER_WAY
        except (BotoCoreError, ClientError) as error:
            return _not_claimed(purse, error)
        return payment

    def settle(self, purse: Purse, payment: Payment, outcome: PaymentOutcome) -> None:
        """Stores how a payment ended; raises ClientError if another was claimed since."""
        self._settle(payment_key(purse), payment, outcome)

    def _settle(self, key: Item, payment: Payment, outcome: PaymentOutcome) -> None:
        self._table.client.update_item(
            TableName=self._table.name,
            Key=serialize(key),
            UpdateExpression="SET outcome = :outcome",
            ConditionExpression="claimed_at = :at AND answers = :answers",
            ExpressionAttributeValues=serialize(
                {
                    ":outcome": outcome.value,
                    ":at": text_of(payment.claimed_at),
                    ":answers": payment.idempotency_key,
                }
            ),
        )

    def clear(self, purse: Purse) -> Payment | None:
        """Settles a payment that failed or whose outcome is unknown: a person has looked into it.

        Returns the payment as it was, or None if there is no payment to clear.
        """
        found = self._last(purse)
        if found is None or found.payment.outcome.is_settled:
            return None
        if found.is_recent and found.payment.outcome is PaymentOutcome.CLAIMED:
            return None
        self._settle(found.key, found.payment, PaymentOutcome.CLEARED)
        return found.payment

    def outcome_put(self, purse: Purse, payment: Payment) -> Action:
        """Returns the action that stores how a payment ended.

        It fails if another payment has been claimed since.
        """
        item = payment_to_item(purse, payment)
        put = {
            "TableName": self._table.name,
            "Item": serialize(item),
            # The claim may be one of an earlier release, under another key.
            "ConditionExpression": (
                "attribute_not_exists(pk) OR (claimed_at = :at AND answers = :answers)"
            ),
            "ExpressionAttributeValues": serialize(
                {":at": item["claimed_at"], ":answers": item["answers"]}
            ),
        }
        return {"Put": put}

    def _last(self, purse: Purse) -> "_Found | None":
        """Returns the latest payment into a purse, as it was found."""
        return self._read([purse]).get(purse.account)

    def _read(self, purses: Sequence[Purse]) -> dict[str, "_Found"]:
        keys = {purse: (payment_key(purse), _former_key(purse.account)) for purse in purses}
        distinct = {key["pk"]: key for pair in keys.values() for key in pair}
        items = {item["pk"]: item for item in self._table.read(list(distinct.values()))}
        found = {}
        for purse, pair in keys.items():
            own, former = (self._found(items.get(key["pk"]), purse.account) for key in pair)
            latest = _latest(own, former)
            if latest is not None:
                found[purse.account] = latest._replace(own=own and own.payment)
        return found

    def _found(self, item: Item | None, account: str) -> "_Found | None":
        if item is None:
            return None
        key = {"pk": item["pk"], "sk": item["sk"]}
        try:
            is_recent = int(item.get("until", 0)) > self._clock()
            return _Found(payment_from_item(item), key, is_recent=is_recent)
        except MALFORMED_ITEM as error:
            facts = {"account": account, "why": type(error).__name__}
            _log.error("malformed payment: treated as of unknown outcome", extra=facts)
            return _Found(Payment(_LONG_AGO, "", PaymentOutcome.UNKNOWN), key)

    def _put_claim(self, purse: Purse, payment: Payment, found: "_Found | None") -> None:
        """Stores a claim, unless another one has replaced the last payment meanwhile."""
        token = uuid.uuid4().hex
        condition, values = "attribute_not_exists(pk)", {":token": token}
        last = found and found.own
        if last is not None:
            condition = "claimed_at = :at AND outcome = :outcome"
            values |= {":at": text_of(last.claimed_at), ":outcome": last.outcome.value}
        until = int(self._clock() + _UNDER_WAY_SECONDS)
        item = {**payment_to_item(purse, payment), "token": token, "until": until}
        self._table.client.put_item(
            TableName=self._table.name,
            Item=serialize(item),
            # `#token = :token` is this very request, sent again because its reply was lost.
            ConditionExpression=f"#token = :token OR ({condition})",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues=serialize(values),
        )


class _Found(NamedTuple):
    """A payment in the table, the key of its item, and whether its claim is recent.

    `own` is the payment in the item of the purse: the other may be of an earlier release.
    """

    payment: Payment
    key: Item
    is_recent: bool = False
    own: Payment | None = None


def _latest(own: _Found | None, former: _Found | None) -> _Found | None:
    """Returns the payment that decides whether another may follow, with all that came before it.

    One whose outcome is not known decides; otherwise, it is the later one.
    """
    if own is None or former is None:
        return own or former
    is_former = former.payment.outcome.is_open or (
        not own.payment.outcome.is_open and former.payment.claimed_at > own.payment.claimed_at
    )
    first, other = (former, own) if is_former else (own, former)
    earlier = {*first.payment.earlier, *other.payment.within_a_day_of(first.payment.claimed_at)}
    return first._replace(payment=replace(first.payment, earlier=tuple(sorted(earlier))))


def payment_key(purse: Purse) -> Item:
    """Returns the key of the latest payment into a purse."""
    return {"pk": f"PURSE#{purse.digest}", "sk": "TOPUP"}


def _former_key(account: str) -> Item:
    """Returns the key that an earlier release kept the latest payment under."""
    return {"pk": account_key(account), "sk": "TOPUP"}


def payment_to_item(purse: Purse, payment: Payment) -> Item:
    """Returns the item of the latest payment into a purse."""
    return {
        **payment_key(purse),
        "claimed_at": text_of(payment.claimed_at),
        "answers": payment.idempotency_key,
        "outcome": payment.outcome.value,
        "earlier": [[text_of(paid.at), paid.idempotency_key] for paid in payment.earlier],
    }


def payment_from_item(item: Mapping[str, Any]) -> Payment:
    """Returns the payment of an item; raises one of MALFORMED_ITEM."""
    return Payment(
        time_of(item["claimed_at"]),
        item.get("answers", ""),
        PaymentOutcome(item["outcome"]),
        tuple(Paid(time_of(at), key) for at, key in item.get("earlier", ())),
    )


def _not_claimed(purse: Purse, error: Exception) -> Refusal:
    facts = {"account": purse.account, "why": type(error).__name__}
    _log.error("payment not claimed", extra=facts)
    return Refusal.NOT_CLAIMED
