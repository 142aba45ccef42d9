"""Makes payments, for a rule or for a person: each is claimed first and made at most once."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.evaluation import evaluate
from balance_watch.domain.measurements import measure
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.payment import Payment, PaymentOutcome, Purse, Refusal
from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Metric, Rule, RuleStatus
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.errors import PaymentNotRecordedError, TopUpError
from balance_watch.providers.client import ACCOUNT_SECONDS
from balance_watch.providers.purse import paid_purse
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store

if TYPE_CHECKING:
    from balance_watch.store.payments import Payments

_log = logging.getLogger(__name__)

_ANNOUNCE_SECONDS = 5.0
"""The time that is kept for announcing the outcome of a payment."""

_ORDER_LIFETIME = timedelta(hours=1)
"""A payment delayed longer than this is dropped."""

TopUp = Callable[[Spec, Account], PaymentOutcome]
"""Makes one payment to an account, which has been claimed before, and returns its outcome."""

_NO_LONGER_DUE = "it is no longer due"

_AS_OFTEN_AS_READ = 1_000_000
"""The payments a day that a person may order: each needs a balance that was read since the last."""

_RETRIED = (Refusal.UNDER_WAY, Refusal.NOT_CLAIMED, Refusal.NOT_READ, Refusal.NO_TIME)
"""Refusals after which the next run tries again."""


class Pay(Struct, frozen=True):
    """Makes the payments that rules order."""

    store: Store
    top_up: TopUp
    clock: Callable[[], float] = time.monotonic

    def open_payments(
        self, states: Mapping[str, AccountState], accounts: Mapping[str, WatchedAccount]
    ) -> dict[str, PaymentOutcome]:
        """Returns the outcome of the latest payment to each account with an alert on a payment."""
        alerted = (name for name, state in states.items() if Metric.TOP_UP in state.alerts)
        purses = [paid_purse(spec, account) for account, spec in map(accounts.__getitem__, alerted)]
        latest = self.store.payments.latest(purses) if purses else {}
        return {name: payment.outcome for name, payment in latest.items()}

    def __call__(
        self,
        order: PaymentOrder,
        *,
        run: Run,
        state: AccountState,
        account: Account,
        spec: Spec,
        policy: Policy,
        context: AlertContext,
        deadline: float,
    ) -> tuple[OutboxEntry, ...] | None:
        """Makes one payment, unless it is no longer due, and stores its outcome.

        It is made only on a balance that this run has read, and that breaches the rule by itself:
        of the purse that the order is for, and not between the threshold and its recovery. A
        process that dies in between leaves a claim. The run that finds it cannot know whether the
        payment was made: it announces that, and pays nothing.

        Returns:
            The entries that announce the outcome, or that the order was dropped. None if the order
            stays in the outbox for the next run.
        """
        from balance_watch.domain.payment_alert import decide_payment  # few runs pay

        purse = paid_purse(spec, account)

        def settle(
            outcome: PaymentOutcome, made: Payment | None = None, why: str = ""
        ) -> tuple[OutboxEntry, ...] | None:
            facts = {"account": account.name, "outcome": outcome.value, "why": why}
            _log.warning("top-up", extra=facts)
            after, entries = decide_payment(
                state,
                outcome,
                order.notification,
                account=account,
                context=context,
                traits=spec.traits,
                now=run.tick,
                why=why,
                by=order.by,
            )
            paid = None if made is None else (purse, made)
            end = Transition(after, entries)
            return entries if self.store.settle_payment(run, order, end, paid) else None

        rule = next(
            (it for it in policy.rules_for(account) if it.name == order.notification.rule), None
        )
        why_not = _why_not(order, rule, run.tick, state, account, spec)
        limit = _AS_OFTEN_AS_READ if order.by is not None else rule.top_ups if rule else 0
        if why_not is not None:
            lost = self._lost(order, purse)
            if lost is not None:
                return settle(lost.outcome, lost)
            return settle(PaymentOutcome.DROPPED, why=why_not)
        payment = self._put_off(run, state, deadline) or self._claim_and_pay(
            order, run.tick, purse, account, spec, limit
        )
        if payment in _RETRIED:
            _log.error("not paid yet: %s", payment, extra={"account": account.name})
            return None
        if payment is Refusal.OPEN:
            return settle(PaymentOutcome.UNKNOWN)
        if isinstance(payment, Refusal):
            return settle(PaymentOutcome.DROPPED, why=payment.value)
        return settle(payment.outcome, payment)

    def _claim_and_pay(
        self,
        order: PaymentOrder,
        tick: datetime,
        purse: Purse,
        account: Account,
        spec: Spec,
        limit: int,
    ) -> Payment | Refusal:
        """Claims and makes a payment.

        If an earlier run claimed it and did not store its outcome, the outcome is unknown.
        """
        alert_id = order.notification.alert_id
        claim = self.store.payments.claim(purse, tick, idempotency_key=alert_id, max_per_day=limit)
        if isinstance(claim, Payment):
            return replace(claim, outcome=self.top_up(spec, account))
        return (self._lost(order, purse) if claim is Refusal.ALREADY_MADE else None) or claim

    def _lost(self, order: PaymentOrder, purse: Purse) -> Payment | None:
        """Returns the payment of an order as unknown, if it was claimed and has no outcome."""
        latest = self.store.payments.latest([purse]).get(purse.account)
        if latest is None or latest.idempotency_key != order.notification.alert_id:
            return None
        is_lost = latest.outcome is PaymentOutcome.CLAIMED
        return replace(latest, outcome=PaymentOutcome.UNKNOWN) if is_lost else None

    def _put_off(self, run: Run, state: AccountState, deadline: float) -> Refusal | None:
        """Returns why a payment cannot be made in this run, although it may be due."""
        if state.failure is not None or state.checked_at != run.tick:
            return Refusal.NOT_READ
        needed = ACCOUNT_SECONDS + _ANNOUNCE_SECONDS
        return Refusal.NO_TIME if self.clock() + needed >= deadline else None


def _why_not(
    order: PaymentOrder,
    rule: Rule | None,
    tick: datetime,
    state: AccountState,
    account: Account,
    spec: Spec,
) -> str | None:
    """Returns why a payment is never to be made; None if it may be due."""
    if tick - order.notification.said_at > _ORDER_LIFETIME:
        return "it was put off for more than an hour"
    if account.name != order.notification.account:
        # Under its new name, its rule orders anew.
        return "the account has another name now"
    if order.purse is not None and account.purse is not None and order.purse != account.purse:
        return "the account has another key, host or variable now"
    if order.by is not None:
        return spec.cannot_top_up(account) or _why_not_for_a_person(order, state)
    if rule is None or not rule.top_ups or spec.cannot_top_up(account) is not None:
        return _NO_LONGER_DUE
    is_read = state.failure is None and state.checked_at == tick
    return _NO_LONGER_DUE if is_read and not _is_breached(rule, state, tick) else None


def _is_breached(rule: Rule, state: AccountState, tick: datetime) -> bool:
    """Tells whether the latest reading breaches a rule by itself."""
    measurements = measure(state, state.reading, None, tick)
    status = evaluate(rule, measurements, firing=False).status
    return rule.name in state.rules and status is RuleStatus.BREACHED


def _why_not_for_a_person(order: PaymentOrder, state: AccountState) -> str | None:
    """Returns why a payment that a person ordered at an alert is never to be made, if it is so.

    No rule has to ask for it, but the alert at which it was ordered must still fire.
    """
    alert = state.alerts.get(order.notification.metric)
    is_over = alert is None or not alert.firing or alert.since != order.notification.since
    return "its alert is over" if is_over else None


def pay_by_hand(
    payments: "Payments",
    top_up: TopUp,
    spec: Spec,
    account: Account,
    now: datetime,
    *,
    after_unknown: bool = False,
) -> PaymentOutcome | Refusal:
    """Makes a payment that a person asks for; returns its outcome, or why it was not made.

    Args:
        payments: the payments in the table.
        top_up: makes the payment.
        spec: the account's provider.
        account: the account to pay into.
        now: the current time.
        after_unknown: pay although the outcome of the latest payment is unknown.

    Raises:
        TopUpError: the account cannot be topped up.
        PaymentNotRecordedError: the payment was made, but its outcome could not be recorded. Until
            it is cleared, every other payment to the account is refused.
    """
    require_top_up(spec, account)
    purse = paid_purse(spec, account)
    claim = payments.claim(
        purse,
        now,
        idempotency_key=f"command {uuid.uuid4()}",
        after_unknown=after_unknown,
    )
    if isinstance(claim, Refusal):
        return claim
    outcome = top_up(spec, account)
    try:
        payments.settle(purse, claim, outcome)
    except Exception as error:
        # Whatever goes wrong here, the payment was made: the person must learn its outcome.
        raise PaymentNotRecordedError(account.name, outcome) from error
    return outcome


def require_top_up(spec: Spec, account: Account) -> None:
    """Raises TopUpError if an account cannot be topped up."""
    why = spec.cannot_top_up(account)
    if why is not None:
        raise TopUpError(f"{account.name}: {why}.")
