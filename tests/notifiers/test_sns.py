"""SNS: the JSON of the contract for machines, a few lines for people, a subject that mail takes."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric
from balance_watch.notifiers.sns import (
    MAX_BYTES,
    MAX_ENTRIES,
    batches,
    for_machines,
    render,
    subject,
    text_for_people,
)
from tests.support.notifications import LINK, NOW, anything, faulty, lines, low


def versions(it: Notification) -> dict[str, str]:
    found: dict[str, str] = json.loads(render(it)["Message"])
    return found


def size(entry: dict[str, Any]) -> int:
    """What SNS counts of an entry: text, subject, and attributes with their names and types."""
    attributes = entry["MessageAttributes"].items()
    texts = [entry["Message"], entry["Subject"]]
    texts += [each for name, it in attributes for each in (name, *it.values())]
    return sum(len(text.encode()) for text in texts)


def test_machines_get_the_json_of_the_contract() -> None:
    it = low()
    assert json.loads(versions(it)["sqs"]) == {
        "alert_id": it.alert_id,
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


def test_what_is_not_known_is_null() -> None:
    said = for_machines(faulty("policy: wrong"))
    unknown = {"threshold", "currency", "balance", "observed_at", "runway"}
    assert {name for name, value in said.items() if value is None} == unknown


@settings(max_examples=40)
@given(anything())
def test_every_number_for_machines_is_a_string_and_exact(it: Notification) -> None:
    said = json.loads(json.dumps(for_machines(it)))
    for name in ("value", "threshold", "balance"):
        exact = getattr(it, name)
        if name == "value" and not METRICS[it.metric].is_number:
            assert said[name] == exact, "a word"
            continue
        assert said[name] is None if exact is None else Decimal(said[name]) == Decimal(exact)
        assert "E" not in (said[name] or "")
    runway = None if it.runway is None else str(int(it.runway.total_seconds()))
    assert said["runway"] == runway
    assert not any(isinstance(value, int | float) for value in said.values())


def test_queues_functions_and_hooks_get_the_same_json_and_people_text() -> None:
    found = versions(low())
    assert set(found) == {"default", "email", "sms", "sqs", "lambda", "http", "https"}
    assert found["sqs"] == found["lambda"] == found["http"] == found["https"]
    assert found["default"] == found["email"] == text_for_people(low())
    assert found["sms"] == "sms is at 8.20 EUR, below 20.00 EUR"
    assert render(low())["MessageStructure"] == "json"


def test_a_mail_reads_so() -> None:
    assert text_for_people(low(detail="The threshold set at the provider is 20.00 EUR.")) == (
        "sms is at 8.20 EUR, below 20.00 EUR\n"
        "Last 24 h: █▄▁ 31.20 → 8.20 EUR\n"
        "The threshold set at the provider is 20.00 EUR.\n"
        "Since 22 Nov 2026 08:00 UTC, for 2 h 5 min.\n"
        "Severity critical, rule low balance, provider vonage.\n"
        "Top up: https://example.com/billing"
    )


def test_a_mail_that_it_is_over_reads_so() -> None:
    assert text_for_people(low(reason="resolved", value="31.2", trend=())) == (
        "sms has recovered and is at 31.20 EUR\n"
        "Since 22 Nov 2026 08:00 UTC, over after 2 h 5 min.\n"
        "Severity critical, rule low balance, provider vonage."
    )


def test_what_has_just_begun_shows_no_span() -> None:
    assert "\nSince 22 Nov 2026 10:05 UTC.\n" in text_for_people(low(since=NOW))


def test_attributes_are_there_to_filter_by() -> None:
    attributes = render(low())["MessageAttributes"]
    assert {name: it["StringValue"] for name, it in attributes.items()} == {
        "account": "sms",
        "provider": "vonage",
        "rule": "low balance",
        "severity": "critical",
        "reason": "fired",
    }
    assert {it["DataType"] for it in attributes.values()} == {"String"}


@pytest.mark.parametrize(
    ("it", "line"),
    [
        (low(), "[CRITICAL] sms is at 8.20 EUR, below 20.00 EUR"),
        (low(severity="warning", account="süß"), "[WARNING] s?? is at 8.20 EUR, below 20.00 EUR"),
        (low(reason="resolved"), "[RESOLVED] sms has recovered and is at 8.20 EUR"),
        (
            faulty("a", "b"),
            "[CRITICAL] the configuration has 2 faults: accounts may go unwatched",
        ),
    ],
)
def test_a_subject_says_how_grave_and_what(it: Notification, line: str) -> None:
    assert subject(it) == line


@given(st.text(max_size=150) | lines(100), st.sampled_from(Reason), st.sampled_from(Metric))
def test_a_subject_is_ascii_on_one_short_line_whatever_the_account_is_called(
    account: str, reason: Reason, metric: Metric
) -> None:
    line = subject(low(account=account, reason=reason, metric=metric))
    assert line.isascii()
    assert line.isprintable()
    assert 0 < len(line) < 100
    assert not line.startswith(" ")


@settings(max_examples=30)
@given(anything())
def test_a_text_for_people_says_since_when_and_what_to_do(it: Notification) -> None:
    shown = text_for_people(it)
    assert len(shown) <= 4000
    if len(it.detail) < 1000:
        assert "\nSince " in shown
        assert (LINK in shown) is (
            it.link is not None and it.reason not in ("resolved", "topped_up")
        )


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])]
)
def test_a_call_holds_ten(count: int, sizes: list[int]) -> None:
    assert [len(group) for group in batches([low()] * count)] == sizes


@settings(max_examples=20)
@given(st.lists(anything(), min_size=1, max_size=4), st.integers(1, 8))
def test_a_call_is_never_larger_than_sns_takes(its: list[Notification], times: int) -> None:
    groups = list(batches(its * times))
    assert [it for group in groups for it in group] == its * times
    for group in groups:
        assert 1 <= len(group) <= MAX_ENTRIES
        assert sum(size(render(it)) for it in group) <= MAX_BYTES


def test_what_is_large_goes_in_calls_of_its_own() -> None:
    large = low(detail="\x07" * 4000, labels={f"{n:03}" + '"' * 97: '"' * 100 for n in range(20)})
    groups = list(batches([large] * 10))
    assert len(groups) > 1
    assert all(sum(size(render(it)) for it in group) <= MAX_BYTES for group in groups)


def test_times_are_told_to_the_second_in_utc() -> None:
    said = for_machines(low(since=NOW - timedelta(seconds=1)))
    assert said["since"] == "2026-11-22T10:04:59Z"
