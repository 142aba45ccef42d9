"""The policy: which rules there are, where their alerts go and how often they are repeated."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.account import Account, matches
from balance_watch.domain.channels import TOPIC, AvailableChannels
from balance_watch.domain.digest_plan import DigestPlan
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.rules import Metric, PendingPeriod, Rule, Severity
from balance_watch.domain.silences import MuteTime

_SOONEST_REMINDER = timedelta(hours=1)

UNREADABLE, PROVIDER_FLAG, ALERT_BELOW, CONFIGURATION = (
    "unreadable",
    "provider_flag",
    "alert_below",
    "configuration",
)
AUTO_RELOAD, TOP_UP, TOPPED_UP, OUTAGE = "auto_reload", "top_up", "topped_up", "outage"
RESERVED_NAMES = frozenset(
    {UNREADABLE, PROVIDER_FLAG, ALERT_BELOW, CONFIGURATION, AUTO_RELOAD, TOP_UP, TOPPED_UP}
)
"""The names of built-in rules and notices; a policy's own rule cannot take one of them."""

_RELOADS_WITHIN = timedelta(minutes=15)
"""Vonage checks the balance every 5 to 10 minutes (its Account API, `top-up`)."""

DIGEST = "digest"
"""The account and the rule that a digest names, where an alert names its own."""

EMPTY, RUNS_DRY, EXPIRES = "empty", "runs_dry", "expires"
"""Built-in rules that a policy's own rule of the same name replaces.

Policies that are older than these rules may have such names.
"""

_EXPIRES_WITHIN = (timedelta(days=14), timedelta(days=3))


class Defaults(Struct, frozen=True):
    """The timing of alerts.

    Attributes:
        reminder: how long after its latest notification an alert is repeated; None: never.
        minimum_gap: the time between two announcements of alerts that are equally grave.
        unreadable_after: how many failed reads in a row it takes to fire.
        quicken: reminders come after half of the time that the balance lasts, if that is sooner.
        runs_dry: how long a balance must last, or else it is a warning; and, if there is a second
            time, critical. Empty: never.
        empty: whether an account with nothing left is an alert.
    """

    reminder: timedelta | None = timedelta(hours=24)
    minimum_gap: timedelta = timedelta(hours=6)
    unreadable_after: int = 3
    quicken: bool = False
    runs_dry: tuple[timedelta, ...] = (timedelta(days=3), timedelta(days=1))
    empty: bool = True

    def quickened(self, runway: timedelta | None) -> "Defaults":
        """Returns the timing for an account with this runway; reminders stay an hour apart."""
        if not self.quicken or self.reminder is None or not runway:
            return self  # Once nothing is left, quicker reminders help nobody.
        return replace(self, reminder=min(self.reminder, max(runway / 2, _SOONEST_REMINDER)))


class Route(Struct, frozen=True):
    """The channels of the alerts whose facts match every glob.

    `mention` is who a message to Slack mentions for them, in Slack's own notation; empty: nobody.
    """

    match: Mapping[str, str]
    channels: tuple[str, ...]
    mention: str = ""


class Policy(Struct, frozen=True):
    """The whole policy. An empty one means the built-in rules and the default channels.

    `digest` tells when there are digests; None: never.
    """

    defaults: Defaults = Defaults()
    rules: tuple[Rule, ...] = ()
    routes: tuple[Route, ...] = ()
    mute_times: tuple[MuteTime, ...] = ()
    digest: DigestPlan | None = None

    def rules_for(self, account: Account) -> tuple[Rule, ...]:
        """Returns every rule that applies to an account: built-in, its own, and the policy's."""
        rules = [
            Rule(
                UNREADABLE,
                Metric.UNREADABLE,
                pending_period=PendingPeriod(self.defaults.unreadable_after),
            ),
            Rule(PROVIDER_FLAG, Metric.PROVIDER_FLAG),
            Rule(
                AUTO_RELOAD,
                Metric.AUTO_RELOAD,
                Severity.CRITICAL,
                pending_period=PendingPeriod(2, _RELOADS_WITHIN),
            ),
            Rule(TOP_UP, Metric.TOP_UP),
        ]
        if (threshold := account.alert_below) is not None:
            rules.append(Rule(ALERT_BELOW, Metric.BALANCE, Severity.CRITICAL, below=threshold))
        facts = account.facts
        own = [rule for rule in self.rules if matches(rule.match, facts)]
        taken = {rule.name for rule in own}
        # Last, so that of two equally grave rules on one metric the policy's own is named.
        return (*rules, *own, *(it for it in self._on_running_dry(account) if it.name not in taken))

    def _on_running_dry(self, account: Account) -> Iterator[Rule]:
        """Yields the built-in rules on what is left, how long it lasts, and when it expires."""
        defaults = self.defaults
        if defaults.empty if account.empty is None else account.empty:
            yield Rule(EMPTY, Metric.EMPTY, Severity.CRITICAL)
        runs_dry = defaults.runs_dry if account.runs_dry is None else account.runs_dry
        if runs_dry:
            yield replace(_tiered(RUNS_DRY, Metric.RUNWAY, runs_dry), cautious=True)
        yield _tiered(EXPIRES, Metric.EXPIRY, _EXPIRES_WITHIN)

    def unwatched(self, accounts: Iterable[Account]) -> tuple[str, ...]:
        """Returns the names of the accounts that no rule on an amount watches."""
        return tuple(
            account.name
            for account in accounts
            if not any(METRICS[rule.metric].on_amount for rule in self.rules_for(account))
        )

    def channels_for(
        self, facts: Mapping[str, str], channels: AvailableChannels
    ) -> tuple[str, ...]:
        """Returns the channels that an alert with these facts goes to; there is always one.

        Args:
            facts: account, provider, labels, severity, rule and metric.
            channels: the channels that exist.
        """
        route = self._route_of(facts)
        return destinations(route.channels if route else (), channels)

    @property
    def digest_route(self) -> tuple[str, ...]:
        """Returns the channels of digests: their own, or those of the route without a matcher.

        Without either there are none: the default channels get them.
        """
        own = self.digest.channels if self.digest else ()
        return own or next((it.channels for it in self.routes if not it.match), ())

    def mention_for(self, facts: Mapping[str, str]) -> str:
        """Returns who a message to Slack mentions for an alert with these facts; empty: nobody."""
        route = self._route_of(facts)
        return route.mention if route else ""

    def _route_of(self, facts: Mapping[str, str]) -> Route | None:
        return next((it for it in self.routes if matches(it.match, facts)), None)


def destinations(routed: tuple[str, ...], channels: AvailableChannels) -> tuple[str, ...]:
    """Returns the channels that get what is routed to these, each once; there is always one.

    If one of them does not exist or refuses, the default channels get a copy too, because the
    people behind it would not get the alert otherwise. The topic is the last resort.
    """
    available = channels.among(routed)
    if available and len(available) == len(routed):
        return available
    names = dict.fromkeys((*available, *channels.among(channels.defaults)))
    return tuple(names) or (TOPIC,)


def _tiered(name: str, metric: Metric, tiers: tuple[timedelta, ...]) -> Rule:
    """Returns a rule on a duration: a warning below the first, critical below the second."""
    below, *critical = (Decimal(int(tier.total_seconds())) for tier in tiers)
    return Rule(name, metric, below=below, critical_below=critical[0] if critical else None)
