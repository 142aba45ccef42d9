"""The alerts of the rules on running dry, as people and machines get them."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from balance_watch.domain.notification import Notification
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.slack_messages import render as render_slack
from balance_watch.notifiers.sns import render, subject
from balance_watch.notifiers.text import pace, summary_line
from tests.support.notifications import low

DAY = 86400


def dry(*, threshold: int | None = 0, **changes: object) -> Notification:
    """Returns a notification with this threshold."""
    return low(threshold=None if threshold is None else Decimal(threshold), **changes)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"metric": "empty", "value": "0", "threshold": 0},
            "sms has nothing left: 0.00 EUR",
        ),
        (
            {"metric": "empty", "value": "-3.5", "threshold": 0, "reason": "reminder"},
            "Still: sms has nothing left: -3.50 EUR",
        ),
        (
            {"metric": "empty", "value": "-100.01", "threshold": -100},
            "sms has nothing left: -100.01 EUR, past its credit limit of 100.00 EUR",
        ),
        (
            {"metric": "empty", "value": "-99", "threshold": -100, "reason": "resolved"},
            "sms has recovered and is at -99.00 EUR",
        ),
        (
            {"metric": "runway", "value": f"{16 * 3600}", "threshold": DAY},
            "sms runs dry in about 16 h · 8.20 EUR left",
        ),
        (
            {"metric": "runway", "value": f"{16 * 3600}", "threshold": DAY, "reason": "worsened"},
            "Worse: sms runs dry in about 16 h · 8.20 EUR left",
        ),
        (
            {"metric": "runway", "value": f"{5 * DAY}", "threshold": 3 * DAY, "reason": "resolved"},
            "sms has recovered and lasts 5 d",
        ),
        (
            {"metric": "expiry", "value": f"{13 * DAY}", "threshold": 14 * DAY},
            "the credit of sms expires in 13 d, below 14 d",
        ),
        (
            {"metric": "expiry", "value": "-1", "threshold": 3 * DAY, "reason": "worsened"},
            "Worse: the credit of sms has expired",
        ),
        (
            {"metric": "expiry", "value": None, "threshold": 14 * DAY, "reason": "resolved"},
            "the credit of sms no longer expires soon",
        ),
        (
            {"metric": "empty", "value": "0", "threshold": None, "reason": "resolved"},
            "the rule low balance no longer applies to sms",
        ),
    ],
)
def test_it_is_one_plain_line(changes: dict[str, Any], line: str) -> None:
    assert summary_line(dry(**changes)) == line


def test_an_empty_account_tells_what_it_has_spent_and_not_how_long_nothing_lasts() -> None:
    empty = dry(metric="empty", value="0", per_day=Decimal(12), runway=timedelta())
    assert pace(empty) == "It has spent about 12.00 EUR a day."


@pytest.mark.parametrize(
    ("metric", "value", "threshold"),
    [("expiry", f"{2 * DAY}", 3 * DAY), ("runway", f"{2 * DAY}", 3 * DAY), ("empty", "0", 0)],
)
def test_machines_get_seconds_and_amounts_as_strings(
    metric: str, value: str, threshold: int
) -> None:
    it = for_machines(dry(metric=metric, value=value, threshold=threshold))
    assert (it["metric"], it["value"], it["threshold"]) == (metric, value, str(threshold))


def test_every_channel_can_show_it() -> None:
    it = dry(metric="expiry", value=str(2 * DAY), threshold=3 * DAY, rule="expires")
    assert subject(it) == "[CRITICAL] the credit of sms expires in 2 d, below 3 d"
    assert "the credit of sms expires" in json.loads(render(it)["Message"])["email"]
    ((_, message),) = render_slack([it])
    assert "*The credit of sms expires in 2 d, below 3 d*" in message["blocks"][0]["text"]["text"]
