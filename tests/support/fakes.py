"""Fakes of the parts of a check: the reads of accounts, and the text of the operator."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from balance_watch.config.sources import Secrets
from balance_watch.domain.account import Account
from balance_watch.domain.credit import SettledCosts
from balance_watch.domain.reading import ReadFailure, Reading, ReadResult
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_types import Unit
from balance_watch.validation import Faults

FINE = "71.5"
PREFIX = "balance-watch/"


@dataclass
class FakeReads:
    """Reads accounts: yields a failure or a balance by account, or else a balance that is fine.

    It yields nothing for an account in `out_of_time`. `settled` are the costs of past days, by
    account, which a read asks for only if they are not known. `requested` records the accounts.
    """

    balances: dict[str, str] = field(default_factory=dict)
    failures: dict[str, ReadFailure] = field(default_factory=dict)
    out_of_time: set[str] = field(default_factory=set)
    settled: dict[str, SettledCosts] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)

    def __call__(
        self, accounts: Sequence[tuple[Account, Spec]], *, now: datetime, deadline: float
    ) -> Iterator[tuple[Account, ReadResult]]:
        del deadline
        for account, _ in accounts:
            self.requested.append(account.name)
            if account.name in self.failures:
                yield account, self.failures[account.name]
            elif account.name not in self.out_of_time:
                balance = Decimal(self.balances.get(account.name, FINE))
                asked = self.settled.get(account.name) if account.settled is None else None
                yield account, Reading(now, balance, Unit("USD"), settled=asked)


@dataclass(frozen=True)
class WrittenSources:
    """Sources of the configuration: secrets, by name without the prefix, and a policy's text.

    A secret is a text, or a value to write as JSON.
    """

    written: Mapping[str, object]
    text: str = ""

    def secrets(self) -> Secrets:
        """Returns the secrets, as they are read from Secrets Manager."""
        return Secrets(
            {
                PREFIX + name: content if isinstance(content, str) else json.dumps(content)
                for name, content in self.written.items()
            }
        )

    def policy(self, faults: Faults) -> str:
        """Returns the policy's text."""
        del faults
        return self.text
