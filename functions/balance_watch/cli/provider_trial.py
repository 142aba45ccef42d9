"""`balance-watch providers try`: one provider asked once, with all that was sent and understood."""

import json
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from rich.table import Table
from rich.text import Text

from balance_watch.cli.terminal import digits, err, out, print_json, sanitize
from balance_watch.config.accounts import parse_secrets
from balance_watch.config.policy import SECTIONS, parse_policy
from balance_watch.config.settings import trusted_hosts
from balance_watch.domain.account import Account
from balance_watch.domain.money import with_unit
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, ReadResult, Unlimited
from balance_watch.errors import CommandError
from balance_watch.providers.client import ATTEMPT_SECONDS
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.masking import contains_split_key, mask_keys
from balance_watch.providers.registry import catalogue_clashes, catalogue_provider, current_slug
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import convert_spec
from balance_watch.transport import Reply, Request, Transport, TransportError
from balance_watch.validation import Faults, NotExactError, exact_json, exact_toml

_LINES = 40
_HINTS = {
    "text, not a number": 'See numbers = "text", or "grouped text" where there are commas.',
    "TRUSTED_HOSTS": "TRUSTED_HOSTS=host:port, exactly as in the address above, lets it through.",
}
_JSON = msgspec.json.Encoder(decimal_format="number")
_WHOLE = 'What else an account has stands beside: {"credentials": {…}, "variables": {…}}'


def try_out(what: str, credentials: str, chosen: str | None, *, as_json: bool) -> int:
    """Asks a provider once and shows request, reply and what it means; returns 0 if understood.

    Args:
        what: a file with a specification, or with a policy that has some; or a catalogue's slug.
        credentials: a file with JSON, credentials or a whole account.
        chosen: which provider of a policy.
        as_json: print one JSON document instead.
    """
    spec, account = _account(*_named(what, chosen), credentials)
    exchanged, outcome = _exchanged(spec, account)
    if as_json:
        print_json(_as_json(exchanged, outcome, account))
    else:
        for request, reply in exchanged:
            _show_request(request, account)
            if reply is not None:
                _show_reply(reply, account)
        _show_outcome(outcome, spec)
    return 1 if isinstance(outcome, ReadFailure) else 0


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8 text.") from None


def _named(what: str, chosen: str | None) -> tuple[str, Spec]:
    """The provider and its name, from a file or from the catalogue."""
    known = None if Path(what).is_file() else catalogue_provider(what)
    if known is not None:
        return current_slug(what), known
    if what != "-" and not Path(what).is_file():
        raise CommandError(f"{what} is neither a file nor a provider of the catalogue.")
    text, faults = _read(what), Faults()
    found = _in_json(text, faults) if text.lstrip().startswith("{") else None
    table = exact_toml(text, what, faults) if found is None and not faults else None
    if table is not None and set(table) & set(SECTIONS):
        found = _of_policy(text, chosen, faults)
    elif table is not None:
        spec = convert_spec(table, what, faults)
        found = (spec.name, spec) if spec else None
    if found is None:
        for fault in faults:
            err.print(sanitize(fault))
        raise CommandError(f"{what} is not in order.")
    return found


def _in_json(text: str, faults: Faults) -> tuple[str, Spec] | None:
    try:
        spec = convert_spec(exact_json(text), "provider", faults)
    except NotExactError as error:
        faults.add("provider", str(error))
        return None
    return (spec.name, spec) if spec else None


def _of_policy(text: str, chosen: str | None, faults: Faults) -> tuple[str, Spec] | None:
    given = parse_policy(text, "policy", faults)
    faults += catalogue_clashes(given.providers) if given else []
    if given is None or faults:
        return None
    wanted = {chosen} if chosen else set(given.providers)
    found = [(slug, spec) for slug, spec in given.providers.items() if slug in wanted]
    if len(found) == 1:
        return found[0]
    if not given.providers:
        faults.add("policy", "has no [[providers]] to try")
        return None
    there = ", ".join(given.providers)
    faults.add("policy providers", f"choose one by --provider; there is {there}")
    return None


def _account(name: str, spec: Spec, file: str) -> tuple[Spec, Account]:
    """The account that the credentials make, checked as a secret's is."""
    given = _one(file)
    bare = "credentials" not in given
    entry = {"credentials": given} if bare else given
    secret = {"accounts": [{**entry, "name": "it", "provider": name}]}
    found = parse_secrets({"accounts": json.dumps(secret)}, "", lambda *_: spec, Faults())
    if not found.accounts:
        for fault in found.faults:
            err.print(sanitize(re.sub("^secret accounts, account it[:,] ", "", fault)))
        if bare and any("variables" in fault or "base_url" in fault for fault in found.faults):
            err.print(_WHOLE)
        raise CommandError(f"{file}: the credentials are not in order.")
    account, placed = found.accounts[0]
    return placed, account


def _one(file: str) -> dict[str, Any]:
    """The keys, or the one account, that a file holds."""
    try:
        given = json.loads(_read(file))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{file} is not JSON ({where}).") from None
    if isinstance(given, dict) and isinstance(given.get("accounts"), list):
        if len(given["accounts"]) != 1:
            raise CommandError(f"{file} holds several accounts, or none: leave one of them.")
        (given,) = given["accounts"]
    if not isinstance(given, dict):
        raise CommandError(f"{file} must be a JSON object: the keys, or one account.")
    return given


def _exchanged(
    spec: Spec, account: Account
) -> tuple[list[tuple[Request, Reply | None]], ReadResult]:
    """Asks, and returns each request with its reply, and what came of it."""
    transport, now = Transport(trusted_hosts()), datetime.now(UTC).replace(microsecond=0)
    ends = time.monotonic() + ATTEMPT_SECONDS
    exchanged: list[tuple[Request, Reply | None]] = []

    def exchange(request: Request) -> Reply:
        exchanged.append((request, None))
        reply = transport.exchange(request, timeout=max(0.001, ends - time.monotonic()))
        exchanged[-1] = request, reply
        return reply

    try:
        return exchanged, run_flow(flow_for(spec, account, now, now), exchange)
    except TransportError as error:
        return exchanged, ReadFailure(error.kind, error.message)
    except Exception as error:  # noqa: BLE001 (as a run takes it)
        text = f"The reply could not be handled ({type(error).__name__})."
        return exchanged, ReadFailure(FailureKind.MALFORMED, text)


def _lines(request: Request, account: Account) -> list[str]:
    """A request as it goes out, but for the keys."""
    query = f"{'&' if '?' in request.url else '?'}{urlencode(request.query)}"
    lines = [f"{request.method} {request.url}{query if request.query else ''}"]
    lines += [f"{name}: {_header(name, value)}" for name, value in request.headers.items()]
    if request.json is not None:
        lines += ["", json.dumps(request.json, ensure_ascii=False)]
    return [mask_keys(line, account) for line in lines]


def _header(name: str, value: str) -> str:
    """A header's value; what Basic encodes is a key in any case."""
    basic = name == "Authorization" and value.startswith("Basic ")
    return "Basic ***" if basic else value


def _show_request(request: Request, account: Account) -> None:
    out.print("Request", style="bold")
    for line in _lines(request, account):
        out.print(sanitize(f"  {line}"), soft_wrap=True)


def _show_reply(reply: Reply, account: Account) -> None:
    kind = reply.header("content-type") or "no content type"
    kind = mask_keys(kind, account)
    out.print(Text("Reply", style="bold") + sanitize(f"  {reply.status}, {kind}", "dim"))
    lines = _text(reply, account).splitlines()
    for line in lines[:_LINES]:
        out.print(sanitize(f"  {line}"), soft_wrap=True)
    if len(lines) > _LINES:
        out.print(f"  … and {len(lines) - _LINES} lines more", style="dim")


def _text(reply: Reply, account: Account) -> str:
    """A body without the keys; JSON over several lines, its numbers as they were written."""
    try:
        value = json.loads(reply.body, parse_float=Decimal, parse_int=Decimal)
        encoded = _JSON.encode(_masked(value, account))
        text = msgspec.json.format(encoded, indent=2).decode()
    except (ArithmeticError, ValueError, RecursionError):
        lines = reply.body.decode(errors="replace").splitlines()
        text = "\n".join(mask_keys(line, account) for line in lines)
    return (
        "(It repeats a key, in pieces, and is not shown.)"
        if contains_split_key(text, account)
        else text
    )


def _masked(value: Any, account: Account) -> Any:  # noqa: ANN401 (whatever JSON holds)
    if isinstance(value, Mapping):
        return {mask_keys(name, account): _masked(inner, account) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, account) for inner in value]
    if isinstance(value, Decimal):
        return value if mask_keys(f"{value}", account) == f"{value}" else "***"
    return mask_keys(value, account) if isinstance(value, str) else value


def _show_outcome(outcome: ReadResult, spec: Spec) -> None:
    if isinstance(outcome, ReadFailure):
        told = f"{outcome.kind.words}: {outcome.message}"
        head = "Not reached" if outcome.kind is FailureKind.UNREACHABLE else "Not understood"
        out.print(Text(head, style="bold red") + sanitize(f"  {told}"), soft_wrap=True)
        for words, hint in _HINTS.items():
            if words in outcome.message:
                out.print(hint, style="dim", soft_wrap=True)
        return
    if isinstance(outcome, Unlimited):
        out.print(Text("Understood", style="bold green") + Text("  no limit to run into"))
        return
    out.print("Understood", style="bold green")
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(outcome).items():
        path = getattr(spec.reply, name, None)
        found = sanitize(value) if value is not None else Text("not in the reply", style="yellow")
        if value is not None or path is not None:
            table.add_row(name, found)
    out.print(table)


def _facts(reading: Reading) -> dict[str, str | None]:
    """What was read, by the names of the specification."""
    unit, auto = reading.currency, reading.auto_reload
    threshold, amount = (auto.threshold, auto.amount) if auto else (None, None)

    def money(value: Decimal | None) -> str | None:
        return None if value is None else with_unit(value, unit)

    def word(value: bool | None) -> str | None:  # noqa: FBT001 (a fact, no switch)
        return None if value is None else ("yes" if value else "no")

    return {
        "balance": money(reading.balance),
        "credits": digits(reading.credits),
        "points": digits(reading.points),
        "provider_flag": word(reading.provider_flag),
        "provider_threshold": money(reading.provider_threshold),
        "auto_reload": word(auto.enabled if auto else None),
        "auto_reload_threshold": money(threshold),
        "auto_reload_amount": money(amount),
        "provider_time": _moment(reading.provider_time),
        "resets_at": _moment(reading.resets_at),
        "status": reading.status,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _as_json(
    exchanged: list[tuple[Request, Reply | None]], outcome: ReadResult, account: Account
) -> dict[str, Any]:
    reading = outcome if isinstance(outcome, Reading) else None
    failure = outcome if isinstance(outcome, ReadFailure) else None
    return {
        "requests": [_lines(request, account) for request, _ in exchanged],
        "replies": [
            reply and {"status": reply.status, "body": _text(reply, account)}
            for _, reply in exchanged
        ],
        "balance": digits(reading.balance) if reading else None,
        "currency": reading.currency if reading else None,
        "unlimited": isinstance(outcome, Unlimited),
        "facts": _facts(reading) if reading else None,
        "failure": failure and {"kind": failure.kind.value, "message": failure.message},
    }
