"""The alert of an account that is counted in credits tells the money and the credits."""

from decimal import Decimal

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.policy import Defaults
from balance_watch.domain.state import AccountState
from tests.support.watchman import ACCOUNT, START, below, reading


def detail_of(account: Account, **facts: object) -> str:
    _, entries = decide(
        AccountState(account.name),
        reading("8", **facts),
        account=account,
        rules=[below("20")],
        context=AlertContext(Defaults(), lambda _: ("sns",)),
        traits=ProviderTraits(),
        now=START,
    )
    return entries[0].notification.detail


def test_the_detail_tells_credits_besides_the_money() -> None:
    assert detail_of(ACCOUNT, credits=Decimal(551564495)) == (
        "The account holds 551,564,495 credits."
    )


def test_the_detail_tells_credits_and_points_besides_the_money() -> None:
    facts = {"credits": Decimal(71000), "points": Decimal(1048)}
    assert detail_of(ACCOUNT, **facts) == "The account holds 71,000 credits and 1,048 points."


def test_the_detail_of_an_account_of_money_alone_is_empty() -> None:
    assert not detail_of(ACCOUNT)
