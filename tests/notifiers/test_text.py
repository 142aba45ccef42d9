"""The words of an alert: what is the matter, in a line that is right on its own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.formatting import format_duration, format_time
from balance_watch.domain.notification import Notification
from balance_watch.notifiers.text import format_change, summary_line
from tests.support.notifications import faulty, low

FLAG = low(rule="provider_flag", metric="provider_flag")
GONE = low(rule="unreadable", metric="unreadable", value="key_rejected", threshold=None)


def changed(it: Notification, **changes: object) -> str:
    """The headline of a notification with some fields changed."""
    fields = {name: getattr(it, name) for name in it.__dataclass_fields__}
    return summary_line(low(**{**fields, **changes}))


@pytest.mark.parametrize(
    ("it", "line"),
    [
        (low(), "sms is at 8.20 EUR, below 20.00 EUR"),
        (low(value="25"), "sms is at 25.00 EUR, above 20.00 EUR"),
        (low(reason="worsened"), "Worse: sms is at 8.20 EUR, below 20.00 EUR"),
        (low(reason="reminder"), "Still: sms is at 8.20 EUR, threshold 20.00 EUR"),
        (low(reason="reminder", value=None), "Still: sms is at an unknown balance"),
        (low(reason="resolved", value="31.2"), "sms has recovered and is at 31.20 EUR"),
        (
            low(reason="resolved", threshold=None),
            "the rule low balance no longer applies to sms",
        ),
        (low(currency="USD", value="7189.245"), "sms is at 7,189.245 USD, above 20.00 USD"),
        (
            low(metric="credits", value="71000", threshold=Decimal(100_000)),
            "sms is at 71,000 credits, below 100,000 credits",
        ),
        (low(metric="points", value="7"), "sms is at 7 points, below 20 points"),
        (low(currency=None), "sms is at 8.2 units, below 20 units"),
    ],
)
def test_a_balance_is_told_with_its_threshold(it: Notification, line: str) -> None:
    assert summary_line(it) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "sms is at 8.20 EUR, below the 20.00 EUR set at its provider"),
        ({"threshold": None}, "sms is at 8.20 EUR, flagged low by its provider"),
        ({"threshold": Decimal(5)}, "sms is at 8.20 EUR, flagged low by its provider"),
        (
            {"threshold": Decimal(8), "reason": "reminder"},
            "Still: sms is at 8.20 EUR, low by its provider's own measure",
        ),
        ({"threshold": None, "reason": "resolved"}, "sms has recovered and is at 8.20 EUR"),
    ],
)
def test_a_providers_own_idea_of_low_is_told_as_such(changes: dict[str, object], line: str) -> None:
    assert changed(FLAG, **changes) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "sms cannot be read (key rejected)"),
        ({"reason": "reminder"}, "Still: sms cannot be read (key rejected)"),
        ({"reason": "resolved", "value": None}, "sms can be read again"),
    ],
)
def test_an_account_that_cannot_be_read_is_told_with_the_kind_of_failure(
    changes: dict[str, object], line: str
) -> None:
    assert changed(GONE, **changes) == line


@pytest.mark.parametrize(
    ("it", "line"),
    [
        (faulty("a"), "the configuration has 1 fault: accounts may go unwatched"),
        (faulty("a", "b"), "the configuration has 2 faults: accounts may go unwatched"),
        (
            faulty("a", reason="worsened"),
            "New: the configuration has 1 fault: accounts may go unwatched",
        ),
        (faulty(reason="resolved"), "the configuration is valid again"),
    ],
)
def test_a_configuration_is_told_with_how_much_is_wrong(it: Notification, line: str) -> None:
    assert summary_line(it) == line


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0 min"),
        (35, "35 min"),
        (60, "1 h"),
        (125, "2 h 5 min"),
        (24 * 60, "1 d"),
        (24 * 60 + 5, "1 d 5 min"),
        (52 * 60 + 7, "2 d 4 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(minutes: int, words: str) -> None:
    assert format_duration(timedelta(minutes=minutes, seconds=59)) == words


def test_a_moment_is_told_in_utc() -> None:
    assert format_time(datetime(2026, 11, 2, 9, 5, tzinfo=UTC)) == "2 Nov 2026 09:05 UTC"


def test_a_movement_runs_from_the_first_to_the_last() -> None:
    assert format_change(low()) == "31.20 → 8.20 EUR"


@pytest.mark.parametrize("trend", [(), (Decimal(5),)])
def test_without_a_past_there_is_no_movement(trend: tuple[Decimal, ...]) -> None:
    assert format_change(low(trend=trend)) == ""
