"""What one look at one account changes and says: a pure function of state, look, rules and now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from balance_watch.domain.account import Account
from balance_watch.domain.episode import Alert, Firing, advance, said
from balance_watch.domain.money import with_unit
from balance_watch.domain.notification import Notification, Owed, Reason, Routing, alert_id
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.domain.rules import Metric, Rule, Standing, Verdict, judge
from balance_watch.domain.window import Sample, shifted


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule that is breached: since when, for how many checks, and whether it fires yet."""

    since: datetime
    checks: int
    firing: bool


@dataclass(frozen=True, slots=True)
class AccountState:
    """All that is remembered of an account between two checks.

    `reading` is the last good one, `window` its last day at one sample an hour; `failure` is the
    latest failed look unless a good one followed.
    """

    account: str
    checked_at: datetime | None = None
    reading: Reading | None = None
    failures: int = 0
    failure: ReadFailure | None = None
    failing_since: datetime | None = None
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    alerts: Mapping[Metric, Alert] = field(default_factory=dict)
    window: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    rule: Rule
    verdict: Verdict
    state: RuleState | None


def decide(  # noqa: PLR0913 (each is an input of the decision, and none has a default)
    state: AccountState,
    outcome: Reading | ReadFailure,
    *,
    account: Account,
    rules: Iterable[Rule],
    defaults: Defaults,
    routing: Routing,
    link: str | None,
    now: datetime,
) -> tuple[AccountState, tuple[Owed, ...]]:
    """Decides what one look at one account changes and what is to be said of it, to whom.

    Args:
        state: what was remembered of the account.
        outcome: what the look yielded.
        account: the account, as configured.
        rules: the rules that apply to it.
        defaults: reminder, minimum gap.
        routing: from an alert's facts to its channels.
        link: where the account is topped up.
        now: the tick.
    """
    seen = observe(state, outcome, now)
    judged = [_judged(rule, state.rules.get(rule.name), outcome, now) for rule in rules]
    names = {each.rule.name for each in judged}
    alerts: dict[Metric, Alert] = {}
    owed: list[Owed] = []
    for metric in Metric:
        old = state.alerts.get(metric)
        alert, reason = advance(old, _gravest(metric, judged), defaults, now)
        if reason in (Reason.FIRED, Reason.WORSENED):
            # Bad news rests on this very look: not on a failed one, nor on a number on its way
            # from the threshold to recovery. A reminder may.
            top = _gravest(metric, [each for each in judged if _shown(each.rule, outcome)])
            alert, reason = advance(old, top, defaults, now) if top else (alert, None)
        if alert is not None and alert.rule not in names:
            # Its rule is gone: what another rule has to say of it is no repetition.
            alert = replace(alert, fired_at=None, fired_as=None)
        if alert is not None and reason is not None:
            notification = _notification(seen, account, alert, metric, reason, judged, link, now)
            facts = {**account.facts, "metric": metric.value}
            alert, channels = said(alert, reason, facts, routing, now)
            owed += [Owed(notification, channel) for channel in channels]
        if alert is not None:
            alerts[metric] = alert
    breached = {each.rule.name: each.state for each in judged if each.state is not None}
    return replace(seen, rules=breached, alerts=alerts), tuple(owed)


def observe(state: AccountState, outcome: Reading | ReadFailure, now: datetime) -> AccountState:
    """Returns the state after a look, before any rule is judged on it."""
    if isinstance(outcome, ReadFailure):
        return replace(
            state,
            checked_at=now,
            failures=state.failures + 1,
            failure=outcome,
            failing_since=state.failing_since or now,
        )
    # Numbers of another currency cannot stand in one plot.
    same_unit = state.reading is None or state.reading.currency == outcome.currency
    return replace(
        state,
        checked_at=now,
        reading=outcome,
        failures=0,
        failure=None,
        failing_since=None,
        window=shifted(state.window if same_unit else (), now, outcome.balance),
    )


def _judged(
    rule: Rule, was: RuleState | None, outcome: Reading | ReadFailure, now: datetime
) -> _Judged:
    """Moves one rule on: pending, then firing, until it is past its recovery."""
    verdict = judge(rule, outcome, firing=was is not None and was.firing)
    if verdict.standing is Standing.UNKNOWN:
        return _Judged(rule, verdict, was)
    if verdict.standing is Standing.OK:
        return _Judged(rule, verdict, None)
    since, checks = (was.since, was.checks + 1) if was else (now, 1)
    held = checks >= rule.hold.checks and now - since >= rule.hold.lasting
    firing = held or verdict.at_once or (was is not None and was.firing)
    return _Judged(rule, verdict, RuleState(since, checks, firing))


def _shown(rule: Rule, outcome: Reading | ReadFailure) -> bool:
    """Whether a look breaches a rule by itself, whatever was before."""
    return judge(rule, outcome, firing=False).standing is Standing.BREACHED


def _gravest(metric: Metric, judged: Iterable[_Judged]) -> Firing | None:
    firing = [
        Firing(each.rule.name, each.verdict.severity or each.rule.severity, each.state.since)
        for each in judged
        if each.rule.metric is metric and each.state is not None and each.state.firing
    ]
    return min(firing, key=lambda one: one.severity.rank, default=None)


def _notification(  # noqa: PLR0913, PLR0917 (private: gathers what the decision already holds)
    seen: AccountState,
    account: Account,
    alert: Alert,
    metric: Metric,
    reason: Reason,
    judged: Iterable[_Judged],
    link: str | None,
    now: datetime,
) -> Notification:
    of_rule = next((each for each in judged if each.rule.name == alert.rule), None)
    reading = seen.reading
    return Notification(
        alert_id=alert_id(account.name, metric, reason, now),
        account=account.name,
        provider=account.provider,
        rule=alert.rule,
        metric=metric,
        severity=alert.severity,
        reason=reason,
        since=alert.since,
        said_at=now,
        value=_value(of_rule, seen, metric),
        threshold=of_rule.verdict.threshold if of_rule else None,
        currency=reading.currency if reading else account.currency,
        balance=reading.balance if reading else None,
        observed_at=reading.observed_at if reading else None,
        labels=account.labels,
        detail=_detail(of_rule, seen, metric),
        trend=tuple(sample.balance for sample in seen.window),
        link=link,
    )


def _value(of_rule: _Judged | None, seen: AccountState, metric: Metric) -> str | None:
    """The number judged, or the last one known while the account cannot be read."""
    if of_rule and of_rule.verdict.value is not None:
        return of_rule.verdict.value
    known = {
        Metric.BALANCE: seen.reading and seen.reading.balance,
        Metric.PROVIDER_FLAG: seen.reading and seen.reading.balance,
        Metric.CREDITS: seen.reading and seen.reading.credits,
        Metric.POINTS: seen.reading and seen.reading.points,
    }.get(metric)
    return None if known is None else f"{known:f}"


def _detail(of_rule: _Judged | None, seen: AccountState, metric: Metric) -> str:
    """One line for people: what stands behind the number."""
    if of_rule is None:
        return "The rule no longer applies to this account."
    if metric is Metric.UNREADABLE:
        if seen.failure is None:
            return "The balance can be read again."
        times = "once" if seen.failures == 1 else f"{seen.failures} times in a row"
        return f"{seen.failure.kind.words}: {seen.failure.message} Failed {times}."
    if seen.failure is not None:
        return "The balance cannot be read now; this is the last one known."
    if seen.reading is None:
        return ""
    said = [_in_other_units(seen.reading)]
    if metric is Metric.PROVIDER_FLAG:
        said.append(_what_the_provider_says(seen.reading))
    return " ".join(filter(None, said))


def _in_other_units(reading: Reading) -> str:
    counted = [(reading.credits, "credits"), (reading.points, "points")]
    told = [with_unit(number, unit) for number, unit in counted if number is not None]
    return f"The account holds {' and '.join(told)}." if told else ""


def _what_the_provider_says(reading: Reading) -> str:
    parts = []
    if reading.provider_flag:
        parts.append("The provider's own low-balance flag is set.")
    if reading.provider_threshold is not None:
        threshold = with_unit(reading.provider_threshold, reading.currency)
        parts.append(f"The threshold set at the provider is {threshold}.")
    if reading.status:
        parts.append(f"It says: {reading.status}")
    return " ".join(parts)
