"""The faults of channels read right for every kind, whether it has a secret or not."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import pytest

from balance_watch.config.loading import Configuration, load
from balance_watch.domain.notification import Notification, SendResult
from balance_watch.domain.run import RunRecord, TopicSubscribers
from balance_watch.notifiers.channels import KINDS, Kind
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.configuration_faults import examine
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.validation import Faults, Json
from tests.support.canaries import key, webhook
from tests.support.examples import TICK
from tests.support.fakes import PREFIX, WrittenSources

ROUTES = '[[routes]]\nchannels = ["{}"]\n'


class Silent:
    """A channel that accepts nothing and rejects nothing."""

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        del notifications, deadline
        yield from ()


def parse_rooms(secret: Json, where: str, faults: Faults) -> Mapping[str, str]:
    del where, faults
    rooms: Mapping[str, str] = secret["rooms"]
    return rooms


CHAT = Kind("chat", lambda *_: Silent(), parse_rooms, noun="room")
PLAIN = Kind("telex", lambda *_: Silent(), parse_rooms)
QUEUE = Kind("queue", lambda *_: Silent())
EVERY_KIND = {**KINDS, "chat": CHAT, "telex": PLAIN, "queue": QUEUE}


def configured(policy: str = "", kinds: Mapping[str, Kind] = EVERY_KIND) -> Configuration:
    """Returns a configuration with one channel of each kind."""
    account = {"name": "a", "provider": "you", "credentials": {"api_key": key()}}
    secrets = {
        "accounts": {"accounts": [account]},
        "slack": {"webhooks": {"oncall": webhook()}},
        "chat": {"rooms": {"oncall": key("chat")}},
        "telex": {"rooms": {"oncall": key("telex")}},
    }
    return load(
        WrittenSources(
            {name: secrets[name] for name in secrets if name in {"accounts", *kinds}}, policy
        ),
        prefix=PREFIX,
        stack_channels={name: f"arn:{name}" for name in ("sns", "queue") if name in kinds},
        last_good_policy=lambda: None,
        kinds=kinds,
    )


def faults_of(health: ChannelHealth) -> list[str]:
    return list(health.faults(EVERY_KIND))


PLACES = (
    ("slack:oncall", "slack webhook oncall", "put a new address into the slack secret"),
    ("chat:oncall", "chat room oncall", "put a new address into the chat secret"),
    ("telex:oncall", "telex channel oncall", "put a new address into the telex secret"),
    ("queue", "queue channel", "replace it"),
    ("sns", "topic", "replace it"),
)


@pytest.mark.parametrize(("name", "place", "remedy"), PLACES)
def test_a_dead_channel_is_named_as_its_kind_names_it(name: str, place: str, remedy: str) -> None:
    report = DeliveryReport(permanent={name: "It left."})
    health = ChannelHealth()
    for minutes in (0, 15, 30):
        health = health.after(report, configured(), TICK + timedelta(minutes=minutes))
    (fault,) = faults_of(health)
    assert fault == (
        f"{place}: It left. It fails permanently: {remedy}."
        " Until then, other channels get what is routed to it."
    )


@pytest.mark.parametrize(("name", "place", "_"), PLACES)
def test_a_channel_that_rejects_for_an_hour_is_named_as_its_kind_names_it(
    name: str, place: str, _: str
) -> None:
    health, report = ChannelHealth(), DeliveryReport(rejecting={name: "It is busy."})
    for tick in (TICK, TICK + timedelta(hours=1)):
        health = health.after(report, configured(), tick)
    (fault,) = faults_of(health)
    assert fault == f"{place}: It is busy. It has accepted nothing for more than an hour."


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        ("slack:other", "the slack secret has no such name"),
        ("chat:other", "the chat secret has no such name"),
        ("telex:other", "the telex secret has no such name"),
    ],
)
def test_a_route_to_a_missing_channel_says_where_it_is_missing(channel: str, why: str) -> None:
    fault = f"policy routes: {channel} does not exist: {why}"
    assert configured(ROUTES.format(channel)).contradictions == (fault,)


def test_a_route_to_a_kind_that_the_stack_lacks_names_the_stack() -> None:
    configuration = load(
        WrittenSources({}, ROUTES.format("queue")),
        prefix=PREFIX,
        stack_channels={"sns": "arn:sns"},
        last_good_policy=lambda: None,
        kinds=EVERY_KIND,
    )
    fault = "policy routes: queue does not exist: the stack has no such name"
    assert fault in configuration.contradictions


@pytest.mark.parametrize(
    ("kinds", "defaults"),
    [
        (KINDS, "no default webhook or service"),
        ({**KINDS, "chat": CHAT}, "no default webhook or service or room"),
    ],
)
def test_that_nobody_hears_names_the_default_channels_of_every_kind(
    kinds: Mapping[str, Kind], defaults: str
) -> None:
    configuration = configured(kinds=kinds)
    subscribers = TopicSubscribers(configuration.channels["sns"].digest, TICK, confirmed=0)
    record = RunRecord(subscribers=subscribers)
    (fault,) = examine(configuration, record, TICK).faults([])
    assert fault == (
        f"no confirmed subscriber of the topic, and {defaults}: nobody hears the alerts"
    )
