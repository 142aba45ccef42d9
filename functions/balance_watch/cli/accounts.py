"""`balance-watch accounts`: lists the accounts of the secrets, tries, removes and tops one up."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from balance_watch.cli import account_adding, account_import
from balance_watch.cli.account_questions import amount
from balance_watch.cli.account_storing import Stored, parsed, provider_of, stored
from balance_watch.cli.connection import no_such_account, wiring
from balance_watch.cli.grid import Column, Folds, Grid
from balance_watch.cli.questions import can_ask, confirm
from balance_watch.cli.terminal import (
    Subparsers,
    err,
    is_pipe,
    out,
    pipe_help,
    print_faults,
    print_json,
    print_rows_for_pipe,
    sanitize,
)
from balance_watch.cli.trial_read import show_result, trial_read
from balance_watch.config.loading import Configuration
from balance_watch.config.secret_text import (
    NotEditableError,
    entries_of,
    with_purchase,
    without_entry,
)
from balance_watch.config.secret_writing import update_secret
from balance_watch.domain.account import Account, canonical_name
from balance_watch.domain.formatting import digits, iso_time
from balance_watch.domain.reading import ReadFailure
from balance_watch.errors import CommandError
from balance_watch.providers.spec import Spec
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring

_LIST = "list the accounts of the secrets; add, try, remove or import some"
_PIPE_COLUMNS = {
    "account": "its name",
    "provider": "its slug",
    "alert_below": "its threshold",
    "labels": "NAME=VALUE, with a comma between two",
    "secret": "the secret that it is in",
    "enabled": "yes or no",
}


def add_commands(commands: Subparsers) -> None:
    """Adds `accounts`."""
    command = commands.add_parser(
        "accounts",
        help=_LIST,
        description=_LIST.capitalize() + ".",
        epilog=pipe_help("an account", _PIPE_COLUMNS),
    )
    command.add_argument("--json", action="store_true", help="print the list as JSON")
    command.set_defaults(run=_list)
    actions = command.add_subparsers(title="actions", metavar="ACTION")
    account_adding.add_action(actions)
    tried = actions.add_parser("try", help="read an account once; nothing is stored or sent")
    tried.add_argument("account", metavar="NAME", type=canonical_name)
    tried.set_defaults(run=_try)
    remove = actions.add_parser("remove", help="take an account out of its secret")
    remove.add_argument("account", metavar="NAME", type=canonical_name)
    remove.add_argument("--yes", action="store_true", help="do not ask")
    remove.set_defaults(run=_remove, wrong_use=remove.error)
    credit = actions.add_parser(
        "credit", help="add what was paid for an account whose provider tells only costs"
    )
    credit.add_argument("account", metavar="NAME", type=canonical_name)
    credit.add_argument("amount", metavar="AMOUNT", type=amount)
    credit.add_argument("--paid-at", metavar="DATE", help="a date or a time; default: today")
    credit.add_argument("--expires-at", metavar="DATE", help="a date or a time")
    credit.set_defaults(run=_credit)
    account_import.add_action(actions)


def _list(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    configuration = wired.load()
    print_faults(configuration.faults)
    rows = list(_rows(configuration))
    if arguments.json:
        print_json(rows)
        return 0
    if not rows:
        (err if is_pipe() else out).print(
            "There are no accounts yet: `balance-watch accounts add`."
        )
    if is_pipe():
        print_rows_for_pipe(_PIPE_COLUMNS, map(_fields, rows))
    elif rows:
        out.print(_table(rows, configuration.prefix))
    return 0


def _table(rows: Iterable[dict[str, Any]], prefix: str) -> Grid:
    """Draws the accounts; where there is no room, without the secret, the labels, the provider.

    Args:
        rows: the accounts.
        prefix: what the name of every secret begins with, which is not shown.
    """
    lines = []
    for row in rows:
        fields = list(_fields(row))
        if fields.pop() == "no":
            fields[0] += " (disabled)"
        fields[-1] = fields[-1].removeprefix(prefix)
        lines.append([*map(sanitize, fields)])

    def column(place: int, name: str, share: float = 1.0) -> Column:
        cells = [it[place] for it in lines]
        return Column(name, lambda: cells, share=share, folds=Folds.IN_NAMES)

    account, provider = column(0, "account", 0.4), column(1, "provider", 0.25)
    below, labels, secret = column(2, "alert below"), column(3, "labels", 0.25), column(4, "secret")
    layouts = (
        (account, provider, below, labels, secret),
        (account, provider, below, labels),
        (account, provider, below),
        (account, below),
    )
    return Grid(lambda: iter(layouts))


def _fields(row: dict[str, Any]) -> tuple[str, ...]:
    """Returns the fields of an account, in the order of the columns for a pipe."""
    labels = ", ".join(f"{name}={value}" for name, value in row["labels"].items())
    enabled = "yes" if row["enabled"] else "no"
    texts = (row["account"], row["provider"], row["alert_below"], labels, row["secret"], enabled)
    return tuple(text or "" for text in texts)


def _rows(configuration: Configuration) -> Iterator[dict[str, Any]]:
    found = configuration.presence.accounts_of
    secrets = {name: configuration.prefix + own for own, names in found.items() for name in names}
    watched = ((account, True) for account, _ in configuration.accounts)
    for account, enabled in (*watched, *((it, False) for it in configuration.disabled)):
        yield {
            "account": account.name,
            "provider": account.provider,
            "secret": secrets.get(account.name),
            "enabled": enabled,
            "alert_below": digits(account.alert_below),
            "labels": dict(account.labels),
        }


def _find(wired: Wiring, name: str) -> tuple[Stored, list[str]]:
    """Returns an account, and the further secrets that have one of this name.

    Of several accounts of one name the first is watched, so that is the one.
    """
    every = list(stored(wired))
    found = [it for it in every if it.entry.name == name]
    if not found:
        raise no_such_account(name, filter(None, (it.entry.name for it in every)), "accounts")
    others = dict.fromkeys(it.secret for it in found if it.secret != found[0].secret)
    return found[0], list(others)


def _try(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    account, spec = _watched(wired, arguments.account)
    result = trial_read(wired, spec, account)
    show_result(account, spec, result)
    return 1 if isinstance(result, ReadFailure) else 0


def _watched(wired: Wiring, name: str) -> tuple[Account, Spec]:
    configuration = wired.load()
    watched = {account.name: (account, spec) for account, spec in configuration.accounts}
    if name not in watched:
        print_faults([fault for fault in configuration.faults if f"account {name}" in fault])
        raise no_such_account(name, watched, "accounts")
    return watched[name]


def _remove(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    name = arguments.account
    (secret, entry), others = _find(wired, name)
    out.print(sanitize(f"{name} ({provider_of(entry.value)}) in the secret {secret}"))
    if not arguments.yes:
        if not can_ask():
            arguments.wrong_use("there is nobody to ask: scripts need --yes")
        if not confirm("Remove it? Its history stays, its alerts end without a message."):
            out.print("Nothing was changed.")
            return 1

    def change(text: str | None) -> str:
        if text is None:
            raise CommandError(f"The secret {secret} is gone: nothing was changed.")
        return without_entry(text, name)

    update_secret(wired.client("secretsmanager"), secret, change)
    if others:
        text = f"Removed. Another {name} is in the secret {', '.join(others)}: it is watched now."
    else:
        text = f"Removed: the next check leaves {name} out."
    out.print(sanitize(text))
    return 0


def _credit(arguments: argparse.Namespace) -> int:
    wired = wiring(arguments)
    name, amount = arguments.account, Decimal(arguments.amount)
    (secret, _), _ = _find(wired, name)
    own = wired.policy_file().providers
    paid_at = arguments.paid_at or iso_time(datetime.now(UTC))
    purchase = {"amount": str(amount), "paid_at": paid_at}
    if arguments.expires_at:
        purchase["expires_at"] = arguments.expires_at

    def change(text: str | None) -> str:
        if text is None:
            raise CommandError(f"The secret {secret} is gone: nothing was changed.")
        return _with_valid_purchase(own, text, name, purchase)

    update_secret(wired.client("secretsmanager"), secret, change)
    out.print(sanitize(f"Added {amount} to {name}: the next check tells it as a top-up."))
    return 0


def _with_valid_purchase(
    own: Mapping[str, Spec], text: str, name: str, purchase: dict[str, str]
) -> str:
    """Returns the text with the purchase; raises CommandError if the account is invalid with it."""
    try:
        changed = with_purchase(text, name, purchase)
    except NotEditableError as error:
        raise CommandError(f"The secret {error}: nothing was changed.") from None
    entry = next(it.value for it in entries_of(changed) if it.name == name)
    faults = Faults()
    parsed(own, entry, faults)
    if faults:
        raise CommandError(f"{faults[0]}: nothing was changed.")
    return changed
