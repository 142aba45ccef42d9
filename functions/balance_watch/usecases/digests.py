"""The digest: tells once for each time of the policy how all accounts stand, through the outbox."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.digest_plan import DigestMark, DigestSpan
from balance_watch.domain.outbox import OutboxEntry, entries_for
from balance_watch.domain.policy import Policy, destinations
from balance_watch.domain.run import Run
from balance_watch.notifiers.channels import takes_digests
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.outbox_step import Tick

if TYPE_CHECKING:
    from balance_watch.domain.digest import Digest

_log = logging.getLogger(__name__)


class DigestDecision(NamedTuple):
    """Which digests are told from now on, and the entries of one that is due.

    `mark` is None if the policy has no digest.
    """

    mark: DigestMark | None = None
    entries: tuple[OutboxEntry, ...] = ()


def decide_digest(tick: Tick, build: Callable[[datetime, datetime], "Digest"]) -> DigestDecision:
    """Decides whether a digest is due, and what it tells. It only reads the table.

    An error in it stops no alert: the next run tries again.

    Args:
        tick: what is the same throughout the run.
        build: returns the digest for a time of the policy, since another time.
    """
    mark, span = due_digest(tick.configuration.policy, tick.run)
    if mark is None or span is None:
        return DigestDecision(mark)
    from balance_watch.domain.digest_building import digest_notification  # seldom

    try:
        notification = digest_notification(build(*span))
    except Exception as error:  # noqa: BLE001 (an error in the digest must not stop the alerts)
        _log.error("no digest: the next run tries again", extra={"why": type(error).__name__})
        return DigestDecision(mark)
    now = tick.run.tick
    return DigestDecision(
        DigestMark(now, now), entries_for(notification, digest_channels(tick.configuration))
    )


def due_digest(policy: Policy, run: Run) -> tuple[DigestMark | None, DigestSpan | None]:
    """Returns which digests are told, and the span of one that is due, if one is.

    The mark is None if the policy has no digest.
    """
    plan, mark, now = policy.digest, run.record.digest, run.tick
    if plan is None:
        return None, None
    if mark is None:
        return DigestMark(now), None  # The very first run has nothing to tell of.
    if mark.until > now:
        # A tick of the future was removed from the table: what is told is what was told before it.
        told_at = mark.told_at if mark.told_at is not None and mark.told_at <= now else None
        mark = DigestMark(told_at or now, told_at)
    at = plan.due(mark, now)
    if at is None:
        return replace(mark, until=now), None
    from balance_watch.domain.digest_building import looks_back  # seldom due

    return mark, DigestSpan(at, looks_back(mark.told_at or plan.before(at), now))


def stored_digest(
    store: Store, tick: Tick, mark: DigestMark | None, entries: Sequence[OutboxEntry]
) -> tuple[DigestMark | None, bool]:
    """Stores a digest with its mark; returns the mark in the table, and whether that is known."""
    if mark is None or not entries or store.save_digest(tick.run, mark, entries):
        return mark, True
    tick.summary.deferred += 1
    return tick.run.record.digest, False


def digest_channels(configuration: Configuration) -> tuple[str, ...]:
    """Returns the channels that digests go to; there is always one.

    A channel that refuses everything is among them: it gets the latest digest once it accepts.
    """
    takes = partial(takes_digests, kinds=configuration.kinds)
    routed = tuple(filter(takes, configuration.policy.digest_route))
    available = configuration.without()
    return destinations(
        routed,
        replace(
            available,
            names=frozenset(filter(takes, available.names)),
            defaults=tuple(filter(takes, available.defaults)),
        ),
    )
