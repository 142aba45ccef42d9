"""A webhook refuses everything for a month: how often it is tried, what is kept, what it gets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from time import monotonic

import pytest
from moto import mock_aws

from balance_watch.config.loading import Configuration
from balance_watch.domain.notification import Notification, Reason, SendResult
from balance_watch.domain.rules import Metric
from balance_watch.notifiers.channels import KINDS, ConfiguredChannel
from balance_watch.usecases.channel_health import ChannelHealth
from balance_watch.usecases.delivery import deliver
from tests.support.canaries import webhook
from tests.support.examples import TICK
from tests.support.model_channels import WEBHOOK
from tests.support.model_world import START, World
from tests.support.scripted_channels import ONE, FakeOutbox, ScriptedChannel, pending
from tests.support.tables import client_of

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DAYS = 31
LOW, FINE = Decimal(8), Decimal(60)


def test_it_is_tried_39_times() -> None:
    configured = ConfiguredChannel(WEBHOOK, KINDS["slack"], webhook())
    health, tried = ChannelHealth(), []

    @ScriptedChannel
    def dead(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        tried.append(minute)
        yield SendResult((), tuple(notifications), "It is gone.", permanent=True)

    for minute in range(0, DAYS * 24 * 60, 5):
        now = TICK + minute * MINUTE
        if not health.refusing(now):
            end = monotonic() + 5
            report = deliver(
                pending(WEBHOOK, ONE), channels={WEBHOOK: dead}, outbox=FakeOutbox(), deadline=end
            )
            health = health.after(report, Configuration(channels={WEBHOOK: configured}), now)
    assert tried[:10] == [0, 5, 15, 35, 75, 155, 315, 635, 1275, 2555]
    assert tried[10:] == list(range(2555 + 1440, DAYS * 1440, 1440)), "once a day"
    assert len(tried) == 39


@dataclass
class Month:
    """How much was pending for the webhook after each run, and what it got after the month."""

    pending: list[int] = field(default_factory=list)
    came: list[Notification] = field(default_factory=list)
    came_later: list[Notification] = field(default_factory=list)


@pytest.fixture(scope="module")
def month() -> Month:
    """Lives through a month with a run every other day, and through two runs after it.

    Of three accounts, `a` and `b` are low all the time. `payer` is low at every other run, and then
    it also runs dry.
    """
    month = Month()
    with mock_aws():
        world = World(client_of("https://dynamodb.us-east-1.amazonaws.com"))
        world.policy = '[defaults]\nreminder = "10d"\n'
        world.replies[WEBHOOK] = "is dead"
        for day in range(0, DAYS, 2):
            world.shown = {"a": LOW, "b": LOW, "payer": FINE if day % 4 else LOW}
            world.run(world.now)
            entries = world.store.outbox.pending().entries
            month.pending.append(sum(it.channel == WEBHOOK for it in entries))
            world.now += 2 * DAY
        world.now -= DAY
        world.replies[WEBHOOK] = "accepts"
        for came in (month.came, month.came_later):
            before = len(world.received)
            world.run(world.now)
            came += [it.notification for it in world.received[before:] if it.channel == WEBHOOK]
            world.now += 5 * MINUTE
    return month


def test_what_is_pending_does_not_grow(month: Month) -> None:
    assert max(month.pending[:6]) < 11
    assert month.pending[6:] == [11, 10] * 5


def test_it_gets_what_still_holds_once_it_takes_again(month: Month) -> None:
    assert {(it.account, it.metric, it.reason, (it.said_at - START).days) for it in month.came} == {
        ("configuration", Metric.CONFIGURATION, Reason.REMINDER, 26),
        ("payer", Metric.RUNWAY, Reason.WORSENED, 28),
        ("a", Metric.BALANCE, Reason.REMINDER, 30),
        ("b", Metric.BALANCE, Reason.REMINDER, 30),
        ("payer", Metric.BALANCE, Reason.TOPPED_UP, 30),
    }
    assert len(month.came) == 5


def test_it_gets_it_in_order_with_its_time(month: Month) -> None:
    times = [it.said_at for it in month.came]
    assert times == sorted(times)
    late = [it.detail for it in month.came if it.account in ("a", "b")]
    assert late == ["Sent late: it was so on 22 Dec 2026 00:00 UTC."] * 2


def test_then_it_gets_nothing_but_the_end_of_the_fault_about_it(month: Month) -> None:
    (end,) = month.came_later
    assert (end.account, end.reason) == ("configuration", Reason.RESOLVED)
