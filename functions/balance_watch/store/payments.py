"""Payments, one item an account: claimed before they are made, so that none is made twice."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.domain.payment import Outcome, Payment, Refusal, claimed, refusal
from balance_watch.store import items
from balance_watch.store.table import Table, packed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_log = logging.getLogger(__name__)


class Payments:
    """The payments in a table, for one process; safe to use from several threads."""

    def __init__(self, client: "DynamoDBClient", table: Table) -> None:
        self._client, self._table = client, table

    def latest(self, accounts: Sequence[str]) -> dict[str, Payment]:
        """Returns the latest payment of each account that has one."""
        found = self._table.read([items.top_up_key(name) for name in accounts])
        return {
            str(item["pk"]).removeprefix(items.account_key("")): items.payment_from(item)
            for item in found
        }

    def claim(
        self,
        account: str,
        at: datetime,
        *,
        answers: str,
        most: int | None = None,
        after_unknown: bool = False,
    ) -> Payment | Refusal:
        """Claims a payment before it is made, or tells why it may not be; see `refusal`.

        Of two that claim at once, one is refused.
        """
        try:
            last = self.latest([account]).get(account)
        except (BotoCoreError, ClientError, TimeoutError) as error:
            return _not_claimed(account, error)
        why = refusal(last, answers=answers, at=at, most=most, after_unknown=after_unknown)
        if why is not None:
            return why
        payment = claimed(last, answers=answers, at=at)
        token = uuid.uuid4().hex
        condition, values = "attribute_not_exists(pk)", {":token": token}
        if last is not None:
            condition = "claimed_at = :at AND outcome = :outcome"
            values |= {":at": items.text_of(last.claimed_at), ":outcome": last.outcome.value}
        try:
            self._client.put_item(
                TableName=self._table.name,
                Item=packed({**items.payment_item(account, payment), "token": token}),
                # `#token = :token` is this very request, sent again because its reply was lost.
                ConditionExpression=f"#token = :token OR ({condition})",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues=packed(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return Refusal.UNDER_WAY
        except (BotoCoreError, ClientError) as error:
            return _not_claimed(account, error)
        return payment

    def settle(self, account: str, payment: Payment, outcome: Outcome) -> None:
        """Stores how a payment ended; never of another one."""
        self._client.update_item(
            TableName=self._table.name,
            Key=packed(items.top_up_key(account)),
            UpdateExpression="SET outcome = :outcome",
            ConditionExpression="claimed_at = :at AND answers = :answers",
            ExpressionAttributeValues=packed(
                {
                    ":outcome": outcome.value,
                    ":at": items.text_of(payment.claimed_at),
                    ":answers": payment.answers,
                }
            ),
        )

    def clear(self, account: str, at: datetime) -> Payment | None:
        """Takes a payment as settled whose end is not known, or that failed: a person has looked.

        Returns the payment as it was; None where there is none to clear.
        """
        last = self.latest([account]).get(account)
        if last is None or last.outcome.in_order or last.is_under_way(at):
            return None
        self.settle(account, last, Outcome.CLEARED)
        return last


def _not_claimed(account: str, error: Exception) -> Refusal:
    _log.error("payment not claimed", extra={"account": account, "why": type(error).__name__})
    return Refusal.NOT_CLAIMED
