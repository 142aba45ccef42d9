"""The accounts that no rule on an amount watches."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.metrics import METRICS
from balance_watch.domain.policy import Defaults, Policy
from balance_watch.domain.rules import Metric, Rule
from tests.support.watchman import ACCOUNT, DAY

OFF = Defaults(runs_dry=(), empty=False)
OTHER = replace(ACCOUNT, name="mail", provider="brevo", labels={})


def test_without_a_policy_every_account_is_watched() -> None:
    assert Policy().unwatched([ACCOUNT, OTHER]) == ()


def test_an_account_with_nothing_but_other_rules_is_not() -> None:
    assert Policy(OFF).unwatched([ACCOUNT, OTHER]) == ("sms", "mail")


@pytest.mark.parametrize(
    "defaults", [Defaults(runs_dry=()), Defaults(empty=False), Defaults(runs_dry=(DAY,))]
)
def test_one_of_the_two_is_enough(defaults: Defaults) -> None:
    assert Policy(defaults).unwatched([ACCOUNT]) == ()


@pytest.mark.parametrize(
    ("changes", "is_watched"),
    [
        ({"alert_below": Decimal(5)}, True),
        ({"alert_below": Decimal(0)}, True),
        ({"empty": True}, True),
        ({"runs_dry": (timedelta(days=1),)}, True),
        ({"runs_dry": (), "empty": False}, False),
        ({"expires_at": None}, False),
    ],
)
def test_an_account_may_have_a_rule_of_its_own(
    changes: dict[str, object], *, is_watched: bool
) -> None:
    account = replace(ACCOUNT, **changes)
    assert Policy(OFF).unwatched([account]) == (() if is_watched else ("sms",))


@pytest.mark.parametrize("metric", Metric)
def test_a_rule_on_an_amount_watches_and_any_other_does_not(metric: Metric) -> None:
    policy = Policy(OFF, rules=(Rule("r", metric, below=Decimal(1)),))
    amounts = {Metric.BALANCE, Metric.CREDITS, Metric.POINTS, Metric.RUNWAY, Metric.EMPTY}
    assert METRICS[metric].on_amount is (metric in amounts)
    assert policy.unwatched([ACCOUNT]) == (() if metric in amounts else ("sms",))


def test_a_rule_that_does_not_match_watches_nobody() -> None:
    policy = Policy(OFF, rules=(Rule("r", Metric.BALANCE, match={"account": "mail"}),))
    assert policy.unwatched([ACCOUNT, OTHER]) == ("sms",)


def test_a_rule_that_takes_the_place_of_the_built_in_one_may_leave_an_account_unwatched() -> None:
    rules = tuple(Rule(name, Metric.SPEND_RATE, above=Decimal(1)) for name in ("empty", "runs_dry"))
    assert Policy(rules=rules).unwatched([ACCOUNT]) == ("sms",)
