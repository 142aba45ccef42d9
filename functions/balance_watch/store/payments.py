"""Payments, one item an account: claimed before they are made, so that none is made twice."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.payment import Paid, Payment, PaymentOutcome, Refusal, claimed, refusal
from balance_watch.store.items import (
    MALFORMED_ITEM,
    Item,
    account_key,
    account_of,
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

    def latest(self, accounts: Sequence[str]) -> dict[str, Payment]:
        """Returns the latest payment of each account that has one.

        A malformed one is treated as of unknown outcome, so that no automatic payment follows it.
        """
        return {account: payment for account, (payment, _) in self._read(accounts).items()}

    def claim(
        self,
        account: str,
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
            last, is_recent = self._last(account)
        except (BotoCoreError, ClientError, TimeoutError) as error:
            return _not_claimed(account, error)
        why = refusal(
            last,
            idempotency_key=idempotency_key,
            at=at,
            in_progress=is_recent,
            max_per_day=max_per_day,
            after_unknown=after_unknown,
        )
        if why is not None:
            return why
        payment = claimed(last, idempotency_key=idempotency_key, at=at)
        try:
            self._put_claim(account, payment, last)
        except self._table.client.exceptions.ConditionalCheckFailedException:
            return Refusal.UNDER_WAY
        except (BotoCoreError, ClientError) as error:
            return _not_claimed(account, error)
        return payment

    def settle(self, account: str, payment: Payment, outcome: PaymentOutcome) -> None:
        """Stores how a payment ended; raises ClientError if another was claimed since."""
        self._table.client.update_item(
            TableName=self._table.name,
            Key=serialize(payment_key(account)),
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

    def clear(self, account: str) -> Payment | None:
        """Settles a payment that failed or whose outcome is unknown: a person has looked into it.

        Returns the payment as it was, or None if there is no payment to clear.
        """
        last, is_recent = self._last(account)
        if last is None or last.outcome.is_settled:
            return None
        if is_recent and last.outcome is PaymentOutcome.CLAIMED:
            return None
        self.settle(account, last, PaymentOutcome.CLEARED)
        return last

    def outcome_put(self, account: str, payment: Payment) -> Action:
        """Returns the action that stores how a payment ended.

        It fails if another payment has been claimed since.
        """
        item = payment_to_item(account, payment)
        put = {
            "TableName": self._table.name,
            "Item": serialize(item),
            "ConditionExpression": "claimed_at = :at AND answers = :answers",
            "ExpressionAttributeValues": serialize(
                {":at": item["claimed_at"], ":answers": item["answers"]}
            ),
        }
        return {"Put": put}

    def _last(self, account: str) -> tuple[Payment | None, bool]:
        """Returns the latest payment into an account, and whether its claim is recent."""
        return self._read([account]).get(account, (None, False))

    def _read(self, accounts: Sequence[str]) -> dict[str, tuple[Payment, bool]]:
        payments = {}
        for item in self._table.read([payment_key(account) for account in accounts]):
            account = account_of(item)
            try:
                is_recent = int(item.get("until", 0)) > self._clock()
                payments[account] = payment_from_item(item), is_recent
            except MALFORMED_ITEM as error:
                facts = {"account": account, "why": type(error).__name__}
                _log.error("malformed payment: treated as of unknown outcome", extra=facts)
                payments[account] = Payment(_LONG_AGO, "", PaymentOutcome.UNKNOWN), False
        return payments

    def _put_claim(self, account: str, payment: Payment, last: Payment | None) -> None:
        """Stores a claim, unless another one has replaced the last payment meanwhile."""
        token = uuid.uuid4().hex
        condition, values = "attribute_not_exists(pk)", {":token": token}
        if last is not None:
            condition = "claimed_at = :at AND outcome = :outcome"
            values |= {":at": text_of(last.claimed_at), ":outcome": last.outcome.value}
        until = int(self._clock() + _UNDER_WAY_SECONDS)
        item = {**payment_to_item(account, payment), "token": token, "until": until}
        self._table.client.put_item(
            TableName=self._table.name,
            Item=serialize(item),
            # `#token = :token` is this very request, sent again because its reply was lost.
            ConditionExpression=f"#token = :token OR ({condition})",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues=serialize(values),
        )


def payment_key(account: str) -> Item:
    """Returns the key of the latest payment into an account."""
    return {"pk": account_key(account), "sk": "TOPUP"}


def payment_to_item(account: str, payment: Payment) -> Item:
    """Returns the item of the latest payment into an account."""
    return {
        **payment_key(account),
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


def _not_claimed(account: str, error: Exception) -> Refusal:
    _log.error("payment not claimed", extra={"account": account, "why": type(error).__name__})
    return Refusal.NOT_CLAIMED
