"""An account that its provider counts in credits is told in both: money, and what it is there."""

from decimal import Decimal

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.policy import Defaults
from balance_watch.domain.state import AccountState
from tests.support.watchman import ACCOUNT, START, below, reading


def detail_of(account: Account, **facts: object) -> str:
    _, owed = decide(
        AccountState(account.name),
        reading("8", **facts),
        account=account,
        rules=[below("20")],
        context=AlertContext(Defaults(), lambda _: ("sns",)),
        traits=ProviderTraits(),
        now=START,
    )
    return owed[0].notification.detail


def test_credits_stand_beside_the_money() -> None:
    assert detail_of(ACCOUNT, credits=Decimal(551564495)) == (
        "The account holds 551,564,495 credits."
    )


def test_credits_and_points_stand_beside_the_money() -> None:
    facts = {"credits": Decimal(71000), "points": Decimal(1048)}
    assert detail_of(ACCOUNT, **facts) == "The account holds 71,000 credits and 1,048 points."


def test_an_account_of_money_alone_says_no_more() -> None:
    assert not detail_of(ACCOUNT)
