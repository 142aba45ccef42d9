"""`balance-watch accounts add`: asks what an account needs, reads it once, and stores it."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from balance_watch.cli.account_questions import (
    NO_THRESHOLD,
    account_name,
    amount,
    ask_for_threshold_and_labels,
    asked_entry,
    chosen_provider,
    credentials_in,
    pair,
    show_needs,
    threshold,
)
from balance_watch.cli.account_storing import (
    add_storing_options,
    parsed,
    secret_name,
    store,
    stored,
)
from balance_watch.cli.connection import wiring
from balance_watch.cli.questions import ask_until, can_ask, confirm
from balance_watch.cli.terminal import Subparsers, err, out, print_faults, sanitize
from balance_watch.cli.trial_read import show_result, trial_read
from balance_watch.domain.account import Account, canonical_name
from balance_watch.domain.reading import ReadFailure
from balance_watch.errors import CommandError
from balance_watch.providers.spec import Spec
from balance_watch.validation import Faults
from balance_watch.wiring import Wiring


def add_action(actions: Subparsers) -> None:
    """Adds `accounts add`."""
    add = actions.add_parser(
        "add",
        help="add an account, step by step",
        description="Asks for the provider and the keys, reads the balance once, proposes a"
        " threshold, and stores the account. Every answer can be given as an option instead; keys"
        " only in a file or on standard input.",
    )
    add.add_argument("account", nargs="?", metavar="NAME", type=canonical_name)
    add.add_argument("--provider", metavar="SLUG", help="see `balance-watch providers`")
    add.add_argument(
        "--credentials",
        metavar="FILE",
        help='JSON such as {"api_key": "…"}, or with more of the account; - for standard input',
    )
    add.add_argument(
        "--alert-below", metavar="AMOUNT", type=threshold, help=f"or the word {NO_THRESHOLD}"
    )
    for option, metavar, text in (
        ("--label", "NAME=VALUE", "a label; several are allowed"),
        ("--variable", "NAME=VALUE", "a variable of the provider's address"),
    ):
        add.add_argument(option, action="append", default=[], type=pair, metavar=metavar, help=text)
    add.add_argument("--base-url", metavar="URL", help="a gateway in place of the provider's host")
    add.add_argument("--currency", metavar="CODE", help="the unit of the balance")
    add.add_argument("--auth", metavar="WAY", help="another way to authenticate")
    declared = add.add_mutually_exclusive_group()
    declared.add_argument("--credit", metavar="AMOUNT", type=amount, help="what was paid")
    declared.add_argument(
        "--budget", metavar="AMOUNT", type=amount, help="what may be spent a month"
    )
    add.add_argument("--paid-at", metavar="DATE", help="when it was paid; default: today")
    add_storing_options(add)
    add.set_defaults(run=_add, wrong_use=add.error)


def _add(arguments: argparse.Namespace) -> int:
    asks = can_ask() and arguments.credentials != "-"
    if not asks:
        _require(arguments)
    given = {} if arguments.credentials is None else credentials_in(arguments.credentials)
    wired = wiring(arguments)
    secret = secret_name(wired, arguments.secret)
    own = wired.policy_file().providers
    slug, spec = chosen_provider(arguments.provider, own)
    show_needs(slug, spec)
    name = arguments.account or ask_until("Name of the account", account_name, slug)
    _check_is_new(wired, name)
    entry = asked_entry(arguments, given, name, slug, spec, asks=asks)
    account, spec = _valid(own, entry)
    result = trial_read(wired, spec, account)
    show_result(account, spec, result)
    if isinstance(result, ReadFailure) and not _keeps_unreadable(asks=asks, yes=arguments.yes):
        out.print("Nothing was stored.")
        return 1
    ask_for_threshold_and_labels(arguments, entry, result, asks=asks)
    _valid(own, entry)
    _show_entry(entry, secret)
    if not arguments.yes and not confirm("Store it?", default=True):
        out.print("Nothing was stored.")
        return 1
    store(wired, secret, [entry])
    out.print(sanitize(f"Stored. The next check reads {name}."))
    out.print(
        "Now: balance-watch check   To hear an alert: balance-watch channels test", style="dim"
    )
    return 0


def _require(arguments: argparse.Namespace) -> None:
    """Ends with wrong use if somebody has to be asked, and nobody is there."""
    needed = {
        "NAME": arguments.account,
        "--provider": arguments.provider,
        "--credentials": arguments.credentials,
        "--yes": arguments.yes,
    }
    if missing := [name for name, value in needed.items() if not value]:
        arguments.wrong_use(f"there is nobody to ask: add {', '.join(missing)}")


def _check_is_new(wired: Wiring, name: str) -> None:
    for secret, entry in stored(wired):
        if entry.name == name:
            raise CommandError(f"There is an account {name} already, in the secret {secret}.")


def _valid(own: Mapping[str, Spec], entry: Mapping[str, Any]) -> tuple[Account, Spec]:
    faults = Faults()
    watched = parsed(own, entry, faults)
    if watched is None:
        print_faults(faults)
        raise CommandError("Nothing was stored.")
    return watched


def _keeps_unreadable(*, asks: bool, yes: bool) -> bool:
    """Returns whether to store an account that cannot be read."""
    return asks and not yes and confirm("Store it all the same?")


def _show_entry(entry: Mapping[str, Any], secret: str) -> None:
    hidden = {**entry, "credentials": dict.fromkeys(entry["credentials"], "…")}
    err.print(sanitize(f"Into the secret {secret}:", "dim"))
    err.print(sanitize(json.dumps(hidden, ensure_ascii=False)), soft_wrap=True)
