"""`channels` shows which routes lead to a channel, and who has subscribed, without addresses."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from balance_watch.cli.channel_listing import (
    FALLBACK,
    REST,
    Subscriber,
    masked,
    routes_to,
    subscribers,
)
from balance_watch.config.loading import Configuration
from balance_watch.domain.policy import Policy, Route
from tests.support.canaries import CORE

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

ONCALL, DEFAULT = "slack:oncall", "slack:default"
GRAVE = Route({"severity": "critical", "labels.team": "search"}, (ONCALL, DEFAULT))
QUIET = Route({"severity": "info"}, (DEFAULT,))


def leads(channel: str, *routes: Route) -> list[str]:
    return routes_to(Configuration(policy=Policy(routes=routes)), channel)


def test_each_route_that_names_a_channel_leads_to_it() -> None:
    assert leads(ONCALL, GRAVE, QUIET) == ["routes[0]: severity=critical, labels.team=search"]
    assert leads(DEFAULT, GRAVE, QUIET) == [
        "routes[0]: severity=critical, labels.team=search",
        "routes[1]: severity=info",
        REST,
    ]


def test_without_a_route_the_default_channels_get_everything_and_others_nothing() -> None:
    assert leads("sns") == leads(DEFAULT) == [REST]
    assert leads(ONCALL) == []


def test_behind_a_route_that_matches_everything_nothing_leads_anywhere() -> None:
    everything = Route({}, (ONCALL,))
    assert leads(ONCALL, everything, GRAVE) == ["routes[0]: every alert"]
    assert leads(DEFAULT, everything, GRAVE, QUIET) == [FALLBACK]


@pytest.mark.parametrize(
    ("protocol", "address", "shown"),
    [
        ("email", "alice@example.com", "a…@example.com"),
        ("email-json", "b@example.com", "b…@example.com"),
        ("sms", "+491701234567", "…67"),
        (
            "https",
            f"https://hooks.example.com:8443/{CORE}?key={CORE}",
            "https://hooks.example.com/…",
        ),
        ("http", f"http://{CORE}:{CORE}@hooks.example.com/x", "http://hooks.example.com/…"),
        ("sqs", "arn:aws:sqs:eu-central-1:123456789012:alerts", "alerts"),
        ("lambda", "arn:aws:lambda:eu-central-1:123456789012:function:hear", "hear"),
        ("application", "arn:aws:sns:eu-central-1:123456789012:endpoint/GCM/x/y", "…"),
        ("email", "no address", "…@no address"),
        ("https", "", "https:///…"),
    ],
)
def test_an_address_is_masked(protocol: str, address: str, shown: str) -> None:
    assert masked(protocol, address) == shown


class FakeSns:
    """Lists subscriptions on two pages."""

    def __init__(self, *subscriptions: dict[str, str]) -> None:
        self._all = subscriptions

    def get_paginator(self, _: str) -> "FakeSns":
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        yield {"Subscriptions": self._all[:1]}
        yield {"Subscriptions": self._all[1:]}


def subscription(endpoint: str, arn: str) -> dict[str, str]:
    return {"Protocol": "email", "Endpoint": endpoint, "SubscriptionArn": arn}


def test_who_has_confirmed_is_known_by_the_arn_and_who_left_is_not_listed() -> None:
    sns = FakeSns(
        subscription("a@example.com", "arn:aws:sns:eu-central-1:123456789012:x:1"),
        subscription("b@example.com", "PendingConfirmation"),
        subscription("c@example.com", "Deleted"),
    )
    assert list(subscribers(sns, "topic")) == [
        Subscriber("email", "a…@example.com", confirmed=True),
        Subscriber("email", "b…@example.com", confirmed=False),
    ]


def test_a_topic_with_very_many_subscribers_is_not_listed_to_its_end() -> None:
    sns = FakeSns(*[subscription("a@example.com", "arn:x")] * 1500)
    assert len(list(subscribers(sns, "topic"))) == 1000


def test_a_pipe_has_the_routes_and_the_subscribers_of_each_channel(
    stage: "Stage", run: "Run"
) -> None:
    stage.aws.put_policy(
        '[[routes]]\nmatch = { severity = "critical" }\nchannels = ["slack:default"]\n'
    )
    run("channels", "add", "email", "ops@example.com")
    shown = run("channels").out
    assert "email o…@example.com" in shown
    assert "ops@" not in shown
    assert "routes[0]: severity=critical" in shown
    assert "slack:oncall\tyes\tno failure is known\t\t\n" in shown


def test_whoever_may_not_list_the_subscribers_sees_the_rest(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch
) -> None:
    del stage

    def refuse(*_: object) -> Iterator[Subscriber]:
        raise ClientError({"Error": {"Code": "AuthorizationError"}}, "ListSubscriptionsByTopic")

    monkeypatch.setattr("balance_watch.cli.channels.subscribers", refuse)
    output = run("channels")
    assert output.code == 0
    assert "SNS answers AuthorizationError to ListSubscriptionsByTopic" in " ".join(
        output.out.split()
    )
    assert "slack:oncall" in output.out
