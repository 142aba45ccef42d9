"""Which accounts a planner puts into one batch."""

from balance_watch.domain.account import Account
from balance_watch.domain.batches import split, with_neighbours
from balance_watch.providers.purse import purse_digest, purse_of
from balance_watch.providers.registry import catalogue_provider


def test_accounts_that_share_the_short_name_of_a_purse_by_chance_stay_in_their_order() -> None:
    spec = catalogue_provider("you")
    assert spec is not None
    accounts = [
        (Account(f"account-{number}", "you", {"api_key": f"key-{number}"}), spec)
        for number in range(2000)
    ]
    assert len({purse_of(spec, account) for account, _ in accounts}) < len(accounts)

    purses = [purse_digest(spec, account) for account, spec in accounts]

    assert split(with_neighbours(accounts, purses), 2000) == [accounts]


def test_accounts_with_one_key_are_neighbours() -> None:
    spec = catalogue_provider("you")
    assert spec is not None
    accounts = [Account(name, "you", {"api_key": key}) for name, key in ("ax", "by", "cx")]

    purses = [purse_digest(spec, account) for account in accounts]

    assert [it.name for it in with_neighbours(accounts, purses)] == ["a", "c", "b"]
