"""The promises, written down again, apart from the code that keeps them.

They compare what the accounts showed with what the channels received, with what was paid and with
what the table holds.
"""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from balance_watch.domain.channels import TOPIC
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import Pending
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.rules import Metric
from balance_watch.store.readings import reading_sort
from tests.support.model_world import (
    CHANNELS,
    NAMES,
    ONCALL,
    POLICIES,
    START,
    WEBHOOK,
    World,
)

GAP = timedelta(hours=6)
RECOVERY_FACTOR = Decimal("1.1")
"""An alert resolves once the balance is this many times its threshold."""


def check_promises(world: World) -> None:
    """Checks what must be true after every step."""
    _nothing_is_sent_twice_without_a_crash(world)
    for received in world.received:
        _the_notification_is_true(world, received.notification)
        _the_notification_is_not_silenced(world, received.notification)
    for channel in (TOPIC, WEBHOOK):
        if world.webhook_died and channel == WEBHOOK:
            continue  # as a fallback, it gets the ends of alerts whose beginning it did not get
        for notifications in alerts_received(world, channel).values():
            _alerts_begin_and_end_in_order(world, notifications)
    _nothing_is_paid_twice(world)


def check_readings(world: World) -> None:
    """Checks that each stored reading is what the account showed, and that none is missing."""
    for name in NAMES:
        for reading in world.store.accounts.history(name, START, world.now):
            assert world.shown_at[name, reading.observed_at] == reading.balance
    for name, state in world.store.accounts.states(NAMES).items():
        if state.reading is not None and not world.crashed:
            sort = reading_sort(state.reading.observed_at)
            item = {"pk": {"S": f"ACCOUNT#{name}"}, "sk": {"S": sort}}
            assert "Item" in world.client.get_item(TableName=world.table, Key=item)


def check_recovery(world: World) -> None:
    """Makes everything work again, and checks that every alert is announced, and then its end."""
    world.replies = dict.fromkeys(CHANNELS, "accepts")
    world.end_silences()
    world.policy, world.watched = POLICIES["routed"], set(NAMES)
    world.payment_outcome = PaymentOutcome.PAID
    world.clear_payment()
    for balance, firing in ((Decimal(3), True), (Decimal(400), False)):
        world.shown = dict.fromkeys(NAMES, balance)
        for _ in range(3):
            world.now += timedelta(hours=25)
            summary = world.run(world.now)
            assert summary is not None
            assert summary.complete, summary
        assert world.store.outbox.pending() == Pending([], [], [])
        _every_channel_knows(world, firing=firing)
    check_promises(world)
    check_readings(world)


def alerts_received(world: World, channel: str) -> dict[tuple[str, Metric], list[Notification]]:
    """Returns what a channel received, but for top-ups, by account and metric; no id twice."""
    by_alert: dict[tuple[str, Metric], dict[str, Notification]] = defaultdict(dict)
    for received in world.received:
        notification = received.notification
        if received.channel == channel and notification.reason is not Reason.TOPPED_UP:
            alert = notification.account, notification.metric
            by_alert[alert][notification.alert_id] = notification
    return {
        alert: sorted(notifications.values(), key=lambda notification: notification.said_at)
        for alert, notifications in by_alert.items()
    }


def _nothing_is_sent_twice_without_a_crash(world: World) -> None:
    times = Counter(
        (received.channel, received.notification.alert_id) for received in world.received
    )
    if not world.crashed and "is dead" not in world.replies.values():
        assert max(times.values(), default=1) == 1, "sent twice, without a crash"


def _the_notification_is_true(world: World, notification: Notification) -> None:
    """Compares a notification about a balance with what the account showed at that tick."""
    if notification.metric is not Metric.BALANCE or notification.reason is Reason.REMINDER:
        return
    shown = world.shown_at[notification.account, notification.said_at]
    rule_is_gone = notification.threshold is None and notification.reason is Reason.RESOLVED
    if notification.reason is Reason.TOPPED_UP or rule_is_gone:
        return
    assert isinstance(shown, Decimal), f"{notification.reason} although the read failed"
    assert notification.value == f"{shown:f}"
    assert notification.threshold is not None
    if notification.reason is Reason.RESOLVED:
        assert shown >= notification.threshold * RECOVERY_FACTOR
    else:
        assert shown < notification.threshold


def _the_notification_is_not_silenced(world: World, notification: Notification) -> None:
    if notification.metric in (Metric.UNREADABLE, Metric.CONFIGURATION):
        return
    for silence in world.every_silence:
        within = silence.created_at < notification.said_at < silence.until
        matches = silence.match["account"] in ("*", notification.account)
        assert not (within and matches), "sent although it is silenced"


def _alerts_begin_and_end_in_order(world: World, notifications: list[Notification]) -> None:
    """Checks that an alert fires, continues and resolves, and fires again only after the gap."""
    firing, fired_at, last_rule = False, None, None
    before = START
    for notification in notifications:
        at = notification.said_at
        if _was_added_or_removed(world, notification.account, before, at):
            firing, fired_at = firing and notification.reason is not Reason.FIRED, None
        before = at
        if notification.reason is Reason.FIRED:
            assert not firing, "announced twice"
            same_rule = last_rule == notification.rule and notification.metric is Metric.BALANCE
            assert not (same_rule and fired_at and at - fired_at < GAP), "within the gap"
            firing, fired_at, last_rule = True, at, notification.rule
        elif notification.reason is Reason.RESOLVED:
            assert firing, "an end without a beginning"
            firing = False
            last_rule = None if notification.threshold is None else last_rule
        elif notification.reason is Reason.REMINDER:
            assert firing, "a reminder of an alert that does not fire"
        else:
            firing = True


def _was_added_or_removed(world: World, account: str, start: datetime, end: datetime) -> bool:
    return any(name == account and start <= at < end for name, at in world.added_or_removed)


def _nothing_is_paid_twice(world: World) -> None:
    day = timedelta(days=1)
    for first, third in zip(world.payments, world.payments[2:], strict=False):
        assert third - first >= day, "more payments than the rule allows"
    assert all(earlier < later for earlier, later in pairwise(world.payments)), "paid twice a tick"


def _every_channel_knows(world: World, *, firing: bool) -> None:
    for channel in (TOPIC, ONCALL):
        alerts = alerts_received(world, channel)
        for name in NAMES:
            notifications = alerts.get((name, Metric.BALANCE), [])
            latest = notifications[-1].reason if notifications else None
            assert (latest not in (None, Reason.RESOLVED)) is firing, (channel, name, latest)
