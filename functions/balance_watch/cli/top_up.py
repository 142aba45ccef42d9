"""`balance-watch top-up ACCOUNT`: pays in, after asking, and at most once."""

import argparse
from datetime import UTC, datetime
from typing import Any

from rich.prompt import Confirm
from rich.text import Text

from balance_watch.cli.terminal import clean, err, out, wiring
from balance_watch.errors import CommandError
from balance_watch.providers.client import TopUpOutcome
from balance_watch.providers.request import top_up_request

_SAID = {
    TopUpOutcome.PAID: "Paid. The balance shows it at the next check.",
    TopUpOutcome.NOT_ENABLED: "Not paid: auto-reload is not enabled for this account. Enable it in"
    " the provider's dashboard: its first payment sets the amount.",
    TopUpOutcome.KEY_REJECTED: "Not paid: the provider rejected the key.",
    TopUpOutcome.NOT_SENT: "Not paid: the provider was not reached, nothing was sent.",
    TopUpOutcome.UNKNOWN: "It is NOT KNOWN whether this was paid: the request was sent and no clear"
    " answer came. Look at the provider's dashboard before you pay again; until then, further"
    " top-ups of this account are refused (--after-unknown once you have looked).",
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
    command.set_defaults(run=_top_up)


def _agreed(question: Text) -> bool:
    try:
        return Confirm.ask(question, default=False, console=err)
    except EOFError:
        err.print("\nNobody is there to ask: scripts pay with --yes.")
        return False


def _top_up(arguments: argparse.Namespace) -> int:
    wired = wiring()
    watched = {account.name: (account, spec) for account, spec in wired.watched().accounts}
    if arguments.account not in watched:
        raise CommandError("There is no such account, or its secret has a fault: see `status`.")
    account, spec = watched[arguments.account]
    try:
        top_up_request(spec, account)
    except LookupError as error:
        raise CommandError(f"{account.name}: {error.args[0]}.") from None
    question = clean(
        f"Top up {account.name} at {spec.name}? The amount is the one that was paid when"
        " auto-reload was enabled."
    )
    if not arguments.yes and not _agreed(question):
        out.print("Nothing was paid.")
        return 1
    at = datetime.now(UTC).replace(microsecond=0)
    if not wired.store.claim_top_up(account.name, at, after_unknown=arguments.after_unknown):
        raise CommandError(
            "What became of an earlier top-up of this account is not known, or it is under way."
            " Look at the provider's dashboard; then, to pay again, add --after-unknown."
        )
    outcome = wired.providers.top_up(spec, account)
    wired.store.settle_top_up(account.name, at, outcome.value)
    out.print(_SAID[outcome])
    return 0 if outcome is TopUpOutcome.PAID else 1
