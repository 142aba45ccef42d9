"""A report is gathered a few accounts at a time, so that its readings fit into memory."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from balance_watch.config.policy import PolicyFile
from balance_watch.domain.account import Account
from balance_watch.domain.curve import curve_of
from balance_watch.domain.event import Event
from balance_watch.domain.report import LEAD, period
from balance_watch.domain.state import AccountState
from balance_watch.store.items import Item
from balance_watch.store.outlines import Outline
from balance_watch.usecases.reporting import gather
from tests.support.examples import TICK, reading

SPAN = period(TICK, 30)
ACCOUNTS = [Account(f"account-{number}", "you") for number in range(200)]


class Histories:
    """The part of a store that reports read.

    `briefly` are the accounts whose history was read from a day before, `asked` those of which it
    was read as far back as it may be needed.
    """

    def __init__(self, broken: str = "") -> None:
        self.accounts = self.events = self
        self.asked: list[str] = []
        self.briefly: list[str] = []
        self.readings: list[Any] = []
        self.shared = 0
        self._broken = broken

    def states(self, _: list[str]) -> dict[str, AccountState]:
        return {}

    def outline(self, state: AccountState, since: datetime, *_: object) -> Outline:
        if since == SPAN.needed_since:
            self.asked.append(state.account)
        else:
            self.briefly.append(state.account)
        if state.account == self._broken:
            raise TimeoutError(state.account)
        times = [int(it.observed_at.timestamp()) for it in self.readings]
        return Outline(self.readings, times, curve_of(self.readings, "USD"))

    def of_several(self, *_: object) -> list[Event]:
        self.shared += 1
        return []

    def packs_and_events(self, *_: object) -> tuple[list[Item], list[Event]]:
        return [], []


def test_every_account_is_in_it() -> None:
    store: Any = Histories()
    report = gather(store, ACCOUNTS, PolicyFile(), SPAN)
    assert len(report.accounts) == len(store.asked) == len(ACCOUNTS)


def test_few_accounts_are_read_ahead_of_the_one_that_is_due() -> None:
    store: Any = Histories(broken="account-0")
    with pytest.raises(TimeoutError):
        gather(store, ACCOUNTS, PolicyFile(), SPAN)
    assert len(store.briefly) <= 8


def test_no_account_is_begun_after_the_deadline() -> None:
    store: Any = Histories()
    with pytest.raises(TimeoutError):
        gather(store, ACCOUNTS, PolicyFile(), SPAN, deadline=5, clock=lambda: 5)
    assert store.briefly == store.asked == []


def test_what_was_said_of_several_accounts_is_read_once() -> None:
    store: Any = Histories()
    gather(store, ACCOUNTS, PolicyFile(), SPAN)
    assert store.shared == 1


def test_a_reading_of_the_day_before_a_report_is_enough_to_begin_it_with() -> None:
    store: Any = Histories()
    store.readings = [reading(at=SPAN.needed_since + LEAD - timedelta(hours=5))]
    gather(store, ACCOUNTS, PolicyFile(), SPAN)
    assert store.asked == []
