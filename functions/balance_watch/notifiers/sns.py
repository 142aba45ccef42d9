"""SNS: a short text for people, exact JSON for machines, ten messages to a call.

Limits: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html (10 entries, 262,144 bytes
in all) and API_Publish.html (a subject is ASCII, under 100 characters, without line breaks).
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from balance_watch.domain.formatting import format_duration, format_time, iso_time, sparkline
from balance_watch.domain.notification import Notification, Reason, SendResult, gravest_first
from balance_watch.notifiers.text import (
    format_change,
    pace,
    summary_line,
)

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_ENTRIES = 10
MAX_BYTES = 262_144
MAX_SUBJECT = 99
_TEXT = 4000
_ENTRY_OVERHEAD = 2000
_CONTENT = ("BatchRequestTooLong", "InvalidParameter", "InvalidParameterValue", "ValidationError")
_GOOD_NEWS = (Reason.RESOLVED, Reason.TOPPED_UP)
_ABOUT_CONTENT = "SNS does not take what a message holds."


class SnsChannel:
    """The topic."""

    def __init__(self, client: "SNSClient", topic: str) -> None:
        self._client, self._topic = client, topic

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Publishes everything, yielding after each call; refuses what SNS did not take.

        `deadline` is the client's to keep: its time-outs and tries are set where it is built.
        """
        del deadline
        for group in batches(sorted(notifications, key=gravest_first)):
            sent = self._publish(group)
            if sent.why == _ABOUT_CONTENT and len(group) > 1:
                # One that SNS does not take must not keep back those beside it.
                yield from (self._publish([each]) for each in group)
            else:
                yield sent

    def _publish(self, group: Sequence[Notification]) -> SendResult:
        entries: list[Any] = [{"Id": str(index), **render(it)} for index, it in enumerate(group)]
        try:
            answer = self._client.publish_batch(
                TopicArn=self._topic,
                PublishBatchRequestEntries=entries,
            )
        except ClientError as error:
            code = _code(error)
            why = _ABOUT_CONTENT if code in _CONTENT else f"SNS answers {code}."
            return SendResult(rejected=tuple(group), why=why)
        except ParamValidationError:
            return SendResult(rejected=tuple(group), why=_ABOUT_CONTENT)
        except BotoCoreError as error:
            return SendResult(
                rejected=tuple(group), why=f"SNS was not reached ({type(error).__name__})."
            )
        # An entry that is named in neither list was not taken.
        taken = {int(entry["Id"]) for entry in answer.get("Successful", [])}
        codes = {entry["Code"] for entry in answer.get("Failed", [])}
        refused = tuple(it for index, it in enumerate(group) if index not in taken)
        return SendResult(
            accepted=tuple(it for index, it in enumerate(group) if index in taken),
            rejected=refused,
            why=f"SNS answers {', '.join(sorted(codes)) or 'nothing'}." if refused else "",
        )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error"))


def batches(notifications: Sequence[Notification]) -> Iterator[Sequence[Notification]]:
    """Groups notifications by what one call can hold, in entries and in bytes."""
    group: list[Notification] = []
    size = 0
    for it in notifications:
        own = len(render(it)["Message"].encode()) + _ENTRY_OVERHEAD
        if group and (len(group) == MAX_ENTRIES or size + own > MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(it)
        size += own
    if group:
        yield group


def render(it: Notification) -> dict[str, Any]:
    """Renders one entry of PublishBatch, but for its Id."""
    text = text_for_people(it)
    machine = json.dumps(for_machines(it), ensure_ascii=False)
    by_protocol = dict.fromkeys(("sqs", "lambda", "http", "https"), machine)
    versions = {"default": text, "email": text, "sms": summary_line(it), **by_protocol}
    attributes = {
        "account": it.account,
        "provider": it.provider,
        "rule": it.rule,
        "severity": it.severity.value,
        "reason": it.reason.value,
    }
    return {
        "Subject": subject(it),
        "Message": json.dumps(versions, ensure_ascii=False),
        "MessageStructure": "json",
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def subject(it: Notification) -> str:
    """A mail's subject: ASCII, one line, short enough."""
    good = it.reason in _GOOD_NEWS
    word = it.reason.value.replace("_", " ") if good else it.severity.value
    line = f"[{word.upper()}] {summary_line(it)}".encode("ascii", "replace").decode()
    return "".join(each if each.isprintable() else " " for each in line)[:MAX_SUBJECT]


def text_for_people(it: Notification) -> str:
    """A few lines: what, how it moved, why, since when, what to do."""
    moved = format_change(it)
    over = ", over after" if it.reason is Reason.RESOLVED else ", for"
    span = f"{over} {format_duration(it.lasted)}" if it.said_at > it.since else ""
    lines = [
        summary_line(it),
        f"Last 24 h: {sparkline(it.trend)} {moved}" if moved else "",
        pace(it),
        it.detail,
        f"Since {format_time(it.since)}{span}.",
        f"Severity {it.severity}, rule {it.rule}, provider {it.provider}.",
        f"Top up: {it.link}" if it.link and it.reason not in _GOOD_NEWS else "",
    ]
    return "\n".join(filter(None, lines))[:_TEXT]


def for_machines(it: Notification) -> dict[str, Any]:
    """The JSON of the contract: numbers as strings, exact; times in UTC; null for unknown.

    Durations (`runway`; `value` and `threshold` of the metrics runway, expiry and staleness) are
    seconds.
    """
    return {
        "alert_id": it.alert_id,
        "account": it.account,
        "provider": it.provider,
        "rule": it.rule,
        "metric": it.metric.value,
        "severity": it.severity.value,
        "reason": it.reason.value,
        "value": it.value,
        "threshold": None if it.threshold is None else f"{it.threshold:f}",
        "currency": it.currency,
        "balance": None if it.balance is None else f"{it.balance:f}",
        "observed_at": it.observed_at and iso_time(it.observed_at),
        "since": iso_time(it.since),
        "runway": None if it.runway is None else str(int(it.runway.total_seconds())),
        "labels": dict(it.labels),
    }
