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
from balance_watch.domain.reading import FailureKind
from balance_watch.domain.rules import Metric
from tests.support.model_channels import CHANNELS, ONCALL, WEBHOOK
from tests.support.model_world import EVERY_NAME, NAMES, POLICIES, START, THRESHOLD, World
from tests.support.payment_promises import check_payments, every_payment_has_an_outcome

GAP = timedelta(hours=6)
RECOVERY_FACTOR = Decimal("1.1")
"""An alert resolves once the balance is this many times its threshold."""

_STANDS_FROM = timedelta(hours=4)
"""A fall that stood for so long need not be taken back any longer."""

RUNS_DRY, NEARLY_DRY = Decimal(3 * 86400), Decimal(86400)
"""The thresholds of `runs_dry` in seconds: a warning, and critical."""


def check_promises(world: World) -> None:
    """Checks what must be true after every step."""
    _nothing_is_sent_twice_without_a_crash(world)
    _each_time_of_a_digest_is_told_once(world)
    for received in world.received:
        if received.notification.digest is not None:
            continue
        _the_notification_is_true(world, received.notification)
        _the_notification_is_not_silenced(world, received.notification)
        _no_top_up_only_takes_a_fall_back(world, received.notification)
        _an_outage_is_one_message(world, received.notification)
    for channel in (TOPIC, WEBHOOK):
        if world.webhook_died and channel == WEBHOOK:
            continue  # as a fallback, it gets the ends of alerts whose beginning it did not get
        for notifications in alerts_received(world, channel).values():
            _alerts_begin_and_end_in_order(world, channel, notifications)
    check_payments(world)


def check_readings(world: World) -> None:
    """Checks that each reading is stored once, as it was shown, and that none is missing."""
    for name in EVERY_NAME:
        history = world.store.accounts.history(name, START, world.now)
        for reading in history:
            assert world.shown_at[name, reading.observed_at] == reading.balance
        times = [reading.observed_at for reading in history]
        assert times == sorted(set(times))
        assert {at for of, at in world.stored if of == name} <= set(times)


def check_recovery(world: World) -> None:
    """Makes everything work again, and checks that every alert is announced, and then its end."""
    world.replies = dict.fromkeys(CHANNELS, "accepts")
    world.end_silences()
    world.policy = POLICIES["routed"]
    every_payment_has_an_outcome(world)
    world.added_or_removed += [(it, world.now) for it in world.watched ^ set(NAMES)]
    world.watched = set(NAMES)
    world.payment_outcome = PaymentOutcome.PAID
    world.clear_payment()
    world.in_another_unit = set()
    for balance, days in ((Decimal(3), 3), (Decimal(0), 1), (Decimal(400), 3)):
        _simulate_days(world, balance, days)
        _every_channel_knows(world, Metric.BALANCE, firing=balance < THRESHOLD)
        _every_channel_knows(world, Metric.EMPTY, firing=not balance)
    # After a week without any spending, nothing runs dry.
    _simulate_days(world, Decimal(400), 8)
    _every_channel_knows(world, Metric.RUNWAY, firing=False)
    check_promises(world)
    check_readings(world)


def check_empty_accounts(world: World) -> None:
    """Checks, after a complete run, that an account that shows nothing was announced."""
    alerts = alerts_received(world, TOPIC)
    silenced = any(silence.until > world.now for silence in world.silences)
    for name in world.watched:
        if world.shown_at.get((name, world.now)) == 0 and not silenced:
            notifications = alerts.get((name, Metric.EMPTY), [])
            assert notifications, f"{name} is empty and nobody was notified"
            assert notifications[-1].reason is not Reason.RESOLVED, f"{name} is empty"


def _simulate_days(world: World, balance: Decimal, days: int) -> None:
    """Shows a balance for some days, with one complete run a day."""
    world.shown = dict.fromkeys(NAMES, balance)
    for _ in range(days):
        world.now += timedelta(hours=25)
        summary = world.run(world.now)
        assert summary is not None
        assert summary.complete, summary
    assert world.store.outbox.pending() == Pending([], [], [])


def alerts_received(world: World, channel: str) -> dict[tuple[str, Metric], list[Notification]]:
    """Returns what a channel received of alerts, by account and metric; no id twice.

    A top-up, a payment that was dropped, and a digest have no end.
    """
    by_alert: dict[tuple[str, Metric], dict[str, Notification]] = defaultdict(dict)
    for received in world.received:
        notification = received.notification
        has_an_end = notification.reason not in (Reason.TOPPED_UP, Reason.DIGEST) and (
            notification.value != PaymentOutcome.DROPPED
        )
        if received.channel == channel and has_an_end:
            alert = notification.account, notification.metric
            by_alert[alert][notification.alert_id] = notification
    return {
        alert: sorted(notifications.values(), key=lambda notification: notification.said_at)
        for alert, notifications in by_alert.items()
    }


def _nothing_is_sent_twice_without_a_crash(world: World) -> None:
    times = Counter(
        (received.channel, received.notification.alert_id)
        for received in world.received
        if received.channel not in world.unsaid
    )
    if not world.crashed and "is dead" not in world.replies.values():
        assert max(times.values(), default=1) == 1, "sent twice, without a crash"


def _each_time_of_a_digest_is_told_once(world: World) -> None:
    """Checks the digests of each channel: in order of time, and of each time one."""
    for channel in CHANNELS:
        digests = [
            it.notification.digest
            for it in world.received
            if it.channel == channel and it.notification.digest is not None
        ]
        times = [digest.at for digest in digests]
        if channel in world.unsaid or world.crashed or "is dead" in world.replies.values():
            times = list(dict.fromkeys(times))
        assert times == sorted(set(times)), f"digests of {channel}"
        assert all(digest.since < digest.until for digest in digests)


def _the_notification_is_true(world: World, notification: Notification) -> None:
    """Compares a notification about money with what the account showed at that tick."""
    if notification.reason in (Reason.REMINDER, Reason.TOPPED_UP):
        return
    if notification.threshold is None and notification.reason is Reason.RESOLVED:
        return
    if notification.metric is Metric.EMPTY:
        _the_account_is_empty(world, notification)
    if notification.metric is Metric.RUNWAY:
        _the_account_runs_dry(world, notification)
    if notification.metric is not Metric.BALANCE:
        return
    shown = world.shown_at[notification.account, notification.said_at]
    assert isinstance(shown, Decimal), f"{notification.reason} although the read failed"
    assert notification.value == f"{shown:f}"
    assert notification.threshold is not None
    if notification.reason is Reason.RESOLVED:
        # Another purse has nothing to recover from.
        assert shown >= notification.threshold * (1 if notification.another else RECOVERY_FACTOR)
    else:
        assert shown < notification.threshold


def _the_account_is_empty(world: World, notification: Notification) -> None:
    """Checks that the account showed nothing, or something where the alert resolves."""
    shown = world.shown_at[notification.account, notification.said_at]
    assert isinstance(shown, Decimal), f"{notification.reason} although the read failed"
    expected = ("empty", "critical", f"{shown:f}")
    assert (notification.rule, notification.severity, notification.value) == expected
    assert (shown <= 0) is (notification.reason is Reason.FIRED)


def _the_account_runs_dry(world: World, notification: Notification) -> None:
    """Checks the severity, and that it follows half a day of reads with a fall."""
    at = notification.said_at
    shown = world.shown_at[notification.account, at]
    assert isinstance(shown, Decimal), f"{notification.reason} although the read failed"
    if notification.another:
        return  # what was known of the purse before tells nothing of this one
    assert notification.value is not None
    assert notification.threshold is not None
    assert notification.rule == "runs_dry"
    lasts = Decimal(notification.value)
    if notification.reason is Reason.RESOLVED:
        assert lasts >= RUNS_DRY * RECOVERY_FACTOR
        return
    critical = (NEARLY_DRY, "critical")
    expected = critical if lasts < NEARLY_DRY else (RUNS_DRY, "warning")
    assert (notification.threshold, notification.severity) == expected
    assert lasts < notification.threshold
    reads = sorted(
        (read_at, balance)
        for (account, read_at), balance in world.shown_at.items()
        if account == notification.account and read_at <= at and isinstance(balance, Decimal)
    )
    assert reads[-1][0] - reads[0][0] >= timedelta(hours=12), "a rate of less than half a day"
    fell = any(later < earlier for (_, earlier), (_, later) in pairwise(reads))
    assert fell, "nothing was spent"


def _no_top_up_only_takes_a_fall_back(world: World, notification: Notification) -> None:
    """Checks that a top-up went beyond where the balance stood before the fall just before it."""
    if notification.reason is not Reason.TOPPED_UP or notification.metric is not Metric.BALANCE:
        return
    reads = sorted(
        (at, balance)
        for (account, at), balance in world.shown_at.items()
        if account == notification.account
        and at <= notification.since
        and isinstance(balance, Decimal)
    )
    purse = world.purse_at[notification.account, reads[-1][0]]
    reads = [it for it in reads if world.purse_at[notification.account, it[0]] == purse]
    moves = [read for read, before in zip(reads[1:], reads, strict=False) if read[1] != before[1]]
    levels = [reads[0], *moves]
    if len(levels) < 3 or levels[-1][0] - levels[-2][0] >= _STANDS_FROM:
        return
    stood, fell_to, rose_to = (balance for _, balance in levels[-3:])
    assert not fell_to < rose_to <= stood, "a top-up that only takes a fall back"


def _an_outage_is_one_message(world: World, notification: Notification) -> None:
    """Checks that no account is told of by itself while none can be read."""
    at = notification.said_at
    shown = [balance for (_, read_at), balance in world.shown_at.items() if read_at == at]
    # A balance in a doubtful unit was read.
    can_read = any(isinstance(it, Decimal) or it is FailureKind.AMBIGUOUS for it in shown)
    is_outage = len(shown) >= len(NAMES) and not can_read
    if notification.metric is Metric.OUTAGE and notification.reason is Reason.FIRED:
        assert is_outage, "an outage although an account could be read"
    if notification.metric is Metric.UNREADABLE and notification.reason is Reason.FIRED:
        assert not is_outage, "an account by itself although none could be read"


def _the_notification_is_not_silenced(world: World, notification: Notification) -> None:
    if notification.metric in (Metric.UNREADABLE, Metric.OUTAGE, Metric.CONFIGURATION):
        return
    for silence in world.every_silence:
        within = silence.created_at < notification.said_at < silence.until
        matches = silence.match["account"] in ("*", notification.account)
        assert not (within and matches), "sent although it is silenced"


def _alerts_begin_and_end_in_order(
    world: World, channel: str, notifications: list[Notification]
) -> None:
    """Checks that an alert fires, continues and resolves, and fires again only after the gap.

    A channel that rejected something in between, or that a run died on, may have missed any of it
    but the latest.
    """
    firing, fired_at, bad_at, last_rule, told = False, None, None, None, None
    before = START
    for notification in notifications:
        at = notification.said_at
        if _was_added_or_removed(world, notification.account, before, at):
            firing, fired_at = firing and notification.reason is not Reason.FIRED, None
        if any(before <= missed <= at for missed in world.missed[channel]):
            firing, fired_at, told = notification.reason is not Reason.FIRED, None, None
        before = at
        if notification.reason is Reason.FIRED:
            assert not firing, "announced twice"
            same_rule = last_rule == notification.rule and notification.metric is Metric.BALANCE
            is_early = same_rule and fired_at and at - fired_at < GAP
            assert not is_early or _is_far_past(told, notification), "within the gap"
            firing, fired_at, bad_at, last_rule = True, at, at, notification.rule
        elif notification.reason is Reason.RESOLVED:
            assert firing, "an end without a beginning"
            firing = False
            last_rule = None if notification.threshold is None else last_rule
        elif notification.reason is Reason.REMINDER:
            eased = _has_eased(world, notification)
            is_apart = world.routed_apart and notification.metric is Metric.BALANCE
            assert firing or eased or is_apart, "a reminder of an alert that does not fire"
            firing = True
        else:
            _is_worse(told, bad_at, notification)
            firing, bad_at = True, at
        if notification.reason is not Reason.RESOLVED:
            told = notification


def _is_worse(
    told: Notification | None, since: datetime | None, notification: Notification
) -> None:
    """Checks that what worsened is graver, was not told within the gap, or is far past the told."""
    if told is None or notification.metric is not Metric.BALANCE:
        return
    is_graver = notification.severity.rank < told.severity.rank
    is_late = since is None or notification.said_at - since >= GAP
    assert is_graver or is_late or _is_far_past(told, notification), "worse within the gap"


def _is_far_past(told: Notification | None, notification: Notification) -> bool:
    """Tells whether a balance is at a half of the one last told, or less."""
    if told is None or told.value is None or notification.value is None:
        return False
    return Decimal(notification.value) <= Decimal(told.value) / 2


def _has_eased(world: World, notification: Notification) -> bool:
    """Tells whether the alert was graver before, and so went to other channels than now."""
    alert = (notification.account, notification.metric, "critical")
    earlier = (
        received.notification
        for received in world.received
        if received.notification.said_at < notification.said_at
    )
    return notification.severity == "warning" and any(
        (before.account, before.metric, before.severity) == alert for before in earlier
    )


def _was_added_or_removed(world: World, account: str, start: datetime, end: datetime) -> bool:
    return any(name == account and start <= at < end for name, at in world.added_or_removed)


def _every_channel_knows(world: World, metric: Metric, *, firing: bool) -> None:
    for channel in (TOPIC, ONCALL):
        alerts = alerts_received(world, channel)
        for name in NAMES:
            notifications = alerts.get((name, metric), [])
            if not firing and notifications and _was_removed_since(world, notifications[-1]):
                continue  # its alert ended unannounced
            latest = notifications[-1].reason if notifications else None
            assert (latest not in (None, Reason.RESOLVED)) is firing, (channel, name, latest)


def _was_removed_since(world: World, notification: Notification) -> bool:
    return any(
        name == notification.account and notification.said_at <= at
        for name, at in world.added_or_removed
    )
