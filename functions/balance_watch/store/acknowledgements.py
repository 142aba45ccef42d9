"""Acknowledgements, as attributes of the run's item: claiming a tick reads them without a call."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from balance_watch.domain.acknowledgement import Acknowledgement, Acknowledgements
from balance_watch.domain.rules import Metric
from balance_watch.store.items import MALFORMED_ITEM, RUN_KEY, Item, text_of, time_of
from balance_watch.store.table import Table, serialize

_PREFIX = "ack:"

_log = logging.getLogger(__name__)


class AcknowledgementItems:
    """The acknowledgements in a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def by_alert(self) -> Acknowledgements:
        """Returns the acknowledgements, also of alerts that are over."""
        return acknowledgements_from_item(self._table.get(RUN_KEY))

    def put(self, acknowledgement: Acknowledgement) -> None:
        """Stores an acknowledgement, unless there is one of a later notification of its alert.

        It is an attribute of its own: a run that ends meanwhile writes over none.
        """
        try:
            self._table.update(
                RUN_KEY,
                UpdateExpression="SET #own = :own",
                ConditionExpression="attribute_not_exists(#own) OR #own.said_at <= :said_at",
                ExpressionAttributeNames={"#own": _attribute_of(acknowledgement)},
                ExpressionAttributeValues=serialize(
                    {
                        ":own": _to_map(acknowledgement),
                        ":said_at": text_of(acknowledgement.said_at),
                    }
                ),
            )
        except self._table.client.exceptions.ConditionalCheckFailedException:
            _log.info("acknowledged already, at a later notification")

    def forget(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        """Removes acknowledgements, unless one of them has been replaced meanwhile."""
        for acknowledgement in acknowledgements:
            try:
                self._table.update(
                    RUN_KEY,
                    UpdateExpression="REMOVE #own",
                    ConditionExpression="#own.said_at = :said_at",
                    ExpressionAttributeNames={"#own": _attribute_of(acknowledgement)},
                    ExpressionAttributeValues=serialize(
                        {":said_at": text_of(acknowledgement.said_at)}
                    ),
                )
            except self._table.client.exceptions.ConditionalCheckFailedException:
                continue


def _attribute_of(acknowledgement: Acknowledgement) -> str:
    """Returns the attribute of an alert's acknowledgement: a name may be of any length."""
    text = f"{acknowledgement.metric}\n{acknowledgement.account}"
    return f"{_PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _to_map(acknowledgement: Acknowledgement) -> Item:
    return {
        "account": acknowledgement.account,
        "metric": acknowledgement.metric.value,
        "since": text_of(acknowledgement.since),
        "said_at": text_of(acknowledgement.said_at),
        "by": acknowledgement.by,
        "at": text_of(acknowledgement.at),
    }


def acknowledgements_from_item(item: Mapping[str, Any]) -> Acknowledgements:
    """Returns the acknowledgements in the run's item; a malformed one is logged and left out."""
    found = {}
    for attribute, value in item.items():
        if not attribute.startswith(_PREFIX):
            continue
        try:
            made = _from_map(value)
        except MALFORMED_ITEM as error:
            facts = {"attribute": attribute, "why": type(error).__name__}
            _log.error("malformed acknowledgement: people are reminded", extra=facts)
        else:
            found[made.account, made.metric] = made
    return found


def _from_map(item: Mapping[str, Any]) -> Acknowledgement:
    return Acknowledgement(
        str(item["account"]),
        Metric(item["metric"]),
        time_of(item["since"]),
        time_of(item["said_at"]),
        str(item["by"]),
        time_of(item["at"]),
    )
