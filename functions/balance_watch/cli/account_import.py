"""`balance-watch accounts import`: stores the accounts of a file, all of them or none."""

import argparse

from balance_watch.cli.account_file import FIELDS, TABLES, Found, check_accounts, read_accounts
from balance_watch.cli.account_storing import (
    add_storing_options,
    provider_of,
    secret_name,
    store,
    stored,
)
from balance_watch.cli.connection import wiring
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import Subparsers, err, out, print_faults, sanitize
from balance_watch.domain.account import canonical_name
from balance_watch.domain.formatting import counted
from balance_watch.errors import CommandError
from balance_watch.validation import Faults


def add_action(actions: Subparsers) -> None:
    """Adds `accounts import`."""
    command = actions.add_parser(
        "import",
        help="add the accounts of a file",
        description="The file is JSON in the form of the secret; CSV with the columns"
        f" {', '.join((*FIELDS, *(f'{table}.X' for table in TABLES)))}; or a .env file of keys.",
    )
    command.add_argument("file", metavar="FILE", help="- for standard input")
    add_storing_options(command)
    command.set_defaults(run=_import, wrong_use=command.error)


def _import(arguments: argparse.Namespace) -> int:
    faults = Faults()
    found = list(read_accounts(arguments.file, faults))
    wired = wiring(arguments)
    secret = secret_name(wired, arguments.secret)
    own = wired.policy_file().providers
    places = {it.entry.name: it.secret for it in stored(wired)}
    new = list[Found]()
    for where, entry in found:
        raw = entry.get("name")
        name = canonical_name(raw) if isinstance(raw, str) else ""
        if name and name in places:
            err.print(
                sanitize(f"{where}: {name} is in the secret {places[name]}: left alone", "dim")
            )
        else:
            new.append(Found(where, entry))
    check_accounts(own, new, faults)
    if faults:
        print_faults(faults)
        raise CommandError("Nothing was stored: mend the file, and import it again.")
    if not new:
        out.print("There is nothing new to store.")
        return 0
    for _, entry in new:
        below = f", alert below {entry['alert_below']}" if "alert_below" in entry else ""
        out.print(sanitize(f"{entry['name']}: {provider_of(entry)}{below}"))
    number = counted(len(new), "account")
    if not arguments.yes and (arguments.file == "-" or not can_ask()):
        arguments.wrong_use("there is nobody to ask: add --yes")
    if not arguments.yes and not confirm(f"Store {number} in {secret}?", default=True):
        out.print("Nothing was stored.")
        return 1
    store(wired, secret, [entry for _, entry in new])
    them = "it" if len(new) == 1 else "them"
    out.print(f"Stored {number}. `balance-watch check` reads {them} now.")
    return 0
