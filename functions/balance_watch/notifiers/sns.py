"""The SNS channel: a short text for people, exact JSON for machines, ten messages to a call.

Limits: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html (10 entries, 262,144 bytes
in all) and API_Publish.html (a subject is UTF-8, under 100 characters, without line breaks or
control characters).
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from msgspec.structs import replace

from balance_watch.domain.digest import LINES
from balance_watch.domain.formatting import is_visible, sparkline
from balance_watch.domain.notification import NO_TIME, Notification, SendResult, in_order
from balance_watch.notifiers.digest_text import headline, text_of
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.text import format_change, pace, since_when, summary_line

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_ENTRIES = 10
MAX_BYTES = 262_144
MAX_SUBJECT = 99
_MAX_TEXT = 4000
_ENTRY_OVERHEAD = 2000
"""The most bytes that subject and attributes add to an entry."""

_CONTENT_ERRORS = (
    "BatchRequestTooLong",
    "InvalidParameter",
    "InvalidParameterValue",
    "ValidationError",
)
_INVALID = "SNS rejects the content of a message."


class SnsChannel:
    """The topic of the stack."""

    def __init__(
        self,
        client: "SNSClient",
        topic: str,
        *,
        dashboard: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._topic, self._clock = client, topic, clock
        self._dashboard = dashboard

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Publishes everything, and yields after each call. Raises nothing.

        No call begins at or after `deadline` on the clock; the client limits the time and the
        attempts of each.
        """
        for group in batches(sorted(notifications, key=in_order)):
            if self._clock() >= deadline:
                yield SendResult(rejected=tuple(group), why=NO_TIME)
                continue
            result, invalid = self._publish(group)
            if result.accepted or result.rejected:
                yield result
            # One notification that SNS rejects must not keep back those beside it. A region that
            # takes no subject but one of ASCII, as all did once, must not keep back any.
            for notification in invalid:
                if self._clock() >= deadline:
                    yield SendResult(rejected=(notification,), why=NO_TIME)
                    continue
                result, still_invalid = self._publish([notification], subjects="ascii")
                yield SendResult(rejected=still_invalid, why=_INVALID) if still_invalid else result

    def _publish(
        self, group: Sequence[Notification], *, subjects: str = "utf-8"
    ) -> tuple[SendResult, tuple[Notification, ...]]:
        """Returns the result of one call, and apart from it those whose content SNS rejects."""
        entries: list[Any] = [
            {"Id": str(index), **render(it, subjects, self._dashboard)}
            for index, it in enumerate(group)
        ]
        try:
            response = self._client.publish_batch(
                TopicArn=self._topic,
                PublishBatchRequestEntries=entries,
            )
        except ClientError as error:
            code = _code(error)
            if code in _CONTENT_ERRORS:
                return SendResult(), tuple(group)
            return SendResult(rejected=tuple(group), why=f"SNS answers {code}."), ()
        except ParamValidationError:
            return SendResult(), tuple(group)
        except BotoCoreError as error:
            why = f"SNS cannot be reached ({type(error).__name__})."
            return SendResult(rejected=tuple(group), why=why), ()
        # An entry that neither list names was not accepted.
        accepted = {int(entry["Id"]) for entry in response.get("Successful", [])}
        codes = {int(entry["Id"]): entry["Code"] for entry in response.get("Failed", [])}
        invalid = {index for index, code in codes.items() if code in _CONTENT_ERRORS}
        rejected = tuple(
            it for index, it in enumerate(group) if index not in accepted and index not in invalid
        )
        why = ", ".join(sorted({code for index, code in codes.items() if index not in invalid}))
        result = SendResult(
            accepted=tuple(it for index, it in enumerate(group) if index in accepted),
            rejected=rejected,
            why=f"SNS answers {why or 'nothing'}." if rejected else "",
        )
        return result, tuple(it for index, it in enumerate(group) if index in invalid)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error without a code"))


def batches(notifications: Sequence[Notification]) -> Iterator[Sequence[Notification]]:
    """Groups notifications by the entries and bytes that one call can have."""
    group: list[Notification] = []
    group_bytes = 0
    for notification in notifications:
        entry_bytes = len(render(notification)["Message"].encode()) + _ENTRY_OVERHEAD
        if group and (len(group) == MAX_ENTRIES or group_bytes + entry_bytes > MAX_BYTES):
            yield group
            group, group_bytes = [], 0
        group.append(notification)
        group_bytes += entry_bytes
    if group:
        yield group


def render(
    notification: Notification, subjects: str = "utf-8", dashboard: str = ""
) -> dict[str, Any]:
    """Renders one entry of PublishBatch, except for its Id; its subject in this encoding.

    A digest has as many lines as there is room for: the JSON is in it four times.
    """
    digest, lines = notification.digest, LINES
    while True:
        rendered = _render(notification, subjects, dashboard)
        size = len(rendered["Message"].encode(errors="replace")) + _ENTRY_OVERHEAD
        if digest is None or size <= MAX_BYTES or not lines:
            return rendered
        lines //= 2
        notification = replace(notification, digest=digest.cut(lines))


def _render(notification: Notification, subjects: str, dashboard: str) -> dict[str, Any]:
    text = text_for_people(notification)
    if dashboard:
        text += f"\n\nAll balances: {dashboard}"
    exact = json.dumps(for_machines(notification), ensure_ascii=False)
    machines = dict.fromkeys(("sqs", "lambda", "http", "https"), exact)
    versions = {"default": text, "email": text, "sms": summary_line(notification), **machines}
    attributes = {
        "account": notification.account,
        "provider": notification.provider,
        "rule": notification.rule,
        "severity": notification.severity.value,
        "reason": notification.reason.value,
    }
    return {
        "Subject": subject(notification).encode(subjects, "replace").decode(subjects),
        "Message": json.dumps(versions, ensure_ascii=False),
        "MessageStructure": "json",
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def subject(notification: Notification) -> str:
    """Returns the subject of a mail: one line of at most 99 characters, in any script.

    A character beyond U+FFFF counts as two, as it may at SNS.
    """
    if notification.digest is not None:
        line = f"[DIGEST] {headline(notification.digest)}"
    else:
        reason, is_good = notification.reason.value, notification.reason.is_good_news
        label = reason.replace("_", " ") if is_good else notification.severity.value
        line = f"[{label.upper()}] {summary_line(notification)}"
    visible = "".join(letter if is_visible(letter) else " " for letter in line)
    units = visible.encode("utf-16-le", "replace")[: 2 * MAX_SUBJECT]
    return units.decode("utf-16-le", "ignore")


def text_for_people(notification: Notification) -> str:
    """Returns a few lines: the alert, how the balance moved, why, since when, and what to do."""
    if notification.digest is not None:
        late = [notification.detail] if notification.detail else []
        return "\n\n".join((*late, text_of(notification.digest)))
    change = format_change(notification)
    severity, rule = notification.severity, notification.rule
    lines = [
        summary_line(notification),
        f"Last 24 h: {sparkline(notification.trend)} {change}" if change else "",
        pace(notification),
        notification.detail,
        f"Since {since_when(notification)}.",
        f"Severity {severity}, rule {rule}, provider {notification.provider}.",
        _labels(notification),
    ]
    if notification.link and not notification.reason.is_good_news:
        lines.append(f"Top up: {notification.link}")
    return "\n".join(filter(None, lines))[:_MAX_TEXT]


def _labels(notification: Notification) -> str:
    labels = [f"{name} {value}" for name, value in notification.labels.items()]
    return f"Labels: {', '.join(labels)}." if labels else ""
