"""Pays in where a rule asks for it: claimed before, once for each alert, and never by guess."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, decide_payment
from balance_watch.domain.notification import OutboxEntry
from balance_watch.domain.payment import Payment, PaymentOutcome, Refusal
from balance_watch.domain.policy import Policy
from balance_watch.domain.rules import Metric
from balance_watch.domain.state import AccountState
from balance_watch.providers.client import ACCOUNT_SECONDS
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Run, Store, Transition
from balance_watch.store.payments import Payments

_log = logging.getLogger(__name__)

_TELLING_SECONDS = 5.0
"""What is left at least to tell how a payment ended."""

_SOON = timedelta(hours=1)
"""A payment that could not be made for so long is none that anybody expects any more."""


@dataclass(frozen=True, slots=True)
class Pay:
    """Makes the payments that rules ask for; `top_up` pays and tells how it ended."""

    store: Store
    payments: Payments
    top_up: Callable[[Spec, Account], PaymentOutcome]
    clock: Callable[[], float] = time.monotonic

    def open_payments(self, states: Mapping[str, AccountState]) -> dict[str, PaymentOutcome]:
        """Returns how the latest payments ended of the accounts with an alert on one."""
        open_ones = [name for name, it in states.items() if Metric.TOP_UP in it.alerts]
        latest = self.payments.latest(open_ones) if open_ones else {}
        return {name: payment.outcome for name, payment in latest.items()}

    def __call__(  # noqa: PLR0913 (each is an input of the payment)
        self,
        asked: OutboxEntry,
        *,
        run: Run,
        state: AccountState,
        account: Account,
        spec: Spec,
        policy: Policy,
        context: AlertContext,
        deadline: float,
    ) -> tuple[OutboxEntry, ...] | None:
        """Makes one payment; returns what is owed of how it ended, or None: it is asked for still.

        A process that dies in the middle leaves a claim, and the next one finds it: then it is not
        known whether it was paid, which is told, and nothing is paid.
        """
        firing = state.rules.get(asked.notification.rule)
        most = self._allowed(asked, run, account, spec, policy) if firing else 0
        if not most:
            return self._dropped(asked, "it is no longer asked for")
        if self.clock() + ACCOUNT_SECONDS + _TELLING_SECONDS >= deadline:
            return None
        payment = self._paid(asked, run, account, spec, most)
        if payment in (Refusal.UNDER_WAY, Refusal.NOT_CLAIMED):
            _log.error("not paid yet: %s", payment, extra={"account": account.name})
            return None
        if payment is Refusal.OPEN:
            outcome, made = PaymentOutcome.UNKNOWN, None
        elif isinstance(payment, Refusal):
            return self._dropped(asked, payment.value)
        else:
            outcome, made = payment.outcome, payment
        _log.warning("top-up", extra={"account": account.name, "outcome": outcome.value})
        state, owed = decide_payment(
            state,
            outcome,
            asked.notification,
            account=account,
            context=context,
            traits=spec.traits,
            now=run.tick,
        )
        stored = self.store.settle_payment(run, asked, Transition(state, None, owed), made)
        return owed if stored else None

    def _allowed(
        self, asked: OutboxEntry, run: Run, account: Account, spec: Spec, policy: Policy
    ) -> int:
        """How many payments the rule allows in a day; 0: it asks for none any more."""
        it = asked.notification
        if spec.cannot_top_up(account) is not None:
            return 0
        rules = policy.rules_for(account)
        allowed = next((rule.top_ups for rule in rules if rule.name == it.rule), 0)
        return allowed if run.tick - it.said_at <= _SOON else 0

    def _paid(
        self, asked: OutboxEntry, run: Run, account: Account, spec: Spec, most: int
    ) -> Payment | Refusal:
        """Claims and pays; a claim for the same alert, left behind, is of unknown outcome."""
        alert = asked.notification.alert_id
        claim = self.payments.claim(account.name, run.tick, idempotency_key=alert, most=most)
        if isinstance(claim, Payment):
            return replace(claim, outcome=self.top_up(spec, account))
        last = self.payments.latest([account.name]).get(account.name)
        left_behind = last is not None and last.outcome is PaymentOutcome.CLAIMED
        if claim is Refusal.ANSWERED and last and last.idempotency_key == alert and left_behind:
            return replace(last, outcome=PaymentOutcome.UNKNOWN)
        return claim

    def _dropped(self, asked: OutboxEntry, why: str) -> tuple[OutboxEntry, ...] | None:
        _log.warning("not paid: %s", why, extra={"account": asked.notification.account})
        return () if self.store.remove([asked]) else None
