"""Explains an account: each of its rules, what holds it back and until when, where it would go."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from balance_watch.domain.account import Account
from balance_watch.domain.acknowledgement import NONE, Acknowledgements, covering
from balance_watch.domain.channels import AvailableChannels
from balance_watch.domain.evaluation import evaluate
from balance_watch.domain.event import Event
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.measurements import measure
from balance_watch.domain.outages import stands_for
from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Evaluation, Metric, Rule, RuleStatus, Severity
from balance_watch.domain.silences import MuteTime, Silence
from balance_watch.domain.spending import ENOUGH
from balance_watch.domain.state import AccountState, RuleState

_STEP, _LONGEST_MUTE = timedelta(minutes=5), timedelta(days=8)


class Hold(NamedTuple):
    """Something that holds an announcement back, and until when, if that is known."""

    why: str
    until: datetime | None = None


class RuleExplanation(NamedTuple):
    """A rule as it applies to an account now.

    Attributes:
        status: `ok`, `quiet`, `unknown`, `pending` or `firing`; quiet: the first of
            `holds` says why it is not breached.
        value: the number that is compared, or a word; None if it is unknown.
        since: since when the rule is breached.
        told_at: when the alert of its metric was last told, while the rule fires; else when
            something was last said of the rule, such as that its alert is over.
        told_by: the rule that it was told by.
        remind_at: when its alert is told again if nothing changes.
        holds: what holds its alert back.
        channels: where its alert would go.
    """

    rule: str
    metric: Metric
    severity: Severity
    status: str
    value: str | None
    threshold: Decimal | None
    since: datetime | None
    told_at: datetime | None
    told_by: str | None
    remind_at: datetime | None
    holds: tuple[Hold, ...]
    channels: tuple[str, ...]


def explain(
    account: Account,
    state: AccountState,
    policy: Policy,
    *,
    channels: AvailableChannels,
    silences: Sequence[Silence],
    outages: Sequence[str],
    now: datetime,
    acknowledgements: Acknowledgements = NONE,
    events: Iterable[Event] = (),
) -> list[RuleExplanation]:
    """Returns an explanation of every rule that applies to an account, firing ones first.

    Args:
        account: the account, as configured.
        state: what is remembered of it.
        policy: the policy in force.
        channels: the channels that exist.
        silences: the active silences.
        outages: the names of the outages that last.
        now: the time.
        acknowledgements: of whatever alerts.
        events: what was said of the account lately, the oldest first.
    """
    last_said = {(it.metric, it.rule): it.said_at for it, _ in events}
    result = state.failure or state.reading
    measurements = measure(state, result, None, state.checked_at or now)
    explained = []
    for rule in policy.rules_for(account):
        before = state.rules.get(rule.name)
        firing, grave = (before.firing, before.grave) if before else (False, False)
        evaluation = evaluate(rule, measurements, firing=firing, grave=grave)
        severity = evaluation.severity or (Severity.CRITICAL if grave else rule.severity)
        facts = {
            **account.facts,
            "metric": rule.metric.value,
            "severity": severity.value,
            "rule": rule.name,
        }
        alert = state.alerts.get(rule.metric)
        told = alert if alert is not None and alert.notified_at is not None and firing else None
        reminder = policy.defaults.quickened(state.runway).reminder
        if alert is None or alert.rule != rule.name:
            reminder = None  # the alert is told again by the rule that is graver now
        said_at = None if firing else last_said.get((rule.metric, rule.name))
        holds = [
            *([Hold(evaluation.kept_ok_by)] if evaluation.kept_ok_by else ()),
            *_unknown(rule, state),
            *_pending(rule, before),
            *_gap(alert if firing else None, policy, now),
            *(Hold(f"silence {it.name}", it.until) for it in silences if it.mutes(facts, now)),
            *(_mute(it, facts, now) for it in policy.mute_times if it.mutes(facts, now)),
        ]
        seen = covering(acknowledgements, account.name, rule.metric, told)
        if seen is not None:
            holds.append(Hold(f"{seen.by} acknowledged it, so nobody is reminded"))
            reminder = None
        if rule.metric is Metric.UNREADABLE and firing and told is None:
            holds += (
                Hold(f"the outage {name}, which is told instead")
                for name in outages
                if stands_for(name, account)
            )
        explained.append(
            RuleExplanation(
                rule.name,
                rule.metric,
                severity,
                _status(before, evaluation),
                evaluation.value,
                evaluation.threshold,
                before.since if before else None,
                told.notified_at if told else said_at,
                (told.notified_by or told.rule) if told else rule.name if said_at else None,
                told.notified_at + reminder
                if told and told.notified_at is not None and reminder is not None
                else None,
                tuple(holds),
                policy.channels_for(facts, channels),
            )
        )
    order = ("firing", "pending", "unknown", "quiet", "ok")
    return sorted(explained, key=lambda it: (order.index(it.status), it.severity.rank))


def _status(state: RuleState | None, evaluation: Evaluation) -> str:
    if state is not None:
        return "firing" if state.firing else "pending"
    if evaluation.kept_ok_by:
        return "quiet"
    status = evaluation.status
    return RuleStatus.OK.value if status is RuleStatus.BREACHED else status.value


def _unknown(rule: Rule, state: AccountState) -> Iterator[Hold]:
    """Yields what a runway lacks while too little was read to know it."""
    if rule.metric is not Metric.RUNWAY or state.reading is None or state.runway is not None:
        return
    observed = sum((day.covered for day in state.days), timedelta())
    until = state.checked_at and state.checked_at + max(timedelta(), ENOUGH - observed)
    yield Hold("12 hours of readings are needed", until)


def _pending(rule: Rule, state: RuleState | None) -> Iterator[Hold]:
    if state is None or state.firing:
        return
    period = rule.pending_period
    if period.lasting:
        yield Hold("it has to last", state.since + period.lasting)
    if state.checks < period.checks:
        yield Hold(f"it was seen in {state.checks} of {period.checks} checks in a row")


def _gap(alert: Alert | None, policy: Policy, now: datetime) -> Iterator[Hold]:
    if alert is None or alert.notified is not None or alert.fired_at is None:
        return
    until = alert.fired_at + policy.defaults.minimum_gap
    if now < until:
        yield Hold("it was told less than the minimum gap ago", until)


def _mute(mute: MuteTime, facts: dict[str, str], now: datetime) -> Hold:
    until = now
    while mute.mutes(facts, until) and until - now < _LONGEST_MUTE:
        until += _STEP
    return Hold("a mute time", until.replace(minute=until.minute // 5 * 5, second=0, microsecond=0))
