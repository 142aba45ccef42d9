"""Parts of a check that a test can set: what the operator wrote, and what is read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from balance_watch.config.sources import Secrets
from balance_watch.domain.account import Account
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.providers.spec import Spec
from balance_watch.validation import Faults

FINE = "71.5"
PREFIX = "balance-watch/"

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
class WrittenSources:
    """The secrets by name without their prefix, as plain values or text, and the policy's text."""

    written: Mapping[str, object]
    text: str = ""

    def secrets(self) -> Secrets:
        """The secrets, as Secrets Manager has them."""
        return Secrets(
            {
                PREFIX + name: content if isinstance(content, str) else json.dumps(content)
                for name, content in self.written.items()
            }
        )

    def policy(self, faults: Faults) -> str:
        """The policy's text."""
        del faults
        return self.text
