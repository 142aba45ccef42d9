"""Shows what `balance-watch providers try` asked, was sent and read, with the keys masked."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
from rich.table import Table
from rich.text import Text

from balance_watch.cli.provider_trial import Trial
from balance_watch.cli.terminal import out, sanitize
from balance_watch.domain.account import Account
from balance_watch.domain.formatting import digits, with_unit
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading, Unlimited
from balance_watch.providers.masking import contains_split_key, mask_addresses, mask_keys
from balance_watch.providers.reply_spec import ReplyPaths
from balance_watch.transport import Reply, Request
from balance_watch.validation import Json

_MAX_LINES = 40
_HINTS = {
    "text, not a number": 'See numbers = "text", or "grouped text" if there are commas.',
    "TRUSTED_HOSTS": "To allow it: TRUSTED_HOSTS=host:port, exactly as in the address above.",
}
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_TOKENS = ("access_token", "refresh_token", "id_token")
"""Fields of a reply whose value is as good as a key (RFC 6749, section 5.1)."""
_YES_NO: Mapping[bool | None, str] = {True: "yes", False: "no"}


def show(trial: Trial) -> None:
    """Prints a trial for people."""
    for request, reply in trial.exchanges:
        _show_request(request, trial.account)
        if reply is not None:
            _show_reply(reply, trial.account)
    if isinstance(trial.result, ReadFailure):
        _show_failure(trial.result)
    elif isinstance(trial.result, Unlimited):
        out.print(Text("Result", style="bold green") + Text("  no limit, so nothing can run out"))
    else:
        _show_reading(trial.result, trial.spec.reply)


def as_json(trial: Trial) -> dict[str, Any]:
    """Returns a trial as JSON."""
    reading = trial.result if isinstance(trial.result, Reading) else None
    failure = trial.result if isinstance(trial.result, ReadFailure) else None
    return {
        "requests": [_lines(request, trial.account) for request, _ in trial.exchanges],
        "replies": [
            reply and {"status": reply.status, "body": _body(reply, trial.account)}
            for _, reply in trial.exchanges
        ],
        "balance": digits(reading.balance) if reading else None,
        "currency": reading.currency if reading else None,
        "unlimited": isinstance(trial.result, Unlimited),
        "facts": _facts(reading) if reading else None,
        "failure": failure and {"kind": failure.kind.value, "message": failure.message},
    }


def _show_request(request: Request, account: Account) -> None:
    out.print("Request", style="bold")
    for line in _lines(request, account):
        out.print(sanitize(f"  {line}"), soft_wrap=True)


def _lines(request: Request, account: Account) -> list[str]:
    """Writes a request as it is sent, with its keys masked."""
    query = f"{'&' if '?' in request.url else '?'}{urlencode(request.query)}"
    lines = [f"{request.method} {request.url}{query if request.query else ''}"]
    lines += [f"{name}: {_header(name, value)}" for name, value in request.headers.items()]
    if request.json is not None:
        lines += ["", json.dumps(request.json, ensure_ascii=False)]
    return [mask_keys(line, account) for line in lines]


def _header(name: str, value: str) -> str:
    """Masks the value of authentication that has a key, however short, or a token made for it."""
    scheme = value.partition(" ")[0]
    is_whole_key = name == "Authorization" and scheme in ("Basic", "Bearer")
    return f"{scheme} ***" if is_whole_key else value


def _show_reply(reply: Reply, account: Account) -> None:
    content_type = mask_keys(reply.header("content-type") or "no content type", account)
    heading = Text("Reply", style="bold")
    out.print(heading + sanitize(f"  {reply.status}, {content_type}", "dim"))
    lines = _body(reply, account).splitlines()
    for line in lines[:_MAX_LINES]:
        out.print(sanitize(f"  {line}"), soft_wrap=True)
    if len(lines) > _MAX_LINES:
        out.print(f"  … and {len(lines) - _MAX_LINES} more lines", style="dim")


def _body(reply: Reply, account: Account) -> str:
    """Writes a body with its keys and e-mail addresses masked.

    JSON is written over several lines, its numbers unchanged.
    """
    try:
        value = json.loads(reply.body, parse_float=Decimal, parse_int=Decimal)
        encoded = _ENCODER.encode(_masked(value, account))
        text = msgspec.json.format(encoded, indent=2).decode()
    except (ArithmeticError, ValueError, RecursionError):
        lines = reply.body.decode(errors="replace").splitlines()
        text = "\n".join(_without_secrets(line, account) for line in lines)
    if contains_split_key(text, account):
        return "(The reply repeats a key, in pieces, so it is not shown.)"
    return text


def _masked(value: Json, account: Account) -> Json:
    if isinstance(value, Mapping):
        return {
            mask_keys(name, account): "***" if name in _TOKENS else _masked(inner, account)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner, account) for inner in value]
    if isinstance(value, Decimal):
        return value if mask_keys(f"{value}", account) == f"{value}" else "***"
    return _without_secrets(value, account) if isinstance(value, str) else value


def _without_secrets(text: str, account: Account) -> str:
    return mask_addresses(mask_keys(text, account))


def _show_failure(failure: ReadFailure) -> None:
    heading = "Not reached" if failure.kind is FailureKind.UNREACHABLE else "Not read"
    message = sanitize(f"  {failure.kind.words}: {failure.message}")
    out.print(Text(heading, style="bold red") + message, soft_wrap=True)
    for words, hint in _HINTS.items():
        if words in failure.message:
            out.print(hint, style="dim", soft_wrap=True)


def _show_reading(reading: Reading, paths: ReplyPaths) -> None:
    out.print("Result", style="bold green")
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in _facts(reading).items():
        if fact is not None:
            table.add_row(name, sanitize(fact))
        elif getattr(paths, name, None) is not None:
            table.add_row(name, Text("not in the reply", style="yellow"))
    out.print(table)


def _facts(reading: Reading) -> dict[str, str | None]:
    """Writes what was read, by the names of the specification; None if it is unknown."""
    unit, auto_reload = reading.currency, reading.auto_reload
    return {
        "balance": with_unit(reading.balance, unit),
        "credits": digits(reading.credits),
        "points": digits(reading.points),
        "provider_flag": _YES_NO.get(reading.provider_flag),
        "provider_threshold": _money(reading.provider_threshold, unit),
        "auto_reload": _YES_NO.get(auto_reload.enabled) if auto_reload else None,
        "auto_reload_threshold": _money(auto_reload.threshold, unit) if auto_reload else None,
        "auto_reload_amount": _money(auto_reload.amount, unit) if auto_reload else None,
        "provider_time": _time(reading.provider_time),
        "resets_at": _time(reading.resets_at),
        "credit_limit": _money(reading.credit_limit, unit),
        "expires_at": _time(reading.expires_at),
        "status": reading.status,
    }


def _money(amount: Decimal | None, unit: str) -> str | None:
    return None if amount is None else with_unit(amount, unit)


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
