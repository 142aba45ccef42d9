"""The alert about the configuration: a fault in a secret or the policy may hide an account."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.acknowledgement import covering, with_acknowledgement
from balance_watch.domain.alerts import AlertContext, announce
from balance_watch.domain.lifecycle import Alert, Firing, advance
from balance_watch.domain.notification import Notification, Reason, alert_id
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.rules import Metric, Severity

PROVIDER = "balance-watch"
"""The provider of this alert, where alerts about accounts have a provider's slug."""


FAULT_WORDING = 2
"""The version of the sentences of faults. A release that rewords one raises it.

A fault is recognised by its text. One that was announced in other words is recognised by its place,
the part before the first colon, so that no upgrade announces it again.
"""

_SHOWN, _FAULT_LENGTH = 50, 300
"""How many faults fit into an alert and an item, and how much of each."""

_REMEMBERED, _TEXTS = 1000, 100
"""How many announced faults a run remembers one by one, and how many of them by their text: about
70 KB of an item's 400 KB."""

_SECRET_OF_ACCOUNT = re.compile(r"secret \S+, (?=account (?!number \d))")
"""The part of a fault's place that changes when a named account moves to another secret."""


class MoreFaults(Struct, frozen=True):
    """The announced faults beyond those that are remembered one by one, in some 256 buckets.

    Attributes:
        at: when faults were last announced because of these.
        buckets: the number of faults in a bucket, and one digest of all of them.
    """

    at: datetime
    buckets: Mapping[str, tuple[int, int]]

    def lacks(self, digests: Iterable[str]) -> bool:
        """Tells whether there are faults beside these, as far as the buckets tell.

        A bucket with fewer faults than before is taken for one from which some are gone.
        """
        return any(
            number > (before := self.buckets.get(name, (0, 0)))[0]
            or (number == before[0] and digest != before[1])
            for name, (number, digest) in in_buckets(digests).items()
        )


def in_buckets(digests: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Returns faults by their digests in buckets: their number, and one digest in any order."""
    buckets: dict[str, tuple[int, int]] = {}
    for digest in digests:
        number, together = buckets.get(digest[1:3], (0, 0))
        buckets[digest[1:3]] = number + 1, together ^ int(digest[1:], 16)
    return buckets


class ConfigurationState(Struct, frozen=True):
    """The faults of the latest run, the alert on them, and when each was recently announced.

    `faults` are as many as an alert shows. `notified` has the text of a fault that was shown, and
    the digest of any other. `wording` is the version of the sentences of these faults. `more` is
    None unless there are more announced faults than are remembered one by one.
    """

    faults: tuple[str, ...] = ()
    alert: Alert | None = None
    notified: tuple[tuple[str, datetime], ...] = ()
    wording: int = FAULT_WORDING
    more: MoreFaults | None = None


def decide_configuration(
    state: ConfigurationState,
    faults: Sequence[str],
    *,
    context: AlertContext,
    now: datetime,
    severity: Severity = Severity.CRITICAL,
) -> tuple[ConfigurationState, tuple[OutboxEntry, ...]]:
    """Decides what the faults of this run, sentences without secrets, change and announce.

    A fault is known by what it says of an account or a place, and not by the secret that the
    account is in, nor by whether the alert has room to show it.

    A fault that was not announced within the minimum gap is announced at once, as `worsened` if
    the alert is open already, since it may leave accounts unwatched. A fault that comes and goes
    is announced once per minimum gap. While there are more faults than are remembered one by one,
    any new one is announced at most once per minimum gap.
    """
    gap = context.defaults.minimum_gap
    announced: Iterable[tuple[str, datetime]] = state.notified
    more = state.more
    if state.wording != FAULT_WORDING:
        announced, more = _reworded(announced, faults), None
    announced = tuple(announced)
    present = {_digest(fault): fault for fault in faults}
    notified = {
        digest: at
        for digest, at in ((_digest(fault), at) for fault, at in announced)
        if digest in present or now - at < gap
    }
    others = [digest for digest in present if digest not in notified]
    if more is not None and not more.lacks(others):
        notified |= dict.fromkeys(others, more.at)
        others = []
    is_new = bool(others) and (more is None or now - more.at >= gap)
    shown = _shortened(faults)
    firing = Firing(CONFIGURATION, severity, now) if faults else None
    timing = replace(context.defaults, minimum_gap=timedelta()) if is_new else context.defaults
    known = context.acknowledgements
    if covering(known, CONFIGURATION, Metric.CONFIGURATION, state.alert):
        timing = replace(timing, reminder=None)
    alert, reason = advance(state.alert, firing, timing, now)
    if is_new and reason in (None, Reason.REMINDER):
        reason = Reason.WORSENED
    entries: tuple[OutboxEntry, ...] = ()
    if alert is not None and reason is not None:
        notification = _notification(alert, reason, len(faults), shown, now)
        notification = with_acknowledgement(notification, known, alert)
        alert, entries = announce(alert, notification, context)
        # Faults that are suppressed now are still new when the silence ends.
        if entries and reason is not Reason.RESOLVED:
            notified |= dict.fromkeys(present, now)
            others = []
            more = more and replace(more, at=now)
    texts = {_digest(fault): fault for fault in shown}
    for fault, _ in announced:
        if not _is_digest(fault):
            texts.setdefault(_digest(fault), fault)
    texts = dict(islice(texts.items(), _TEXTS))
    # Faults that are gone are remembered one by one, so that the buckets have those of now alone.
    by_presence = sorted(notified.items(), key=lambda it: it[0] in present)
    remembered = tuple((texts.get(digest, digest), at) for digest, at in by_presence[:_REMEMBERED])
    if not others:
        buckets = in_buckets(digest for digest, _ in by_presence[_REMEMBERED:])
        more = MoreFaults(more.at if more else now, buckets) if buckets else None
    return ConfigurationState(shown, alert, remembered, more=more), entries


def _shortened(faults: Sequence[str]) -> tuple[str, ...]:
    """Returns as many faults as fit into an alert and an item, each cut off at a length."""
    shown = tuple(fault[:_FAULT_LENGTH] for fault in faults[:_SHOWN])
    more = len(faults) - len(shown)
    return (*shown, f"And {more} more.") if more else shown


def _digest(fault: str) -> str:
    """Returns what a fault is recognised by: twelve hexadecimal digits after a `#`."""
    if _is_digest(fault):
        return fault
    known_by = _SECRET_OF_ACCOUNT.sub("", fault[:_FAULT_LENGTH], count=1)
    return f"#{hashlib.sha256(known_by.encode(errors='replace')).hexdigest()[:12]}"


def _is_digest(fault: str) -> bool:
    return fault.startswith("#")


def _reworded(
    announced: Iterable[tuple[str, datetime]], faults: Sequence[str]
) -> Iterator[tuple[str, datetime]]:
    """Yields the announced faults that still exist, each in the present words for its place."""
    waiting = list(announced)
    for fault in faults:
        for old in waiting:
            # The present words may name the place in more detail.
            if f"{_place(fault)}, ".startswith(f"{_place(old[0])}, "):
                waiting.remove(old)
                yield fault, old[1]
                break


def _place(fault: str) -> str:
    return fault.partition(": ")[0]


def _notification(
    alert: Alert, reason: Reason, count: int, shown: tuple[str, ...], now: datetime
) -> Notification:
    return Notification(
        alert_id=alert_id(CONFIGURATION, Metric.CONFIGURATION, reason, now),
        account=CONFIGURATION,
        provider=PROVIDER,
        rule=CONFIGURATION,
        metric=Metric.CONFIGURATION,
        severity=alert.severity,
        reason=reason,
        since=alert.since,
        said_at=now,
        value=str(count),
        detail="\n".join(shown) if shown else "Every secret and the policy are valid again.",
    )
