"""`balance-watch top-up ACCOUNT`: makes one payment to an account, after asking."""

import argparse
from datetime import UTC, datetime

from balance_watch.cli.connection import no_such_account, wiring
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import Subparsers, err, out, print_faults, sanitize
from balance_watch.domain.account import Account, canonical_name
from balance_watch.domain.formatting import format_time
from balance_watch.domain.payment import PaymentOutcome, Purse, Refusal
from balance_watch.errors import CommandError, PaymentNotRecordedError
from balance_watch.providers.purse import paid_purse
from balance_watch.providers.spec import Spec
from balance_watch.usecases.payments import pay_by_hand, require_top_up
from balance_watch.wiring import Wiring

_OUTCOMES = {
    PaymentOutcome.PAID: "Paid. The next check reads the new balance.",
    PaymentOutcome.NOT_ENABLED: "Not paid: auto-reload is not enabled for this account. Enable it"
    " in the provider's dashboard: its first payment sets the amount.",
    PaymentOutcome.KEY_REJECTED: "Not paid: the provider rejected the key.",
    PaymentOutcome.NOT_SENT: "Not paid: the provider could not be reached, nothing was sent.",
    PaymentOutcome.UNKNOWN: "It is NOT KNOWN whether this was paid: the request was sent, but no"
    " clear reply came back. Look at the provider's dashboard before you pay again. Until then,"
    " further top-ups of this account are refused. To pay again, add --after-unknown; if it was"
    " paid, add --clear.",
}

_TRY_LATER = "Try again in a few minutes."
_NEXT_STEPS = {
    Refusal.OPEN: "Look at the provider's dashboard. To pay again, add --after-unknown; if it was"
    " paid, add --clear.",
}


def add_commands(commands: Subparsers) -> None:
    """Adds `top-up`."""
    command = commands.add_parser(
        "top-up",
        help="pay into an account whose provider allows it (Vonage)",
        description="Repeats the payment that enabled auto-reload at the provider, with the same"
        " amount. The account's variables must name trx, the reference of that payment.",
    )
    command.add_argument("account", metavar="ACCOUNT", type=canonical_name)
    command.add_argument("--yes", action="store_true", help="pay without asking, for scripts")
    command.add_argument(
        "--after-unknown",
        action="store_true",
        help="pay although the outcome of the last payment is not known",
    )
    command.add_argument(
        "--clear",
        action="store_true",
        help="pay nothing: mark the last payment as settled, once you know its outcome",
    )
    command.set_defaults(run=_top_up)


def _top_up(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    configuration = wired.load()
    accounts = {account.name: (account, spec) for account, spec in configuration.accounts}
    if arguments.account not in accounts:
        place = f"account {arguments.account}"
        print_faults([fault for fault in configuration.faults if place in fault])
        raise no_such_account(arguments.account, accounts, "accounts")
    account, spec = accounts[arguments.account]
    if arguments.clear:
        return _clear(wired, paid_purse(spec, account))
    require_top_up(spec, account)
    question = (
        f"Top up {account.name} at {spec.name}? The amount is the one that was paid when"
        " auto-reload was enabled."
    )
    if not arguments.yes and not _confirmed(question):
        out.print("Nothing was paid.")
        return 1
    return _pay(wired, spec, account, after_unknown=arguments.after_unknown)


def _pay(wired: Wiring, spec: Spec, account: Account, *, after_unknown: bool) -> int:
    try:
        outcome = pay_by_hand(
            wired.store.payments,
            wired.top_up,
            spec,
            account,
            datetime.now(UTC).replace(microsecond=0),
            after_unknown=after_unknown,
        )
    except PaymentNotRecordedError as error:
        out.print(_OUTCOMES[error.outcome])
        raise CommandError(
            "The table could not record this outcome, so further top-ups of the account are"
            f" refused. Settle it later: `balance-watch top-up {account.name} --clear`."
        ) from None
    if isinstance(outcome, Refusal):
        next_step = _NEXT_STEPS.get(outcome, _TRY_LATER)
        raise CommandError(f"Nothing was paid: {outcome.value}. {next_step}")
    out.print(_OUTCOMES[outcome])
    return 0 if outcome is PaymentOutcome.PAID else 1


def _confirmed(question: str) -> bool:
    try:
        return confirm(question)
    except CommandError:  # the input has ended
        if not can_ask():
            err.print("There is nobody to ask: scripts pay with --yes.")
        return False


def _clear(wired: Wiring, purse: Purse) -> int:
    cleared = wired.store.payments.clear(purse)
    if cleared is None:
        out.print("There is no payment to clear.")
        return 1
    text = f"Cleared: the payment of {format_time(cleared.claimed_at)} is taken as settled."
    out.print(sanitize(text))
    return 0
