"""The questions of `accounts add`: which provider, which keys, what was paid, which threshold."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from balance_watch.cli.provider_search import describe_number, find_provider, search, unit_of
from balance_watch.cli.questions import ask, ask_hidden, ask_until, confirm
from balance_watch.cli.terminal import err, print_wrapped, read_text, sanitize
from balance_watch.config.accounts import ACCOUNT_NAME, is_account_name
from balance_watch.domain.account import canonical_name
from balance_watch.domain.formatting import with_unit
from balance_watch.domain.money import NotAnAmountError, exact
from balance_watch.domain.reading import Reading, ReadResult
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import NotExactError, exact_json
from balance_watch.providers.spec import Spec

NO_THRESHOLD = "none"
_SHOWN = 12
"""So many providers of a search are shown."""


def amount(text: str) -> str:
    """Returns an amount of more than 0 as it is written, for argparse."""
    try:
        if exact(text.strip()) > 0:
            return text.strip()
    except NotAnAmountError:
        pass
    raise argparse.ArgumentTypeError("must be a number of more than 0")


def pair(text: str) -> tuple[str, str]:
    """Returns name and value of NAME=VALUE, for argparse."""
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name.strip(), value.strip()


def chosen_provider(name: str | None, own: Mapping[str, Spec]) -> tuple[str, Spec]:
    """Returns the provider of a slug with its specification; asks for it if there is no slug.

    Args:
        name: the slug.
        own: the providers of the policy, by slug.
    """
    if name is not None:
        return find_provider(name, own)
    return ask_until("Provider (a part of its name)", lambda word: _chosen(word, own))


def _chosen(word: str, own: Mapping[str, Spec]) -> tuple[str, Spec]:
    """Returns the provider of an exact slug, or the one that is chosen among those found."""
    found = search(word, own)
    exact_one = [it for it in found if it[0] == word.lower()]
    if len(exact_one) == 1:
        return exact_one[0]
    if not found:
        return find_provider(word, own)
    for number, (slug, spec) in enumerate(found[:_SHOWN], 1):
        shown = sanitize(f"{number:3}  {slug}: {spec.name}, {describe_number(spec)}")
        print_wrapped(shown, hang=len("  1  "), console=err)
    if len(found) > _SHOWN:
        err.print(f"     … and {len(found) - _SHOWN} more: type more of the name", style="dim")
    if len(found) == 1 and confirm(f"Is it {found[0][0]}?", default=True):
        return found[0]
    answer = ask("Its number, or a part of its name")
    if answer.isdecimal() and 1 <= int(answer) <= min(len(found), _SHOWN):
        return found[int(answer) - 1]
    return _chosen(answer, own)


def show_needs(slug: str, spec: Spec) -> None:
    """Shows what a provider's number is, which key it takes, and where that is documented."""
    err.print(
        sanitize(f"{spec.name} ({slug}): {describe_number(spec)}, in {unit_of(spec)}", "bold")
    )
    if spec.key:
        err.print(sanitize(f"It takes {spec.key}.", "yellow"))
    if spec.docs:
        err.print(sanitize(spec.docs, "dim"), soft_wrap=True)


def account_name(text: str) -> str:
    """Returns an account's name in its one form; raises ValueError for one that none can have."""
    if not is_account_name(text):
        raise ValueError(f"A name {ACCOUNT_NAME}.")
    return canonical_name(text)


def asked_entry(
    arguments: argparse.Namespace,
    given: Mapping[str, Any],
    name: str,
    slug: str,
    spec: Spec,
    *,
    asks: bool,
) -> dict[str, Any]:
    """Returns the account as the secret has it, with what a read needs.

    Args:
        arguments: the answers that are given as options.
        given: what the file of `--credentials` has of it; empty without one.
        name: the account's name.
        slug: its provider.
        spec: the provider's specification.
        asks: whether somebody is there to answer.
    """
    entry: dict[str, Any] = {"name": name, "provider": slug}
    variables = {**given.get("variables", {}), **dict(arguments.variable)}
    for variable in spec.variables if asks else ():
        if variable not in variables:
            variables[variable] = ask_until(f"{variable}", _not_empty)
    entry |= {field: value for field, value in given.items() if field not in entry}
    if not given:
        entry["credentials"] = _credentials(arguments, spec, asks=asks)
    base_url = arguments.base_url or given.get("base_url")
    if base_url is None and asks and spec.url.startswith("/"):
        base_url = ask_until("Address of your gateway (https://…)", _not_empty)
    optional = {
        "variables": variables,
        "base_url": base_url,
        "currency": arguments.currency,
        "auth": arguments.auth,
        "labels": dict(arguments.label),
        **_declared(arguments, spec, asks=asks),
    }
    return entry | {field: value for field, value in optional.items() if value}


def _credentials(arguments: argparse.Namespace, spec: Spec, *, asks: bool) -> dict[str, str]:
    needed = spec.credentials(arguments.auth)
    if needed is None:
        ways = ", ".join(spec.auth_options) or "none"
        raise CommandError(f"{spec.name} has no way to authenticate of this name, but: {ways}.")
    return {name: ask_hidden(name) for name in needed} if asks else {}


def credentials_in(file: str) -> dict[str, Any]:
    """Returns what a file has of an account: its credentials, or more of it, as `try` takes it."""
    try:
        content = exact_json(read_text(file))
    except NotExactError as error:
        raise CommandError(f'{file} {error}: write the keys as {{"api_key": "…"}}.') from None
    if isinstance(content, dict) and all(
        isinstance(content.get(table, {}), dict) for table in ("credentials", "variables")
    ):
        if "credentials" in content:
            return content
        content = {"credentials": content}
    credentials = content.get("credentials") if isinstance(content, dict) else None
    if not isinstance(credentials, dict) or not all(
        isinstance(it, str) for it in credentials.values()
    ):
        raise CommandError(f'{file} must be a JSON object of texts, such as {{"api_key": "…"}}.')
    return {"credentials": credentials}


def _declared(arguments: argparse.Namespace, spec: Spec, *, asks: bool) -> dict[str, Any]:
    """Returns the credit or the budget of an account whose provider tells only costs."""
    credit, budget = arguments.credit, arguments.budget
    if spec.cost is None:
        if credit is not None or budget is not None:
            raise CommandError(f"{spec.name} tells the balance itself: it takes no such option.")
        return {}
    if asks and credit is None and budget is None:
        err.print(sanitize(f"{spec.name} tells what was spent, and not what is left."))
        answer = ask_until("What was paid (Enter: a monthly budget instead)", _maybe_amount)
        credit = answer or None
        if credit is None:
            hint = " (Enter: the limit set there)" if spec.cost.limit is not None else ""
            budget = ask_until(f"Budget of a month{hint}", _maybe_amount) or None
    if credit is not None:
        paid_at = arguments.paid_at or f"{datetime.now(UTC).date()}"
        if asks and arguments.paid_at is None:
            paid_at = ask("Paid on", paid_at)
        return {"credit": [{"amount": credit, "paid_at": paid_at}]}
    return {} if budget is None else {"budget": {"amount": budget, "per": "month"}}


def _maybe_amount(text: str) -> str:
    try:
        return amount(text) if text else ""
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"It {error}.") from None


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("It must not be empty.")
    return text


def ask_for_threshold_and_labels(
    arguments: argparse.Namespace, entry: dict[str, Any], result: ReadResult, *, asks: bool
) -> None:
    """Adds the threshold and the labels to an entry."""
    below = arguments.alert_below
    if below is None and asks and not arguments.yes:
        proposed = proposal(result)
        if isinstance(result, Reading):
            err.print(
                sanitize(
                    f"Proposed: a tenth of {with_unit(result.balance, result.currency)},"
                    " rounded down to one digit.",
                    "dim",
                )
            )
        question = f"Alert below (a number, or {NO_THRESHOLD})"
        below = ask_until(question, _threshold, proposed)
    if below is not None and below != NO_THRESHOLD:
        entry["alert_below"] = below
    if asks and not arguments.label and not arguments.yes:
        answer = ask_until("Labels, such as team=search (Enter: none)", _labels)
        if answer:
            entry["labels"] = answer


def proposal(result: ReadResult) -> str:
    """Returns a threshold for a balance: a tenth of it, with one digit; else none."""
    if not isinstance(result, Reading) or result.balance <= 0:
        return NO_THRESHOLD
    tenth = result.balance / 10
    unit = Decimal(1).scaleb(tenth.adjusted())
    return f"{exact(tenth // unit * unit):f}"


def threshold(text: str) -> str:
    """Returns a threshold as it is written, for argparse; raises ArgumentTypeError for another."""
    try:
        return _threshold(text.strip())
    except CommandError:
        raise argparse.ArgumentTypeError(f"must be a number, or {NO_THRESHOLD}") from None


def _threshold(text: str) -> str:
    if text == NO_THRESHOLD:
        return text
    try:
        exact(text)
    except NotAnAmountError:
        raise CommandError(f"A threshold is a number, or {NO_THRESHOLD}.") from None
    return text


def _labels(text: str) -> dict[str, str]:
    try:
        return dict(map(pair, text.split()))
    except argparse.ArgumentTypeError:
        raise ValueError("Write labels as NAME=VALUE, with a space between two.") from None
