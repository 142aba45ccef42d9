"""Reads an account once, as a check does, and stores nothing."""

import time
from datetime import UTC, datetime

from balance_watch.cli.terminal import err, out, sanitize
from balance_watch.domain.account import Account
from balance_watch.domain.formatting import with_unit
from balance_watch.domain.reading import ReadFailure, ReadResult, Unlimited
from balance_watch.providers.client import ACCOUNT_SECONDS
from balance_watch.providers.spec import Spec
from balance_watch.wiring import Wiring


def trial_read(wired: Wiring, spec: Spec, account: Account) -> ReadResult:
    """Returns the result of one read, with the retries of a check."""
    err.print(sanitize(f"Asking {spec.name} …", "dim"))
    now = datetime.now(UTC).replace(microsecond=0)
    deadline = time.monotonic() + ACCOUNT_SECONDS
    return wired.providers.read(spec, account, now=now, deadline=deadline)


def show_result(account: Account, spec: Spec, result: ReadResult) -> None:
    """Prints the result of a read for people."""
    if isinstance(result, ReadFailure):
        text = f"{account.name} cannot be read: {result.kind.words.lower()}. {result.message}"
        out.print(sanitize(text, "red"), soft_wrap=True)
        return
    if isinstance(result, Unlimited):
        out.print(sanitize(f"{account.name} has no limit, so nothing can run out.", "green"))
        return
    amount = with_unit(result.balance, result.currency)
    what = spec.number or "balance"
    estimated = " (an estimate, by what was paid and what was spent)" if result.estimate else ""
    out.print(sanitize(f"{account.name} has {amount}: {what}{estimated}", "green"), soft_wrap=True)
