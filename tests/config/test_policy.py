"""A valid policy: the example of the contract, and every way to write a rule."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.config.policy import parse_policy
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.rules import Metric, PendingPeriod, Rule, Severity
from balance_watch.validation import Faults

EXAMPLE = """
[defaults]
reminder = "24h"        # how often a firing alert is repeated, or "never"
minimum_gap = "6h"      # least time between two announcements of an alert that ended and fired again
unreadable_after = 3    # failed reads in a row before "unreadable" fires; a rejected key fires at once

[[rules]]
name = "low balance"
match = { provider = "vonage", "labels.team" = "sms*" }   # globs, all of which must match; default: every account
metric = "balance"      # balance | credits | points | runway | spend_rate | provider_flag | staleness
below = "20"            # or above
recover = "25"          # the alert ends only past this; default: 10 % past the threshold
for = "2 checks"        # or a duration
severity = "critical"   # critical | warning | info

[[routes]]              # the first match wins; default: every alert goes to the topic and to the default webhook
match = { severity = "critical" }
channels = ["sns", "slack:oncall"]
"""  # noqa: E501 (lines of the README)


def parsed(text: str) -> Policy:
    faults = Faults()
    policy = parse_policy(text, "policy", faults)
    assert policy is not None, faults
    assert not faults
    return policy.policy


def rule(text: str) -> Rule:
    (only,) = parsed(f'[[rules]]\nname = "low"\n{text}').rules
    return only


def test_the_example_of_the_contract_is_parsed_word_for_word() -> None:
    low = Rule(
        "low balance",
        Metric.BALANCE,
        Severity.CRITICAL,
        {"provider": "vonage", "labels.team": "sms*"},
        below=Decimal(20),
        recover=Decimal(25),
        pending_period=PendingPeriod(2),
    )
    route = Route({"severity": "critical"}, ("sns", "slack:oncall"))
    assert parsed(EXAMPLE) == Policy(Defaults(), (low,), (route,))


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "[defaults]\n", "rules = []\n"])
def test_a_text_without_an_option_is_the_built_in_policy(text: str) -> None:
    assert parsed(text) == Policy()


def test_reminders_can_be_switched_off() -> None:
    assert parsed('[defaults]\nreminder = "never"').defaults.reminder is None


@pytest.mark.parametrize("text", ["90m", "90 m", " 90m "])
def test_a_duration_may_contain_a_space(text: str) -> None:
    gap = parsed(f'[defaults]\nminimum_gap = "{text}"').defaults.minimum_gap
    assert gap == timedelta(minutes=90)


@given(st.integers(0, 999_999), st.sampled_from([("m", 60), ("h", 3600), ("d", 86400)]))
def test_every_duration_is_its_number_of_units(number: int, unit: tuple[str, int]) -> None:
    reminder = parsed(f'[defaults]\nreminder = "{number}{unit[0]}"').defaults.reminder
    assert reminder == timedelta(seconds=number * unit[1])


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("1 check", PendingPeriod(1)),
        ("2 checks", PendingPeriod(2)),
        ("30m", PendingPeriod(lasting=timedelta(minutes=30))),
        ("1w", PendingPeriod(lasting=timedelta(weeks=1))),
    ],
)
def test_a_rule_can_have_a_pending_period(text: str, period: PendingPeriod) -> None:
    assert rule(f'below = 5\nfor = "{text}"').pending_period == period


@pytest.mark.parametrize("number", ["20", "20.0", '"20"', '"20.00"', "2e1", "0x14"])
def test_a_threshold_is_a_number_or_a_string_that_contains_one(number: str) -> None:
    assert rule(f"below = {number}").below == Decimal(20)


def test_a_threshold_is_exact_to_its_last_digit() -> None:
    assert rule("below = 0.1234567890123456789012345").below == Decimal(
        "0.1234567890123456789012345"
    )


def test_a_rule_can_have_a_threshold_above() -> None:
    points = rule('metric = "points"\nabove = 100\nrecover = 90')
    assert (points.metric, points.above, points.recover) == (
        Metric.POINTS,
        Decimal(100),
        Decimal(90),
    )


def test_a_rule_on_the_provider_flag_needs_no_threshold() -> None:
    flag = rule('metric = "provider_flag"\nseverity = "critical"')
    assert (flag.metric, flag.severity, flag.threshold) == (Metric.PROVIDER_FLAG, "critical", None)


def test_a_rule_may_recover_at_its_threshold() -> None:
    assert rule("below = 5\nrecover = 5").recover == Decimal(5)


def test_a_channel_that_is_named_twice_is_one_channel() -> None:
    (route,) = parsed('[[routes]]\nchannels = ["sns", "slack:a", "sns"]').routes
    assert route.channels == ("sns", "slack:a")


def test_a_route_can_match_more_facts_than_a_rule() -> None:
    match = '{ severity = "critical", rule = "low", metric = "points", "labels.a.b" = "c" }'
    assert parsed(f'[[routes]]\nmatch = {match}\nchannels = ["sns"]').routes
