"""Makes payments, for a rule or for a person: each is claimed first and made at most once."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.outbox import OutboxEntry, PaymentOrder
from balance_watch.domain.payment import Payment, PaymentOutcome, Refusal
from balance_watch.domain.payment_alert import decide_payment
from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Metric
from balance_watch.domain.run import Run, Transition
from balance_watch.domain.state import AccountState
from balance_watch.errors import PaymentNotRecordedError, TopUpError
from balance_watch.providers.client import ACCOUNT_SECONDS
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.store.payments import Payments

_log = logging.getLogger(__name__)

_ANNOUNCE_SECONDS = 5.0
"""The time that is kept for announcing the outcome of a payment."""

_ORDER_LIFETIME = timedelta(hours=1)
"""A payment delayed longer than this is dropped."""

TopUp = Callable[[Spec, Account], PaymentOutcome]
"""Makes one payment to an account, which has been claimed before, and returns its outcome."""

_RETRIED = (Refusal.UNDER_WAY, Refusal.NOT_CLAIMED)
"""Refusals after which the next run tries again."""


@dataclass(frozen=True, slots=True)
class Pay:
    """Makes the payments that rules order."""

    store: Store
    top_up: TopUp
    clock: Callable[[], float] = time.monotonic

    def open_payments(self, states: Mapping[str, AccountState]) -> dict[str, PaymentOutcome]:
        """Returns the outcome of the latest payment to each account with an alert on a payment."""
        alerted = [name for name, state in states.items() if Metric.TOP_UP in state.alerts]
        latest = self.store.payments.latest(alerted) if alerted else {}
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

        A process that dies in between leaves a claim. The run that finds it cannot know whether the
        payment was made: it announces that, and pays nothing.

        Returns:
            The entries that announce the outcome; none if the order is dropped. None if the order
            stays in the outbox for the next run.
        """
        limit = self._daily_limit(order, run.tick, state, account, spec, policy)
        if not limit:
            return self._drop(order, "it is no longer due")
        if self.clock() + ACCOUNT_SECONDS + _ANNOUNCE_SECONDS >= deadline:
            return None
        payment = self._claim_and_pay(order, run.tick, account, spec, limit)
        if payment in _RETRIED:
            _log.error("not paid yet: %s", payment, extra={"account": account.name})
            return None
        if isinstance(payment, Refusal) and payment is not Refusal.OPEN:
            return self._drop(order, payment.value)
        made = payment if isinstance(payment, Payment) else None
        outcome = made.outcome if made else PaymentOutcome.UNKNOWN
        _log.warning("top-up", extra={"account": account.name, "outcome": outcome.value})
        state, entries = decide_payment(
            state,
            outcome,
            order.notification,
            account=account,
            context=context,
            traits=spec.traits,
            now=run.tick,
        )
        stored = self.store.settle_payment(run, order, Transition(state, None, entries), made)
        return entries if stored else None

    def _daily_limit(
        self,
        order: PaymentOrder,
        tick: datetime,
        state: AccountState,
        account: Account,
        spec: Spec,
        policy: Policy,
    ) -> int:
        """Returns how many payments the rule allows in 24 hours; 0 if this one is no longer due."""
        rule_name = order.notification.rule
        is_late = tick - order.notification.said_at > _ORDER_LIFETIME
        if is_late or rule_name not in state.rules or spec.cannot_top_up(account) is not None:
            return 0
        rules = policy.rules_for(account)
        return next((rule.top_ups for rule in rules if rule.name == rule_name), 0)

    def _claim_and_pay(
        self, order: PaymentOrder, tick: datetime, account: Account, spec: Spec, limit: int
    ) -> Payment | Refusal:
        """Claims and makes a payment.

        If an earlier run claimed it and did not store its outcome, the outcome is unknown.
        """
        alert_id = order.notification.alert_id
        claim = self.store.payments.claim(
            account.name, tick, idempotency_key=alert_id, max_per_day=limit
        )
        if isinstance(claim, Payment):
            return replace(claim, outcome=self.top_up(spec, account))
        if claim is Refusal.ALREADY_MADE:
            latest = self.store.payments.latest([account.name]).get(account.name)
            is_same = latest is not None and latest.idempotency_key == alert_id
            if latest and is_same and latest.outcome is PaymentOutcome.CLAIMED:
                return replace(latest, outcome=PaymentOutcome.UNKNOWN)
        return claim

    def _drop(self, order: PaymentOrder, why: str) -> tuple[OutboxEntry, ...] | None:
        """Takes an order out of the outbox; returns None if that failed."""
        _log.warning("not paid: %s", why, extra={"account": order.notification.account})
        return () if self.store.outbox.remove([order]) else None


def pay_by_hand(
    payments: Payments,
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
    claim = payments.claim(
        account.name,
        now,
        idempotency_key=f"command {uuid.uuid4()}",
        after_unknown=after_unknown,
    )
    if isinstance(claim, Refusal):
        return claim
    outcome = top_up(spec, account)
    try:
        payments.settle(account.name, claim, outcome)
    except Exception as error:
        # Whatever goes wrong here, the payment was made: the person must learn its outcome.
        raise PaymentNotRecordedError(account.name, outcome) from error
    return outcome


def require_top_up(spec: Spec, account: Account) -> None:
    """Raises TopUpError if an account cannot be topped up."""
    why = spec.cannot_top_up(account)
    if why is not None:
        raise TopUpError(f"{account.name}: {why}.")
