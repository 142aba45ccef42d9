"""The promises about a channel that accepts nothing for a while, written down again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from balance_watch.domain.channels import TOPIC
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.rules import Metric
from tests.support.model_channels import CHANNELS, ONCALL, WEBHOOK, Reply
from tests.support.model_world import EVERY_NAME, Shown, World

LONGEST_PAUSE = timedelta(days=1)
BAD_NEWS = (Reason.FIRED, Reason.WORSENED, Reason.REMINDER)

Subject = tuple[str, Metric]
"""An account and a metric."""


class Outage(NamedTuple):
    """A channel that replies like this for so long, while the accounts show one after the other."""

    channel: str
    reply: Reply
    span: timedelta
    shown: Sequence[Mapping[str, Shown]]


def live_through(world: World, outage: Outage) -> None:
    """Lets the channel come back in the end, and checks what every channel was told by then."""
    others_before = {name: world.replies[name] for name in CHANNELS if name != outage.channel}
    world.replies[outage.channel] = outage.reply
    world.webhook_died |= outage.reply == "is dead"
    for shown in outage.shown:
        world.now += outage.span / len(outage.shown)
        world.shown = dict(shown)
        if _is_complete_but_for_channels(world):
            _others_lose_nothing(world, outage.channel)
            if outage.reply == "is dead":
                _the_stand_in_is_told(world, outage.channel)
    world.replies[outage.channel] = "accepts"
    world.now += LONGEST_PAUSE
    heard = len(world.received)
    if _is_complete_but_for_channels(world):
        _others_lose_nothing(world, outage.channel)
        came = [it.notification for it in world.received[heard:] if it.channel == outage.channel]
        is_stand_in = outage.channel == WEBHOOK and others_before[ONCALL] != "accepts"
        if not is_stand_in:
            _all_holds_and_tells_its_time(world, came)
            _no_end_without_a_beginning(world, outage.channel, heard, came)
        _knows_what_holds(world, outage.channel)


def _is_complete_but_for_channels(world: World) -> bool:
    """Runs a tick; tells whether it has read, decided and stored everything."""
    summary = world.run(world.now)
    return summary is not None and not summary.skipped and not summary.deferred


def _alerts(world: World) -> Iterator[tuple[Subject, Alert]]:
    """Yields every alert of an account that is watched."""
    for name, state in world.store.accounts.states(EVERY_NAME).items():
        if name in world.watched:
            yield from (((name, metric), alert) for metric, alert in state.alerts.items())


def _fires(world: World, notification: Notification) -> bool:
    record = world.store.runs.record()
    subject = notification.account, notification.metric
    alerts = dict(_alerts(world))
    alert = alerts.get(subject) or record.outages.get(notification.account)
    if notification.metric is Metric.CONFIGURATION:
        alert = record.configuration.alert
    return alert is not None and alert.firing


def _latest(world: World, channel: str, subject: Subject) -> Notification | None:
    """Returns what a channel was last told of a subject: the latest that was said."""
    told = [
        it.notification
        for it in world.received
        if it.channel == channel
        and (it.notification.account, it.notification.metric) == subject
        and it.notification.reason is not Reason.TOPPED_UP
    ]
    return max(told, key=lambda it: it.said_at, default=None)


def _knows_what_holds(world: World, channel: str) -> None:
    """Checks that the latest of each alert that fires has reached a channel."""
    for subject, alert in _alerts(world):
        if alert.firing and alert.notified is not None and channel in alert.channels:
            latest = _latest(world, channel, subject)
            assert latest is not None, f"{channel} was never told of {subject}"
            facts = (latest.reason in BAD_NEWS, latest.said_at)
            assert facts == (True, alert.notified_at), f"{channel} does not know: {subject}"


def _others_lose_nothing(world: World, channel: str) -> None:
    failing = dict(world.store.runs.record().failing_channels)
    for name in CHANNELS:
        if name != channel and world.replies[name] == "accepts" and name not in failing:
            _knows_what_holds(world, name)


def _the_stand_in_is_told(world: World, channel: str) -> None:
    """Checks that the channel that stands in for one that refuses knows all that holds."""
    stand_in = TOPIC if channel == WEBHOOK else WEBHOOK
    failing = dict(world.store.runs.record().failing_channels)
    if world.replies[stand_in] != "accepts" or {stand_in} & failing.keys():
        return
    for subject, alert in _alerts(world):
        if alert.firing and alert.notified is not None and channel in alert.channels:
            told = [_latest(world, name, subject) for name in (stand_in, channel)]
            times = {it.said_at for it in told if it is not None}
            assert alert.notified_at in times, f"nobody knows in place of {channel}: {subject}"


def _all_holds_and_tells_its_time(world: World, came: Sequence[Notification]) -> None:
    """Checks what a channel gets when it is back: in order, once, true, with its time."""
    times = [it.said_at for it in came]
    assert times == sorted(times), "out of order"
    told = Counter(
        (it.account, it.metric, it.reason is Reason.TOPPED_UP)
        for it in came
        if it.metric is not Metric.TOP_UP
    )
    assert max(told.values(), default=1) == 1, "two of one alert"
    for notification in came:
        if notification.reason in BAD_NEWS and notification.metric is not Metric.TOP_UP:
            assert _fires(world, notification), "it no longer holds"
        is_late = notification.detail.startswith(f"Sent late: it was so on {_time(notification)}.")
        assert is_late is (notification.said_at < world.now), "without its time"


def _time(notification: Notification) -> str:
    at: datetime = notification.said_at
    return f"{at.day} {at:%b %Y %H:%M} UTC"


def _no_end_without_a_beginning(
    world: World, channel: str, heard: int, came: Sequence[Notification]
) -> None:
    """Checks that a channel that is back is told of no end of what it was never told of.

    A run that died may have told it, and so may one that was not sure.
    """
    if world.crashed or channel in world.unsaid or world.webhook_died:
        return
    for end in came:
        if end.reason is Reason.RESOLVED and end.metric is not Metric.TOP_UP:
            subject = end.account, end.metric
            before = [
                it.notification
                for it in world.received[:heard]
                if it.channel == channel
                and (it.notification.account, it.notification.metric) == subject
                and it.notification.reason is not Reason.TOPPED_UP
            ]
            assert before, f"an end of what {channel} was never told of: {subject}"
            assert before[-1].reason in BAD_NEWS, f"{channel} is told of the end of {subject} again"
