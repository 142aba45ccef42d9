"""A run of the check: the tick it claimed, what it stores, and what it leaves to the next run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import NamedTuple

from balance_watch.domain.configuration_alert import ConfigurationState
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.lost_secrets import LostSecrets, RememberedSecrets
from balance_watch.domain.outbox import Outgoing
from balance_watch.domain.reading import Reading
from balance_watch.domain.silences import Silence
from balance_watch.domain.state import AccountState


class DeadChannel(NamedTuple):
    """A channel that failed permanently: when, and why.

    `digest` tells its address from another one, and does not reveal it.
    """

    digest: str
    at: datetime
    why: str


class RejectingChannel(NamedTuple):
    """A channel that has rejected everything: since when, until when, and why.

    `digest` tells its address from another one, and does not reveal it.
    """

    digest: str
    since: datetime
    until: datetime
    why: str


class TopicSubscribers(NamedTuple):
    """How many subscribers of the topic had confirmed at a time; None: their number is unknown.

    `digest` tells the topic from another one.
    """

    digest: str
    at: datetime
    confirmed: int | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run leaves to the next one, beside the states of the accounts.

    Attributes:
        alerted: the accounts that have an alert, so that the next run notices if one disappears.
        dead_channels: the channels that have failed permanently, by name.
        rejecting: the channels that have rejected everything they were sent, by name.
        subscribers: how many subscribers the topic had when they were last counted.
        secrets: the secrets that the run found.
        lost_secrets: those that have disappeared, for as long as a fault reports them.
        channels: the digest of each channel's address by the channel's name, former names too.
        outages: the alerts of outages, by name.
    """

    configuration: ConfigurationState = field(default_factory=ConfigurationState)
    policy_digest: str | None = None
    alerted: tuple[str, ...] = ()
    dead_channels: tuple[tuple[str, DeadChannel], ...] = ()
    rejecting: tuple[tuple[str, RejectingChannel], ...] = ()
    subscribers: TopicSubscribers | None = None
    secrets: RememberedSecrets = field(default_factory=dict)
    lost_secrets: LostSecrets = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    outages: Mapping[str, Alert] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A claimed tick.

    `token` identifies the lease, which ends at `lease_until`, in seconds since the epoch.
    `unfinished` means that the run before, for this tick or another, may have stored states
    without their readings; `record` is what it left. `silences` are those in the table now.
    """

    tick: datetime
    token: str
    unfinished: bool
    record: RunRecord = field(default_factory=RunRecord)
    silences: tuple[Silence, ...] = ()
    lease_until: float = field(default=inf, compare=False)


class Transition(NamedTuple):
    """A change of an account's state that has outbox entries, with the reading it rests on."""

    state: AccountState
    reading: Reading | None
    entries: tuple[Outgoing, ...]
