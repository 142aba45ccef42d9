"""Parts of a check that a test can set: what is read, and clients made before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.providers.spec import Spec
from balance_watch.wiring import Wiring

FINE = "71.5"

Outcome = ReadResult


@dataclass
class Looks:
    """What every look yields: a balance by account, else a fine one; `never` is not come to."""

    balances: dict[str, str] = field(default_factory=dict)
    failures: dict[str, ReadFailure] = field(default_factory=dict)
    never: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, Outcome]]:
        del deadline
        for account, _ in accounts:
            self.asked.append(account.name)
            if account.name in self.failures:
                yield account, self.failures[account.name]
            elif account.name not in self.never:
                balance = Decimal(self.balances.get(account.name, FINE))
                yield account, Reading(now, balance, "USD")


@dataclass(frozen=True)
class SharedClients(Wiring):
    """The wiring, over clients that are there already."""

    clients: Mapping[str, Any]

    def aws(self, service: str) -> Any:  # noqa: ANN401 (as its base)
        return self.clients[service]
