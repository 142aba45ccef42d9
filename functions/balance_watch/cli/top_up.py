"""`balance-watch top-up ACCOUNT`: pays in, after asking, and at most once."""

import argparse
import uuid
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.prompt import Confirm
from rich.text import Text

from balance_watch.cli.terminal import configuration, err, out, sanitize, wiring
from balance_watch.domain.payment import PaymentOutcome, Refusal
from balance_watch.errors import CommandError
from balance_watch.notifiers.text import format_time
from balance_watch.wiring import Wiring

_SAID = {
    PaymentOutcome.PAID: "Paid. The balance shows it at the next check.",
    PaymentOutcome.NOT_ENABLED: "Not paid: auto-reload is not enabled for this account. Enable it"
    " in the provider's dashboard: its first payment sets the amount.",
    PaymentOutcome.KEY_REJECTED: "Not paid: the provider rejected the key.",
    PaymentOutcome.NOT_SENT: "Not paid: the provider was not reached, nothing was sent.",
    PaymentOutcome.UNKNOWN: "It is NOT KNOWN whether this was paid: the request was sent and no"
    " clear answer came. Look at the provider's dashboard before you pay again; until then, further"
    " top-ups of this account are refused (--after-unknown once you have looked).",
}


_LATER = "Try again in a few minutes."
_NEXT = {
    Refusal.OPEN: "Look at the provider's dashboard; then, to pay again, add --after-unknown, or"
    " --clear if it was paid.",
}


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `top-up`."""
    command = commands.add_parser(
        "top-up",
        help="pay in at a provider that allows it (Vonage)",
        description="Pays in what was paid when auto-reload was enabled at the provider. The"
        " account's variables must name trx, the reference of that payment.",
    )
    command.add_argument("account", metavar="ACCOUNT")
    command.add_argument("--yes", action="store_true", help="pay without asking, for scripts")
    command.add_argument(
        "--after-unknown",
        action="store_true",
        help="pay although it is not known what became of the last payment",
    )
    command.add_argument(
        "--clear",
        action="store_true",
        help="pay nothing: you have looked what became of the last payment, and it is settled",
    )
    command.set_defaults(run=_top_up)


def _agreed(question: Text) -> bool:
    try:
        return Confirm.ask(question, default=False, console=err)
    except EOFError:
        err.print("\nNobody is there to ask: scripts pay with --yes.")
        return False


def _top_up(arguments: argparse.Namespace) -> int:
    wired = wiring()
    _, secrets, _ = configuration(wired)
    watched = {account.name: (account, spec) for account, spec in secrets.accounts}
    if arguments.account not in watched:
        raise CommandError("There is no such account, or its secret has a fault: see `status`.")
    account, spec = watched[arguments.account]
    if arguments.clear:
        return _clear(wired, account.name)
    if (reason := spec.cannot_top_up(account)) is not None:
        raise CommandError(f"{account.name}: {reason}.")
    question = sanitize(
        f"Top up {account.name} at {spec.name}? The amount is the one that was paid when"
        " auto-reload was enabled."
    )
    if not arguments.yes and not _agreed(question):
        out.print("Nothing was paid.")
        return 1
    claim = wired.payments.claim(
        account.name,
        datetime.now(UTC).replace(microsecond=0),
        idempotency_key=f"command {uuid.uuid4()}",
        after_unknown=arguments.after_unknown,
    )
    if isinstance(claim, Refusal):
        raise CommandError(f"Nothing was paid: {claim.value}. {_NEXT.get(claim, _LATER)}")
    outcome = wired.top_up(spec, account)
    out.print(_SAID[outcome])
    try:
        wired.payments.settle(account.name, claim, outcome)
    except (BotoCoreError, ClientError):
        raise CommandError(
            "The table could not note how this payment ended, so further ones are refused: settle"
            f" it later with `balance-watch top-up {account.name} --clear`."
        ) from None
    return 0 if outcome is PaymentOutcome.PAID else 1


def _clear(wired: Wiring, account: str) -> int:
    cleared = wired.payments.clear(account)
    if cleared is None:
        out.print("There is no payment to clear.")
        return 1
    out.print(
        sanitize(f"Cleared: the payment of {format_time(cleared.claimed_at)} is taken as settled.")
    )
    return 0
