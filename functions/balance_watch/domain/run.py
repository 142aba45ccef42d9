"""A run of the check: the tick it claimed, what it stores, and what it leaves to the next run."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple, Self

from msgspec import Struct, field
from msgspec.structs import replace

from balance_watch.domain.acknowledgement import NONE, Acknowledgements
from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.lost_secrets import LostSecrets, RememberedSecrets
from balance_watch.domain.outbox import Outgoing
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState

_REFUSALS, _REFUSED_FOR = 3, timedelta(minutes=30)
"""A channel is dead after so many refusals, over so long a time."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)


class FailingChannel(Struct, frozen=True):
    """A channel that has rejected everything since its first failure, until its latest one.

    Attributes:
        digest: tells its address from another one, and does not reveal it.
        refused_since: since when it refuses as if it were gone; None: it does not.
        refusals: how many times it refused so.
        pauses: how many pauses it was given.
        try_at: when it is tried again; None: in the next run.
        unsure_at: when it last gave an answer after which it may have accepted what it was sent.
    """

    digest: str
    since: datetime
    until: datetime
    why: str
    refused_since: datetime | None = None
    refusals: int = 0
    pauses: int = 0
    try_at: datetime | None = None
    unsure_at: datetime | None = None

    @property
    def is_dead(self) -> bool:
        """Tells whether it fails permanently: one stray refusal may pass."""
        since = self.refused_since
        is_long = since is not None and self.until - since >= _REFUSED_FOR
        return is_long and self.refusals >= _REFUSALS

    def is_paused(self, now: datetime) -> bool:
        """Tells whether it is not due to be tried yet."""
        return self.try_at is not None and now < self.try_at

    def failed(self, now: datetime, why: str, *, refused: bool, unsure: bool) -> Self:
        """Returns the channel after one more failure.

        Args:
            now: the tick.
            why: the reason.
            refused: it refuses as if it were gone.
            unsure: it may have accepted what it was sent.

        Trying a channel that ever refused in the next run would be of no use, and one that is
        unsure may get again what it has accepted: each pause is twice as long as the one before.
        """
        pause = refused or self.refusals > 0 or unsure
        pauses = self.pauses + 1 if pause else 0
        length = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** min(max(pauses - 1, 0), 9))
        return replace(
            self,
            until=now,
            why=why,
            refused_since=self.refused_since or (now if refused else None),
            refusals=self.refusals + refused,
            pauses=pauses,
            try_at=now + length if pause else None,
            unsure_at=now if unsure else self.unsure_at,
        )


class TopicSubscribers(Struct, frozen=True):
    """How many subscribers of the topic had confirmed at a time; None: their number is unknown.

    `digest` tells the topic from another one.
    """

    digest: str
    at: datetime
    confirmed: int | None


class RunRecord(Struct, frozen=True):
    """What a run leaves to the next one, beside the states of the accounts.

    Attributes:
        alerted: the accounts that have an alert, so that the next run notices if one disappears.
        failing_channels: the channels that have rejected everything they were sent, by name.
        subscribers: how many subscribers the topic had when they were last counted.
        secrets: the secrets that the run found.
        lost_secrets: those that have disappeared, for as long as a fault reports them.
        channels: the digest of each channel's address by the channel's name, former names too.
        outages: the alerts of outages, by name.
        paused: the accounts that are left alone, as their host asks, each with the time until when.
        inventory_digest: tells the inventory that was stored last from another one.
        digest: which digests are told; None: the policy has none, or no run has ended yet.
        plan: the token of the plan that the tick was split by; None: it was not.
        judged_at: the latest tick whose outages were decided on what several workers reported.
        unfinished: how many ticks in a row workers had, and none finished.
        found: the outages that were found at `judged_at`, by name, also those that do not fire yet.
    """

    configuration: ConfigurationState = field(default_factory=ConfigurationState)
    policy_digest: str | None = None
    alerted: tuple[str, ...] = ()
    failing_channels: tuple[tuple[str, FailingChannel], ...] = ()
    subscribers: TopicSubscribers | None = None
    secrets: RememberedSecrets = field(default_factory=dict)
    lost_secrets: LostSecrets = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    outages: Mapping[str, Alert] = field(default_factory=dict)
    paused: Mapping[str, datetime] = field(default_factory=dict)
    inventory_digest: str | None = None
    digest: DigestMark | None = None
    plan: str | None = None
    judged_at: datetime | None = None
    unfinished: int = 0
    found: tuple[str, ...] = ()

    @property
    def firing_outages(self) -> frozenset[str]:
        """Returns the names of the outages whose alert fires."""
        return frozenset(name for name, alert in self.outages.items() if alert.firing)


class Run(Struct, frozen=True):
    """A claimed tick.

    `token` identifies the lease, which ends at `lease_until`, in seconds since the epoch.
    `unfinished` means that the run before, for this tick or another, may have died before all of
    its changes were stored; `record` is what it left. `silences` are those in the table that have
    not ended, and `acknowledgements` those in the table. `ended_silences` are the names of silences
    that have ended and still take room in the run's item.
    `batch` is the number of the batch that a worker has claimed. `is_again` tells whether the run
    before was for this tick too, and `is_left_over` whether workers had its tick, and none finished
    it.
    """

    tick: datetime
    token: str
    unfinished: bool
    record: RunRecord = field(default_factory=RunRecord)
    silences: tuple[Silence, ...] = ()
    ended_silences: tuple[str, ...] = ()
    acknowledgements: Acknowledgements = field(default_factory=lambda: NONE)
    lease_until: float = inf
    batch: int | None = None
    is_again: bool = False
    is_left_over: bool = False


class Transition(NamedTuple):
    """A change of an account's state, with the outbox entries that it owes."""

    state: AccountState
    entries: tuple[Outgoing, ...]
