"""Payments, one item an account: claimed before they are made, so that none is made twice."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.payment import Payment, PaymentOutcome, Refusal, claimed, refusal
from balance_watch.store import items
from balance_watch.store.items import MALFORMED_ITEM
from balance_watch.store.table import Table, serialize

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNDER_WAY_SECONDS = 120
"""A claim as young as this is a payment under way; an older one is of unknown outcome."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


class Payments:
    """The payments in a table, for one process; safe to use from several threads.

    Args:
        client: a low-level DynamoDB client.
        table: the table.
        clock: seconds since the epoch, for how long a claim is a payment under way.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: Table,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client, self.table, self.clock = client, table, clock

    def latest(self, accounts: Sequence[str]) -> dict[str, Payment]:
        """Returns the latest payment of each account that has one.

        One that cannot be understood stands for one of unknown outcome: nothing is paid on it.
        """
        found = self._items(accounts)
        return {name: payment for name, (payment, _) in found.items()}

    def _items(self, accounts: Sequence[str]) -> dict[str, tuple[Payment, bool]]:
        """The latest payments, each with whether it may be being made just now."""
        found = {}
        for item in self.table.read([items.top_up_key(name) for name in accounts]):
            name = str(item["pk"]).removeprefix(items.account_key(""))
            try:
                under_way = int(item.get("until", 0)) > self.clock()
                found[name] = items.payment_from_item(item), under_way
            except MALFORMED_ITEM as error:
                facts = {"account": name, "why": type(error).__name__}
                _log.error("payment not understood: taken as one of unknown outcome", extra=facts)
                found[name] = Payment(_LONG_AGO, "", PaymentOutcome.UNKNOWN), False
        return found

    def claim(
        self,
        account: str,
        at: datetime,
        *,
        idempotency_key: str,
        most: int | None = None,
        after_unknown: bool = False,
    ) -> Payment | Refusal:
        """Claims a payment before it is made, or tells why it may not be; see `refusal`.

        Of two that claim at once, one is refused.
        """
        try:
            last, under_way = self._items([account]).get(account, (None, False))
        except (BotoCoreError, ClientError, TimeoutError) as error:
            return _not_claimed(account, error)
        why = refusal(
            last,
            idempotency_key=idempotency_key,
            at=at,
            in_progress=under_way,
            max_per_day=most,
            after_unknown=after_unknown,
        )
        if why is not None:
            return why
        payment = claimed(last, idempotency_key=idempotency_key, at=at)
        token = uuid.uuid4().hex
        condition, values = "attribute_not_exists(pk)", {":token": token}
        if last is not None:
            condition = "claimed_at = :at AND outcome = :outcome"
            values |= {":at": items.text_of(last.claimed_at), ":outcome": last.outcome.value}
        try:
            self.client.put_item(
                TableName=self.table.name,
                Item=serialize(
                    {
                        **items.payment_to_item(account, payment),
                        "token": token,
                        "until": int(self.clock() + _UNDER_WAY_SECONDS),
                    }
                ),
                # `#token = :token` is this very request, sent again because its reply was lost.
                ConditionExpression=f"#token = :token OR ({condition})",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues=serialize(values),
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return Refusal.UNDER_WAY
        except (BotoCoreError, ClientError) as error:
            return _not_claimed(account, error)
        return payment

    def settle(self, account: str, payment: Payment, outcome: PaymentOutcome) -> None:
        """Stores how a payment ended; never of another one."""
        self.client.update_item(
            TableName=self.table.name,
            Key=serialize(items.top_up_key(account)),
            UpdateExpression="SET outcome = :outcome",
            ConditionExpression="claimed_at = :at AND answers = :answers",
            ExpressionAttributeValues=serialize(
                {
                    ":outcome": outcome.value,
                    ":at": items.text_of(payment.claimed_at),
                    ":answers": payment.idempotency_key,
                }
            ),
        )

    def clear(self, account: str) -> Payment | None:
        """Takes a payment as settled whose end is not known, or that failed: a person has looked.

        Returns the payment as it was; None where there is none to clear.
        """
        last, under_way = self._items([account]).get(account, (None, False))
        under_way = under_way and last is not None and last.outcome is PaymentOutcome.CLAIMED
        if last is None or last.outcome.is_settled or under_way:
            return None
        self.settle(account, last, PaymentOutcome.CLEARED)
        return last


def _not_claimed(account: str, error: Exception) -> Refusal:
    _log.error("payment not claimed", extra={"account": account, "why": type(error).__name__})
    return Refusal.NOT_CLAIMED
