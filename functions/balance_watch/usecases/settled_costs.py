"""What is known of the costs of settled days goes to a read, and what it learns is kept."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from balance_watch.config.accounts import WatchedAccount
from balance_watch.domain.account import Account
from balance_watch.domain.credit import SettledCosts
from balance_watch.domain.reading import Reading, ReadResult
from balance_watch.store.costs import Costs


def with_settled_costs(
    accounts: Mapping[str, WatchedAccount], costs: Costs
) -> dict[str, WatchedAccount]:
    """Returns the accounts, each with what is known of its costs if its provider tells costs."""
    of_cost = [account for account, spec in accounts.values() if spec.cost is not None]
    settled = costs.settled(of_cost) if of_cost else {}
    known = {
        it.name: (replace(it, settled=settled[it.name]), accounts[it.name][1])
        for it in of_cost
        if it.name in settled
    }
    return {**accounts, **known}


def newly_settled(
    accounts: Mapping[str, WatchedAccount], results: Mapping[str, ReadResult]
) -> Iterator[tuple[Account, SettledCosts]]:
    """Yields the costs of settled days that a read has asked for anew."""
    for name, result in results.items():
        if isinstance(result, Reading) and result.settled is not None:
            yield accounts[name][0], result.settled
