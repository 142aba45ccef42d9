"""What one look at one account changes and says: a pure function of state, look, rules and now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance_watch.domain.account import Account
from balance_watch.domain.lifecycle import Alert, Firing, advance, said
from balance_watch.domain.measurements import lacking, measured
from balance_watch.domain.notification import Notification, Owed, Reason, Routing, owed_to
from balance_watch.domain.notification_builder import Explanation, of_alert, of_jump, of_payment
from balance_watch.domain.payment import Outcome
from balance_watch.domain.policy import TOP_UP, Defaults
from balance_watch.domain.reading import Observed
from balance_watch.domain.rules import Look, Metric, Rule, Severity, Standing, Verdict, judge
from balance_watch.domain.silences import Held
from balance_watch.domain.state import AccountState, RuleState, observe


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every account of a run: timing, where alerts go, what is held back."""

    defaults: Defaults
    routing: Routing
    held: Held = lambda _: False


@dataclass(frozen=True, slots=True)
class Offer:
    """What is known of an account's provider: its billing page, and what its replies tell.

    `renews`: the balance is a quota that begins anew by itself, and no money that is paid in.
    """

    link: str | None = None
    metrics: frozenset[Metric] = frozenset()
    renews: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    rule: Rule
    verdict: Verdict
    state: RuleState | None


def decide(  # noqa: PLR0913 (each is an input of the decision)
    state: AccountState,
    outcome: Observed,
    *,
    account: Account,
    rules: Iterable[Rule],
    terms: Terms,
    offer: Offer,
    now: datetime,
    payment: Outcome | None = None,
) -> tuple[AccountState, tuple[Owed, ...]]:
    """Decides what one look at one account changes and what is to be said of it, to whom.

    Args:
        state: what was remembered of the account.
        outcome: what the look yielded.
        account: the account, as configured.
        rules: the rules that apply to it.
        terms: timing, routes, silences.
        offer: what is known of its provider.
        now: the tick.
        payment: how its latest automatic top-up ended, where an alert is open on that.
    """
    rules = tuple(rules)
    gap = lacking(outcome, rules, offer.metrics, now)
    seen = observe(state, outcome, now, gap, account.provider)
    look = measured(seen, outcome, payment, now)
    judged = [_judged(rule, state.rules.get(rule.name), look, now) for rule in rules]
    told = Explanation(account, seen, look, offer.link, now)
    terms = replace(terms, defaults=terms.defaults.quickened(told.runway))
    alerts: dict[Metric, Alert] = {}
    owed: list[Owed] = []
    for metric in Metric:
        mine = [each for each in judged if each.rule.metric is metric]
        alert, reason = _advanced(state.alerts.get(metric), mine, look, terms, now)
        if alert is not None and reason is not None:
            notification = of_alert(told, alert, metric, reason, _verdict_of(alert, mine))
            alert, more = _spoken(alert, notification, account, terms)
            owed += more
        if alert is not None:
            alerts[metric] = alert
    breached = {each.rule.name: each.state for each in judged if each.state is not None}
    seen = replace(seen, rules=breached, alerts=alerts, jump=None if offer.renews else seen.jump)
    seen, more = _jumped(seen, told, terms)
    payments = _payments(told, judged, state.rules)
    return seen, (*owed, *more, *payments)


def decide_payment(  # noqa: PLR0913 (as decide)
    state: AccountState,
    outcome: Outcome,
    answered: Notification,
    *,
    account: Account,
    terms: Terms,
    offer: Offer,
    now: datetime,
) -> tuple[AccountState, tuple[Owed, ...]]:
    """Decides what the end of a payment changes and says; `answered` is the alert that asked."""
    look = measured(state, state.reading, outcome, now)
    told = Explanation(account, state, look, offer.link, now)
    # Each payment is news: no gap holds back that it is not known what became of one.
    terms = replace(terms, defaults=replace(terms.defaults, minimum_gap=timedelta()))
    if outcome is Outcome.PAID:
        return state, _sent(of_payment(told, answered), account, terms)
    judged = _judged(Rule(TOP_UP, Metric.TOP_UP), state.rules.get(TOP_UP), look, now)
    alert, reason = _advanced(state.alerts.get(Metric.TOP_UP), [judged], look, terms, now)
    owed: tuple[Owed, ...] = ()
    if alert is not None and reason is not None:
        notification = of_alert(told, alert, Metric.TOP_UP, reason, judged.verdict)
        alert, owed = _spoken(alert, notification, account, terms)
    if alert is None or judged.state is None:
        return state, owed
    rules = {**state.rules, TOP_UP: judged.state}
    return replace(state, rules=rules, alerts={**state.alerts, Metric.TOP_UP: alert}), owed


def _judged(rule: Rule, was: RuleState | None, look: Look, now: datetime) -> _Judged:
    """Moves one rule on: pending, then firing, until it is past its recovery."""
    if was is not None and was.metric is not rule.metric:
        was = None  # a rule of the same name about something else
    verdict = judge(rule, look, firing=was is not None and was.firing)
    if verdict.standing is Standing.UNKNOWN:
        return _Judged(rule, verdict, was)
    if verdict.standing is Standing.OK:
        return _Judged(rule, verdict, None)
    since, checks = (was.since, was.checks + 1) if was else (now, 1)
    held = checks >= rule.hold.checks and now - since >= rule.hold.lasting
    firing = held or verdict.at_once or (was is not None and was.firing)
    return _Judged(rule, verdict, RuleState(rule.metric, since, checks, firing))


def _advanced(
    old: Alert | None, judged: list[_Judged], look: Look, terms: Terms, now: datetime
) -> tuple[Alert | None, Reason | None]:
    """Moves the alert of one metric on, and tells what there is to say, if anything."""
    alert, reason = advance(old, _gravest(judged), terms.defaults, now)
    if reason in (Reason.FIRED, Reason.WORSENED):
        # Bad news rests on this very look: not on a failed one, nor on a number on its way from
        # the threshold to recovery. A reminder may.
        shown = [each for each in judged if _shows(each.rule, look)]
        top = _gravest(shown)
        alert, reason = advance(old, top, terms.defaults, now) if top else (alert, None)
    names = {each.rule.name for each in judged}
    unknown = any(each.verdict.standing is Standing.UNKNOWN for each in judged)
    if reason is Reason.RESOLVED and old is not None:
        if not old.firing and (unknown or any(_not_past(each.rule, look) for each in judged)):
            # An end that was held back is told only while it is known to hold.
            reason = None
        elif old.firing and unknown and old.rule not in names:
            # Its rule is gone, and what the others would say is not known: nothing is resolved.
            return old, None
    if alert is not None and alert.rule not in names:
        # Its rule is gone: what another rule has to say of it is no repetition.
        alert = replace(alert, fired_at=None, fired_as=None)
    return alert, reason


def _shows(rule: Rule, look: Look) -> bool:
    """Whether a look breaches a rule by itself, whatever was before."""
    return judge(rule, look, firing=False).standing is Standing.BREACHED


def _not_past(rule: Rule, look: Look) -> bool:
    """Whether a look is not past the recovery of a rule."""
    return judge(rule, look, firing=True).standing is Standing.BREACHED


def _gravest(judged: Iterable[_Judged]) -> Firing | None:
    firing = [
        Firing(each.rule.name, each.verdict.severity or each.rule.severity, each.state.since)
        for each in judged
        if each.state is not None and each.state.firing
    ]
    return min(firing, key=lambda one: one.severity.rank, default=None)


def _verdict_of(alert: Alert, judged: Iterable[_Judged]) -> Verdict | None:
    return next((each.verdict for each in judged if each.rule.name == alert.rule), None)


def _facts(it: Notification, account: Account) -> dict[str, str]:
    alert = {"metric": it.metric.value, "severity": it.severity.value, "rule": it.rule}
    return {**account.facts, **alert}


def _spoken(
    alert: Alert, it: Notification, account: Account, terms: Terms
) -> tuple[Alert, tuple[Owed, ...]]:
    """The alert once this is said, and what is owed; held back, it is as if nothing was to say."""
    facts = _facts(it, account)
    if terms.held(facts):
        return alert, ()
    alert, channels = said(alert, it.reason, facts, terms.routing, it.said_at)
    return alert, owed_to(it, channels)


def _sent(it: Notification, account: Account, terms: Terms) -> tuple[Owed, ...]:
    """What is owed of a notification that no alert stands behind."""
    return owed_to(it, terms.routing(_facts(it, account)))


def _jumped(
    seen: AccountState, told: Explanation, terms: Terms
) -> tuple[AccountState, tuple[Owed, ...]]:
    """Tells of a top-up, of one at most within the minimum gap."""
    if seen.jump is None:
        return seen, ()
    it = of_jump(told, seen.jump)
    last = seen.jump_told_at
    recent = last is not None and told.now - last < terms.defaults.minimum_gap
    if recent or terms.held(_facts(it, told.account)):
        return seen, ()
    return replace(seen, jump=None, jump_told_at=told.now), _sent(it, told.account, terms)


def _payments(
    told: Explanation, judged: Iterable[_Judged], before: Mapping[str, RuleState]
) -> Iterator[Owed]:
    """Yields a payment for the first rule that begins to fire and may have one made."""
    for each in judged:
        was = before.get(each.rule.name)
        begins = each.state is not None and each.state.firing and not (was and was.firing)
        if begins and each.rule.top_ups and each.state is not None:
            severity: Severity = each.verdict.severity or each.rule.severity
            alert = Alert(each.rule.name, severity, each.state.since)
            it = of_alert(told, alert, each.rule.metric, Reason.FIRED, each.verdict)
            yield Owed(it, TOP_UP)
            return
