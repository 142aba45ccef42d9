"""The detail of a notification: sentences that explain what is behind its number."""

import shlex
from collections.abc import Iterator
from datetime import timedelta
from decimal import localcontext

from balance_watch.domain.forecast import runs_dry_at
from balance_watch.domain.formatting import format_time, with_unit
from balance_watch.domain.money import CALCULATION_DIGITS
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import AutoReload, ReadFailure, Reading, Unlimited
from balance_watch.domain.rules import Evaluation, Measurements, Metric
from balance_watch.domain.state import AccountState


def describe(
    metric: Metric,
    evaluation: Evaluation | None,
    *,
    account: str,
    state: AccountState,
    measurements: Measurements,
    resolved: bool,
) -> str:
    """Returns the detail of an alert; without an evaluation, its rule was removed."""
    if evaluation is None:
        return "The rule no longer applies to this account."
    if metric is Metric.UNREADABLE:
        return _failures(state, measurements)
    if metric is Metric.TOP_UP:
        outcome = measurements.payment or PaymentOutcome.CLEARED
        return _PAYMENTS[outcome].replace("ACCOUNT", shlex.quote(account))
    return " ".join(_balance(metric, state.reading, measurements, resolved=resolved))


def _failures(state: AccountState, measurements: Measurements) -> str:
    if state.failure is None:
        return "The balance can be read again."
    times = "once" if state.failures == 1 else f"{state.failures} times in a row"
    failed = f"{state.failure.kind.words}: {state.failure.message} Failed {times}."
    if not measurements.dry_by_now or state.reading is None:
        return failed
    left = with_unit(state.reading.balance, state.reading.currency)
    return f"{failed} At the last known pace, the {left} of the latest reading are spent by now."


def _balance(
    metric: Metric, reading: Reading | None, measurements: Measurements, *, resolved: bool
) -> Iterator[str]:
    if isinstance(measurements.result, Unlimited):
        yield "The provider no longer sets a limit."
    elif isinstance(measurements.result, ReadFailure):
        yield "The balance cannot be read at the moment. This is the last known balance."
    elif reading is not None:
        if metric is Metric.RUNWAY and not resolved:
            yield from _end(reading, measurements)
        yield from _estimated(reading)
        yield from _spending(metric, reading, measurements)
        yield from _provider_facts(metric, reading, resolved=resolved)


def _end(reading: Reading, measurements: Measurements) -> Iterator[str]:
    """Yields when the balance is spent, which is easier to act on than how long it lasts."""
    seconds = measurements.numbers.get(Metric.RUNWAY)
    if not seconds:
        return
    at = runs_dry_at(reading.observed_at, timedelta(seconds=int(seconds)))
    if at is not None:
        yield f"At this rate, nothing is left on {format_time(at)}."


def _estimated(reading: Reading) -> Iterator[str]:
    """Yields what the balance was computed from, if the provider does not tell it."""
    estimate = reading.estimate
    if estimate is None:
        return
    bought = with_unit(estimate.bought, reading.currency)
    cost = with_unit(estimate.cost, reading.currency)
    had = f"a budget of {bought}" if reading.renews else f"{bought} that were paid"
    with localcontext(prec=CALCULATION_DIGITS):
        gone = estimate.bought - estimate.cost - reading.balance
    expired = f" and {with_unit(gone, reading.currency)} that expired" if gone > 0 else ""
    at = format_time(reading.provider_time or reading.observed_at)
    yield (
        f"This is an estimate: {had}, less {cost} of costs{expired}."
        f" The provider told the costs on {at}."
    )


def _spending(metric: Metric, reading: Reading, measurements: Measurements) -> Iterator[str]:
    usual = measurements.usual_rate
    if metric is Metric.SPEND_RATE and usual is not None:
        yield f"The usual rate is {with_unit(usual, reading.currency)} a day."
    if measurements.until_reset is not None and reading.resets_at is not None:
        yield f"The balance is a quota that resets on {format_time(reading.resets_at)}."
    if metric in measurements.numbers and metric is Metric.EXPIRY and reading.expires_at:
        yield f"The date is {format_time(reading.expires_at)}."
    if reading.credit_limit:
        limit = with_unit(reading.credit_limit, reading.currency)
        yield f"The provider's credit limit is {limit}."


def _provider_facts(metric: Metric, reading: Reading, *, resolved: bool) -> Iterator[str]:
    """Yields what the provider tells besides the balance; of a problem, also how it sees it."""
    counts = [(reading.credits, "credits"), (reading.points, "points")]
    amounts = [with_unit(count, unit) for count, unit in counts if count is not None]
    if amounts:
        yield f"The account holds {' and '.join(amounts)}."
    reload = reading.auto_reload
    if resolved:
        if metric is Metric.RUNWAY and reload is not None and reload.enabled:
            yield _auto_reload(reload, reading.currency)  # This is what ended the alert.
        return
    if reading.provider_flag:
        yield "The provider has set its low-balance flag."
    if reading.provider_threshold is not None:
        threshold = with_unit(reading.provider_threshold, reading.currency)
        yield f"The threshold set at the provider is {threshold}."
    if reload is not None:
        yield _auto_reload(reload, reading.currency)
    if reading.status:
        yield f"The provider says: {reading.status}"


def _auto_reload(reload: AutoReload, currency: str) -> str:
    if not reload.enabled:
        return "Auto-reload is off."
    if reload.threshold is None:
        return "Auto-reload is on."
    threshold = with_unit(reload.threshold, currency)
    if reload.amount is None:
        return f"Auto-reload is on below {threshold}."
    amount = with_unit(reload.amount, currency)
    return f"Auto-reload is on: below {threshold}, the provider adds {amount}."


def _until_cleared(problem: str) -> str:
    return (
        f"{problem} Automatic payments into this account stop until someone has checked the"
        " provider's dashboard and runs: balance-watch top-up ACCOUNT --clear."
    )


_PAYMENTS = {
    PaymentOutcome.UNKNOWN: _until_cleared(
        "The payment request was sent, but no clear answer came."
    ),
    PaymentOutcome.CLAIMED: _until_cleared("A payment was started, but its end is not known."),
    PaymentOutcome.NOT_ENABLED: "Auto-reload is not enabled for this account at its provider.",
    PaymentOutcome.KEY_REJECTED: "The provider rejected the key.",
    PaymentOutcome.NOT_SENT: "The provider could not be reached, so nothing was sent.",
    PaymentOutcome.PAID: "A later payment succeeded.",
    PaymentOutcome.DROPPED: "Nothing was paid.",
    PaymentOutcome.CLEARED: "Someone has checked the payment and cleared it.",
}
"""What the alert on a payment says of each outcome; ACCOUNT stands for the account's name."""
