"""The wording of alerts: one line that describes the problem by itself."""

from decimal import Decimal

import pytest

from balance_watch.domain.notification import Notification
from balance_watch.notifiers.text import format_change, summary_line
from tests.support.notifications import faulty, low

FLAG = low(rule="provider_flag", metric="provider_flag")
UNREADABLE = low(rule="unreadable", metric="unreadable", value="key_rejected", threshold=None)


def changed(notification: Notification, **changes: object) -> str:
    """Returns the summary line of a notification with some fields changed."""
    fields = {name: getattr(notification, name) for name in notification.__struct_fields__}
    return summary_line(low(**{**fields, **changes}))


@pytest.mark.parametrize(
    ("notification", "line"),
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
def test_a_balance_is_written_with_its_threshold(notification: Notification, line: str) -> None:
    assert summary_line(notification) == line


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
def test_a_providers_own_measure_of_low_is_named_as_such(
    changes: dict[str, object], line: str
) -> None:
    assert changed(FLAG, **changes) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "sms cannot be read (key rejected)"),
        ({"reason": "reminder"}, "Still: sms cannot be read (key rejected)"),
        ({"reason": "resolved", "value": None}, "sms can be read again"),
    ],
)
def test_an_unreadable_account_is_named_with_the_kind_of_failure(
    changes: dict[str, object], line: str
) -> None:
    assert changed(UNREADABLE, **changes) == line


@pytest.mark.parametrize(
    ("notification", "line"),
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
def test_a_faulty_configuration_is_written_with_the_number_of_faults(
    notification: Notification, line: str
) -> None:
    assert summary_line(notification) == line


def test_a_change_runs_from_the_first_balance_to_the_last() -> None:
    assert format_change(low()) == "31.20 → 8.20 EUR"


@pytest.mark.parametrize("trend", [(), (Decimal(5),)])
def test_without_a_history_there_is_no_change(trend: tuple[Decimal, ...]) -> None:
    assert format_change(low(trend=trend)) == ""
