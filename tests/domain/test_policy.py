"""Which rules apply to an account, and where its alerts go."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account, matches
from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.rules import PendingPeriod
from tests.support.canaries import CORE, key
from tests.support.watchman import ACCOUNT, BOTH_WEBHOOKS, below

FACTS = {**ACCOUNT.facts, "severity": "critical", "rule": "low balance", "metric": "balance"}
BOTH = BOTH_WEBHOOKS


def names(policy: Policy, account: Account = ACCOUNT) -> list[str]:
    return [rule.name for rule in policy.rules_for(account)]


def test_seven_rules_are_built_in() -> None:
    assert names(Policy()) == [
        "unreadable",
        "provider_flag",
        "auto_reload",
        "top_up",
        "empty",
        "runs_dry",
        "expires",
    ]


def test_an_account_brings_its_own_threshold() -> None:
    account = replace(ACCOUNT, alert_below=Decimal(0))
    assert names(Policy(), account) == [
        "unreadable",
        "provider_flag",
        "auto_reload",
        "top_up",
        "alert_below",
        "empty",
        "runs_dry",
        "expires",
    ]


def test_unreadable_waits_as_the_policy_says() -> None:
    (unreadable, *_) = Policy(Defaults(unreadable_after=7)).rules_for(ACCOUNT)
    assert unreadable.pending_period == PendingPeriod(7)


@pytest.mark.parametrize(
    ("match", "applies"),
    [
        ({}, True),
        ({"provider": "vonage"}, True),
        ({"provider": "v*"}, True),
        ({"provider": "[uvw]onage"}, True),
        ({"account": "s?s"}, True),
        ({"labels.team": "mess*"}, True),
        ({"provider": "vonage", "labels.team": "search"}, False),
        ({"provider": "Vonage"}, False),
        ({"provider": "von"}, False),
        ({"labels.stage": "*"}, False),
    ],
)
def test_a_rule_applies_where_every_glob_holds(match: dict[str, str], *, applies: bool) -> None:
    policy = Policy(rules=(below("20", match=match),))
    assert ("low balance" in names(policy)) is applies


def test_an_alert_goes_to_the_topic_and_the_default_webhook() -> None:
    assert Policy().channels_for(FACTS, BOTH) == ("sns", "slack:default")


def test_the_first_route_that_matches_wins() -> None:
    routes = (
        Route({"severity": "warning"}, ("sns",)),
        Route({"severity": "critical"}, ("slack:oncall",)),
        Route({}, ("sns",)),
    )
    assert Policy(routes=routes).channels_for(FACTS, BOTH) == ("slack:oncall",)


def test_without_a_matching_route_the_defaults_stand() -> None:
    routes = (Route({"severity": "info"}, ("slack:oncall",)),)
    assert Policy(routes=routes).channels_for(FACTS, BOTH) == ("sns", "slack:default")


@pytest.mark.parametrize("fact", ["account", "provider", "labels.team", "severity", "rule"])
def test_a_route_can_ask_for_each_fact(fact: str) -> None:
    policy = Policy(routes=(Route({fact: FACTS[fact]}, ("slack:oncall",)),))
    assert policy.channels_for(FACTS, BOTH) == ("slack:oncall",)
    assert policy.channels_for({**FACTS, fact: "other"}, BOTH) == ("sns", "slack:default")


def test_a_webhook_that_does_not_exist_gets_nothing() -> None:
    topic_alone = AvailableChannels({"sns"}, defaults=BOTH.defaults)
    assert Policy().channels_for(FACTS, topic_alone) == ("sns",)


def test_topic_and_default_webhook_stand_in_where_no_channel_is_left() -> None:
    policy = Policy(routes=(Route({}, ("slack:gone",)),))
    assert policy.channels_for(FACTS, BOTH) == ("sns", "slack:default")


def test_the_topic_alone_stands_in_where_there_is_no_default_webhook_either() -> None:
    policy = Policy(routes=(Route({}, ("slack:gone",)),))
    no_default = AvailableChannels({"sns", "slack:oncall"}, defaults=BOTH.defaults)
    assert policy.channels_for(FACTS, no_default) == ("sns",)


def test_entries_for_webhooks_that_cannot_be_read_stay_pending() -> None:
    policy = Policy(routes=(Route({}, ("slack:oncall",)),))
    unread = AvailableChannels({"sns"}, {"slack"}, BOTH.defaults)
    assert policy.channels_for(FACTS, unread) == ("slack:oncall",)


def test_no_globs_hold_for_everything() -> None:
    assert matches({}, {})


def test_an_account_keeps_its_credentials_out_of_its_repr() -> None:
    assert CORE not in repr(Account("sms", "vonage", {"api_key": key()}))
