"""A report is gathered a few accounts at a time, so that its readings fit into memory."""

from datetime import datetime
from typing import Any

import pytest

from balance_watch.config.policy import PolicyFile
from balance_watch.domain.account import Account
from balance_watch.domain.event import Event
from balance_watch.domain.reading import Reading
from balance_watch.domain.report import period
from balance_watch.domain.state import AccountState
from balance_watch.usecases.reporting import gather
from tests.support.examples import TICK

ACCOUNTS = [Account(f"account-{number}", "you") for number in range(200)]


class Histories:
    """The part of a store that reports read; `asked` are the accounts whose history was read."""

    def __init__(self, broken: str = "") -> None:
        self.accounts = self.events = self
        self.asked: list[str] = []
        self._broken = broken

    def states(self, _: list[str]) -> dict[str, AccountState]:
        return {}

    def outline(self, account: str, *_: object) -> tuple[list[Reading], list[datetime]]:
        self.asked.append(account)
        if account == self._broken:
            raise TimeoutError(account)
        return [], []

    def of(self, *_: object) -> list[Event]:
        return []


def test_every_account_is_in_it() -> None:
    store: Any = Histories()
    report = gather(store, ACCOUNTS, PolicyFile(), period(TICK, 30))
    assert len(report.accounts) == len(store.asked) == len(ACCOUNTS)


def test_few_accounts_are_read_ahead_of_the_one_that_is_due() -> None:
    store: Any = Histories(broken="account-0")
    with pytest.raises(TimeoutError):
        gather(store, ACCOUNTS, PolicyFile(), period(TICK, 30))
    assert len(store.asked) <= 16


def test_no_account_is_begun_after_the_deadline() -> None:
    store: Any = Histories()
    with pytest.raises(TimeoutError):
        gather(store, ACCOUNTS, PolicyFile(), period(TICK, 30), deadline=5, clock=lambda: 5)
    assert store.asked == []
