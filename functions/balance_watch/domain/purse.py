"""Which purse and which unit a balance belongs to: numbers of two of them are never compared.

A purse is what a provider keeps the money in: it is known by the provider, the host, the key and
the variables. Another purse under the same name begins anew. A unit that changes from one reading
to the next is doubtful until the account, or the provider's specification, names the new one.
"""

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult
from balance_watch.domain.rules import Metric
from balance_watch.domain.state import AccountState


def accepted(
    state: AccountState, result: ReadResult, account: Account, unit: str | None = None
) -> ReadResult:
    """Returns the result; a failure if its unit is doubtful.

    Args:
        state: what is remembered of the account.
        result: what the read yielded.
        account: the account, as configured.
        unit: the unit that the provider is documented to have, if it is always the same.
    """
    last = state.reading
    if not isinstance(result, Reading) or last is None or is_another_purse(state, account):
        return result
    known = (last.currency, account.currency, unit)
    if any(it is not None and it.casefold() == result.currency.casefold() for it in known):
        return result
    return ReadFailure(
        FailureKind.AMBIGUOUS,
        f"The balance was in {last.currency} and is in {result.currency} now: set the account's"
        ' "currency" to the one to watch.',
    )


def is_another_purse(state: AccountState, account: Account) -> bool:
    """Tells whether the numbers that are remembered are of another purse, as far as is known."""
    if state.purse is not None and account.purse is not None:
        return state.purse != account.purse
    return state.provider is not None and state.provider != account.provider


def is_another_balance(state: AccountState, result: ReadResult, account: Account) -> bool:
    """Tells whether a reading is of another purse or unit than what is remembered."""
    last = state.reading
    if not isinstance(result, Reading) or last is None:
        return False
    is_another_unit = last.currency.casefold() != result.currency.casefold()
    return is_another_unit or is_another_purse(state, account)


def without_old_numbers(state: AccountState, reading: Reading) -> AccountState:
    """Returns the state without what was judged by the numbers of another balance.

    Its alerts stay, so that their end is announced, or nothing if they are breached at once. A
    runway is judged again as soon as it is known, if the new balance is no higher: the purse may
    be the same with another key.
    """
    last = state.reading
    is_alike = last is not None and last.currency.casefold() == reading.currency.casefold()
    is_no_higher = is_alike and last is not None and reading.usable <= last.usable
    kept = {metric for metric, info in METRICS.items() if not info.about_money}
    if is_no_higher:
        kept.add(Metric.RUNWAY)
    return replace(
        state,
        rules={name: rule for name, rule in state.rules.items() if rule.metric in kept},
        alerts={
            metric: replace(alert, told_number=None, eased_to=None)
            for metric, alert in state.alerts.items()
        },
    )
