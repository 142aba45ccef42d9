"""Where accounts are stored: which secret has which account, and how one is added."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from balance_watch.cli.provider_search import hint
from balance_watch.config.accounts import WatchedAccount, parse_account
from balance_watch.config.secret_text import (
    Entry,
    NotEditableError,
    as_text,
    entries_of,
    with_entry,
)
from balance_watch.config.secret_writing import update_secret
from balance_watch.config.sources import is_ours
from balance_watch.domain.account import canonical_name
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import exact_json
from balance_watch.providers.registry import find_spec, resolve
from balance_watch.providers.spec import Spec
from balance_watch.validation import NOT_UNICODE, Faults
from balance_watch.wiring import Wiring


def add_storing_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a command that stores accounts: into which secret, without asking."""
    parser.add_argument(
        "--secret",
        metavar="NAME",
        default="accounts",
        help="accounts, which is the default, or accounts/ANYTHING",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


class Stored(NamedTuple):
    """An account as a secret has it: the secret's name, and the account's entry in it."""

    secret: str
    entry: Entry


def stored(wired: Wiring) -> Iterator[Stored]:
    """Yields the accounts of every secret that is valid JSON, with a fault or without."""
    prefix = wired.settings.secrets_prefix
    for name, text in wired.secrets().texts.items():
        own = name.removeprefix(prefix)
        if own == "accounts" or own.startswith("accounts/"):
            try:
                yield from (Stored(name, entry) for entry in entries_of(text))
            except NotEditableError:
                continue


def secret_name(wired: Wiring, text: str) -> str:
    """Returns the whole name of a secret for accounts."""
    prefix = wired.settings.secrets_prefix
    name = text if text.startswith(prefix) else prefix + text
    own = name.removeprefix(prefix)
    if not is_ours(name, prefix) or own.partition("/")[0] != "accounts" or own.endswith("/"):
        raise CommandError(
            f"A secret of accounts is named accounts or accounts/ANYTHING, not {own}."
        )
    return name


def provider_of(entry: Mapping[str, Any]) -> str:
    """Returns what people call the provider of an entry: its slug, if it has one."""
    provider = entry.get("provider")
    return provider if isinstance(provider, str) else "a provider of its own"


def parsed(
    own: Mapping[str, Spec], entry: Mapping[str, Any], faults: Faults
) -> WatchedAccount | None:
    """Returns an account as the function parses it; None after adding its faults.

    Args:
        own: the providers of the policy, by slug.
        entry: the account, as a secret has it.
        faults: gets every fault.
    """

    def find(provider: str | Mapping[str, object], where: str, faults: Faults) -> Spec | None:
        if isinstance(provider, str) and find_spec(provider, own) is None:
            problem = "provider is neither in the catalogue nor in the policy"
            faults.add(where, f"{problem}. {hint(provider, own)}")
            return None
        return resolve(own, provider, where, faults)

    place = f"account {entry.get('name')}"
    try:
        text = as_text(entry)
    except UnicodeEncodeError:
        faults.add(place, NOT_UNICODE)
        return None
    return parse_account(exact_json(text, any_number=True), place, find, faults)


def store(wired: Wiring, secret: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Adds accounts to a secret, which is made if there is none.

    Raises:
        CommandError: the secret is no accounts secret, or has an account of such a name.
    """

    def change(before_it: str | None) -> str:
        text = before_it
        try:
            before = set() if text is None else {it.name for it in entries_of(text)}
            for entry in entries:
                name = canonical_name(str(entry["name"]))
                if name in before:
                    raise CommandError(f"The secret {secret} has an account {name} already.")
                text = with_entry(text, entry)
        except NotEditableError as error:
            raise CommandError(
                f"The secret {secret} {error}: mend it, or use another one."
            ) from None
        return text or '{"accounts": []}\n'

    update_secret(wired.client("secretsmanager"), secret, change)
