"""SNS messages: the JSON of the contract for machines, text for people, a subject for mail."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.formatting import is_visible
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.sns import (
    MAX_BYTES,
    MAX_ENTRIES,
    batches,
    render,
    subject,
    text_for_people,
)
from tests.support.notifications import LINK, NOW, anything, faulty, lines, low


def versions(notification: Notification) -> dict[str, str]:
    by_protocol: dict[str, str] = json.loads(render(notification)["Message"])
    return by_protocol


def size(entry: dict[str, Any]) -> int:
    """Returns the bytes that SNS counts: text, subject, and attributes with names and types."""
    attributes = entry["MessageAttributes"].items()
    texts = [entry["Message"], entry["Subject"]]
    texts += [text for name, attribute in attributes for text in (name, *attribute.values())]
    return sum(len(text.encode()) for text in texts)


def test_machines_get_the_json_of_the_contract() -> None:
    notification = low()
    assert json.loads(versions(notification)["sqs"]) == {
        "alert_id": notification.alert_id,
        "account": "sms",
        "provider": "vonage",
        "rule": "low balance",
        "metric": "balance",
        "severity": "critical",
        "reason": "fired",
        "value": "8.2",
        "threshold": "20",
        "currency": "EUR",
        "balance": "8.2",
        "observed_at": "2026-11-22T10:05:00Z",
        "since": "2026-11-22T08:00:00Z",
        "runway": None,
        "labels": {"team": "messaging"},
    }


def test_an_unknown_value_is_null() -> None:
    exact = for_machines(faulty("policy: wrong"))
    unknown = {"threshold", "currency", "balance", "observed_at", "runway"}
    assert {name for name, value in exact.items() if value is None} == unknown


@settings(max_examples=40)
@given(anything())
def test_every_number_for_machines_is_a_string_and_exact(notification: Notification) -> None:
    fields = json.loads(json.dumps(for_machines(notification)))
    for name in ("value", "threshold", "balance"):
        exact = getattr(notification, name)
        if name == "value" and not METRICS[notification.metric].is_number:
            assert fields[name] == exact, "a word"
            continue
        assert fields[name] is None if exact is None else Decimal(fields[name]) == Decimal(exact)
        assert "E" not in (fields[name] or "")
    runway = notification.runway
    assert fields["runway"] == (None if runway is None else str(int(runway.total_seconds())))
    assert not any(isinstance(value, int | float) for value in fields.values())


def test_queues_functions_and_hooks_get_the_same_json_and_people_get_text() -> None:
    by_protocol = versions(low())
    assert set(by_protocol) == {"default", "email", "sms", "sqs", "lambda", "http", "https"}
    machines = {by_protocol[protocol] for protocol in ("sqs", "lambda", "http", "https")}
    assert len(machines) == 1
    assert by_protocol["default"] == by_protocol["email"] == text_for_people(low())
    assert by_protocol["sms"] == "sms is at 8.20 EUR, below 20.00 EUR"
    assert render(low())["MessageStructure"] == "json"


def test_the_text_of_a_low_balance() -> None:
    assert text_for_people(low(detail="The threshold set at the provider is 20.00 EUR.")) == (
        "sms is at 8.20 EUR, below 20.00 EUR\n"
        "Last 24 h: █▄▁ 31.20 → 8.20 EUR\n"
        "The threshold set at the provider is 20.00 EUR.\n"
        "Since 22 Nov 2026 08:00 UTC, for 2 h 5 min.\n"
        "Severity critical, rule low balance, provider vonage.\n"
        "Labels: team messaging.\n"
        "Top up: https://example.com/billing"
    )


def test_the_text_of_an_alert_that_is_over() -> None:
    assert text_for_people(low(reason="resolved", value="31.2", trend=())) == (
        "sms has recovered and is at 31.20 EUR\n"
        "Since 22 Nov 2026 08:00 UTC, over after 2 h 5 min.\n"
        "Severity critical, rule low balance, provider vonage.\n"
        "Labels: team messaging."
    )


def test_an_alert_that_has_just_begun_shows_no_duration() -> None:
    assert "\nSince 22 Nov 2026 10:05 UTC.\n" in text_for_people(low(since=NOW))


def test_the_attributes_allow_filters() -> None:
    attributes = render(low())["MessageAttributes"]
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "account": "sms",
        "provider": "vonage",
        "rule": "low balance",
        "severity": "critical",
        "reason": "fired",
    }
    assert {value["DataType"] for value in attributes.values()} == {"String"}


@pytest.mark.parametrize(
    ("notification", "line"),
    [
        (low(), "[CRITICAL] sms is at 8.20 EUR, below 20.00 EUR"),
        (low(severity="warning", account="süß"), "[WARNING] süß is at 8.20 EUR, below 20.00 EUR"),
        (low(account="本番検索"), "[CRITICAL] 本番検索 is at 8.20 EUR, below 20.00 EUR"),
        (
            low(account="本番\u3000検索"),
            "[CRITICAL] 本番\u3000検索 is at 8.20 EUR, below 20.00 EUR",
        ),
        (low(account="a\u2028b\x07\u202ec"), "[CRITICAL] a b  c is at 8.20 EUR, below 20.00 EUR"),
        (low(reason="resolved"), "[RESOLVED] sms has recovered and is at 8.20 EUR"),
        (
            faulty("a", "b"),
            "[CRITICAL] the configuration has 2 faults: accounts may go unwatched",
        ),
    ],
)
def test_a_subject_shows_the_severity_and_the_alert(notification: Notification, line: str) -> None:
    assert subject(notification) == line


@given(st.text(max_size=150) | lines(100), st.sampled_from(Reason), st.sampled_from(Metric))
def test_a_subject_is_one_short_line_for_any_account(
    account: str, reason: Reason, metric: Metric
) -> None:
    line = subject(low(account=account, reason=reason, metric=metric))
    assert all(is_visible(letter) for letter in line)
    assert line.startswith("[")
    assert 0 < len(line.encode("utf-16-le")) // 2 < 100


def test_a_subject_ends_before_a_character_that_has_no_room() -> None:
    line = subject(low(account="🔋" * 100))
    assert line == "[CRITICAL] " + "🔋" * 44


@settings(max_examples=30)
@given(anything())
def test_a_text_for_people_shows_since_when_and_what_to_do(notification: Notification) -> None:
    shown = text_for_people(notification)
    assert len(shown) <= 4000
    if len(notification.detail) < 1000:
        is_good_news = notification.reason in ("resolved", "topped_up")
        assert "\nSince " in shown
        assert (LINK in shown) is (notification.link is not None and not is_good_news)


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])]
)
def test_a_call_has_at_most_ten_entries(count: int, sizes: list[int]) -> None:
    assert [len(group) for group in batches([low()] * count)] == sizes


@settings(max_examples=20)
@given(st.lists(anything(), min_size=1, max_size=4), st.integers(1, 8))
def test_a_call_is_never_larger_than_sns_accepts(
    notifications: list[Notification], times: int
) -> None:
    groups = list(batches(notifications * times))
    assert [it for group in groups for it in group] == notifications * times
    for group in groups:
        assert 1 <= len(group) <= MAX_ENTRIES
        assert sum(size(render(it)) for it in group) <= MAX_BYTES


def test_large_notifications_are_spread_over_several_calls() -> None:
    large = low(detail="\x07" * 4000, labels={f"{n:03}" + '"' * 97: '"' * 100 for n in range(20)})
    groups = list(batches([large] * 10))
    assert len(groups) > 1
    assert all(sum(size(render(it)) for it in group) <= MAX_BYTES for group in groups)


def test_times_are_in_utc_to_the_second() -> None:
    fields = for_machines(low(since=NOW - timedelta(seconds=1)))
    assert fields["since"] == "2026-11-22T10:04:59Z"
