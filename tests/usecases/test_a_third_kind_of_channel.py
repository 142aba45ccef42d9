"""A new kind of channel takes one class and one row: a made-up kind works everywhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

import pytest
from msgspec.structs import replace

from balance_watch.cli.status import as_json
from balance_watch.domain.notification import Notification, SendResult
from balance_watch.notifiers.channels import KINDS, Kind, channel_forms
from balance_watch.validation import Faults, Json
from local.slack_inbox import SlackInbox
from tests.support.canaries import CORE, key, webhook
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT, TICK

ROUTES = """
[[routes]]
match = { severity = "critical" }
channels = ["pager:night", "slack:default"]
"""


@dataclass
class Pager:
    """One pager: it beeps, rejects for now, or answers that its number does not exist."""

    number: str
    answer: str = "beeps"
    beeps: list[Notification] = field(default_factory=list)

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Beeps once for each notification."""
        del deadline
        for notification in notifications:
            if self.answer == "beeps":
                self.beeps.append(notification)
                yield SendResult(accepted=(notification,))
            else:
                permanent = self.answer == "no such number"
                why = f"The exchange answers: {self.answer}."
                yield SendResult(rejected=(notification,), why=why, permanent=permanent)

    @property
    def received(self) -> list[tuple[str, str]]:
        """The account and the reason of each notification that it beeped for."""
        return [(beep.account, beep.reason.value) for beep in self.beeps]


def parse_numbers(secret: Json, where: str, faults: Faults) -> Mapping[str, str]:
    """Returns the numbers of `{"numbers": {NAME: NUMBER}}` by name."""
    numbers = secret.get("numbers") if isinstance(secret, dict) else None
    if not isinstance(numbers, dict):
        faults.add(where, 'must be a JSON object with the field "numbers"')
        return {}
    valid = {name: number for name, number in numbers.items() if isinstance(number, str)}
    if len(valid) < len(numbers):
        faults.add(where, "has a number that is not text")
    return valid


class Exchange(dict[str, Pager]):
    """Every pager by its number."""

    def __missing__(self, number: str) -> Pager:
        self[number] = Pager(number)
        return self[number]

    @property
    def row(self) -> Kind:
        """The row of KINDS for pagers."""
        return Kind("pager", lambda number, _: self[number], parse_numbers)


@dataclass
class World:
    """A check with pagers as a kind of channel, the pager `night`, and Slack."""

    bench: Bench
    exchange: Exchange
    slack: SlackInbox

    @classmethod
    def begin(cls, bench: Bench, slack: SlackInbox) -> Self:
        exchange = Exchange()
        bench.deliver_to(slack.authority)
        kinds = {**KINDS, "pager": exchange.row}
        bench.wiring = replace(bench.wiring, kinds=kinds)
        bench.deliver = bench.wiring.deliver
        bench.aws.put_policy(ROUTES)
        bench.put_secret("slack", {"webhooks": slack.webhooks})
        bench.put_secret("pager", {"numbers": {"night": key("night")}})
        bench.watch("a")
        bench.reads.balances["a"] = LOW
        bench.aws.published()
        return cls(bench, exchange, slack)

    @property
    def night(self) -> Pager:
        return self.exchange[key("night")]

    @property
    def in_slack(self) -> list[str]:
        return [message["text"] for message in self.slack.messages["default"]]


@pytest.fixture
def world(bench: Bench) -> Iterator[World]:
    with SlackInbox() as slack:
        yield World.begin(bench, slack)


def test_a_route_reaches_a_channel_of_the_new_kind(world: World) -> None:
    summary = world.bench.run()
    assert world.night.received == [("a", "fired")]
    assert (summary.delivered, summary.undelivered) == (2, 0)


def test_a_route_to_a_pager_that_does_not_exist_is_a_fault(world: World) -> None:
    world.bench.aws.put_policy(ROUTES.replace("pager:night", "pager:day"))
    world.bench.run()
    assert any("pager:day does not exist" in text for text in world.bench.wiring.load().faults)


def test_a_channel_named_like_a_kind_does_not_exist(world: World) -> None:
    world.bench.aws.put_policy(ROUTES.replace("pager:night", "slack:sns"))
    world.bench.run()
    assert world.bench.wiring.load().contradictions == (
        "policy routes: slack:sns does not exist: the slack secret has no such name",
    )


@pytest.mark.parametrize("channel", ["pager", "pager:", "pager:two words", "telex:night", "sns:x"])
def test_a_policy_can_only_name_channels_in_the_form_of_their_kind(
    world: World, channel: str
) -> None:
    world.bench.aws.put_policy(ROUTES.replace("pager:night", channel))
    (fault, *_) = world.bench.wiring.load().faults
    assert f"channels: must each be {channel_forms(world.bench.wiring.kinds)}" in fault


def test_a_fault_in_the_secret_is_reported_by_place_and_never_by_value(world: World) -> None:
    world.bench.put_secret("pager", {"numbers": {"night": key("night"), "day": 5}})
    world.bench.run()
    faults = world.bench.wiring.load().faults
    assert faults == ["secret balance-watch/pager: has a number that is not text"]
    assert CORE not in str(faults)


def test_a_notification_that_a_pager_rejects_is_sent_in_the_next_run(world: World) -> None:
    world.night.answer = "busy"
    assert world.bench.run().undelivered == 1
    world.night.answer = "beeps"
    assert world.bench.run(NEXT).delivered == 1
    assert world.night.received == [("a", "fired")]


def test_a_pager_that_fails_permanently_is_a_fault_and_a_fallback_gets_its_alerts(
    world: World,
) -> None:
    world.bench.put_secret("slack", {"webhooks": {}})
    world.night.answer = "no such number"
    summary = world.bench.run()
    assert summary.undelivered == 0
    assert "a" in [it.attributes["account"] for it in world.bench.aws.published()]
    world.bench.run(NEXT)
    later = world.bench.store.runs.claim(NEXT + timedelta(minutes=5), 1)
    assert later is not None
    assert dict(later.record.failing_channels)["pager:night"].why.endswith("no such number.")


def test_a_dead_pager_with_a_new_number_is_tried_again(world: World) -> None:
    world.night.answer = "no such number"
    world.bench.run()
    world.bench.put_secret("pager", {"numbers": {"night": key("new")}})
    world.bench.run(NEXT)
    assert world.exchange[key("new")].received == [("a", "fired")]


def test_while_the_secret_cannot_be_parsed_entries_for_pagers_stay_pending(world: World) -> None:
    world.bench.put_secret("pager", "no JSON")
    # The alert and the one about the configuration are both routed to the pager.
    assert world.bench.run().undelivered == 2
    world.bench.put_secret("pager", {"numbers": {"night": key("night")}})
    world.bench.run(NEXT)
    assert ("a", "fired") in world.night.received


def test_a_kind_whose_secret_cannot_be_parsed_is_the_only_one_without_a_fallback(
    world: World,
) -> None:
    world.night.answer = "no such number"
    world.bench.put_secret("slack", "no JSON")
    summary = world.bench.run()
    # Entries for Slack wait for its secret; entries for the dead pager go to the topic.
    assert "a" in [it.attributes["account"] for it in world.bench.aws.published()]
    assert summary.undelivered > 0


def test_without_a_route_the_default_pager_gets_every_alert(world: World) -> None:
    world.bench.aws.put_policy("# Empty.\n")
    world.bench.put_secret("pager", {"numbers": {"default": key("all")}})
    world.bench.run()
    assert world.exchange[key("all")].received == [("a", "fired")]
    assert world.in_slack


def test_status_shows_the_account_and_its_alert(world: World) -> None:
    world.bench.put_secret("pager", {"numbers": {"day": 5}})
    world.bench.run()
    configuration = world.bench.wiring.load()
    accounts = [account for account, _ in configuration.accounts]
    (shown,) = as_json(accounts, world.bench.store.accounts.states(["a"]), configuration.policy)
    assert [alert["rule"] for alert in shown["alerts"]] == ["alert_below"]
    assert "balance-watch/pager" in str(configuration.faults)


def test_no_repr_contains_a_number(world: World) -> None:
    configuration = world.bench.wiring.load()
    assert set(configuration.channels) == {
        "sns",
        "pager:night",
        *map("slack:{}".format, world.slack.webhooks),
    }
    assert CORE not in repr(configuration)
    assert webhook() not in repr(configuration)
    assert world.bench.wiring.settings.topic_arn in configuration.channels["sns"].address


def test_a_reminder_goes_to_the_pager_that_was_notified(world: World) -> None:
    world.bench.run()
    world.bench.run(TICK + timedelta(hours=25))
    assert world.night.received == [("a", "fired"), ("a", "reminder")]
