"""Parses specifications from TOML or JSON, and finds the faults between their fields."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

from balance_watch.exact_parsing import exact_toml
from balance_watch.providers.cost_spec import RANGE_NAMES
from balance_watch.providers.spec import Auth, Spec
from balance_watch.validation import Faults, Json, convert, unknown

FAILURE_KINDS = (
    "key_rejected",
    "not_allowed",
    "out_of_credit",
    "rate_limited",
    "provider_error",
    "malformed",
)
"""The kinds that `failures` can have a condition for."""

_MODULES = files("balance_watch.providers") / "modules"
_MODULE = re.compile(r"[a-z]+(_[a-z]+)*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?")
_KEY_NAME = re.compile(
    r"(^|[-_])(authorization|key|apikey|token|secret|password|cookie)$", re.IGNORECASE
)
_MAX_DIGITS = 16


def parse_spec(text: str, where: str, faults: Faults) -> Spec | None:
    """Parses a specification in TOML; notes every fault, and returns None if there are any."""
    raw = exact_toml(text, where, faults)
    return None if raw is None else convert_spec(raw, where, faults)


def convert_spec(raw: object, where: str, faults: Faults) -> Spec | None:
    """Converts a table from TOML or JSON; notes every fault, and returns None if there are any."""
    before = len(faults)
    try:
        spec = convert(Spec, _with_whole_numbers(raw), where, faults)
        if spec is not None and len(faults) == before:
            for place, problem in (*_reply_faults(spec), *_request_faults(spec)):
                faults.add(f"{where}{place}", problem)
    except (ArithmeticError, RecursionError):
        faults.add(where, "has a number that is too long, or is nested too deep")
    return spec if len(faults) == before else None


def _with_whole_numbers(raw: Json) -> Json:
    """Turns whole Decimals into ints, as in TOML: exact JSON has every number as a Decimal."""
    if isinstance(raw, dict):
        return {name: _with_whole_numbers(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_with_whole_numbers(value) for value in raw]
    short = isinstance(raw, Decimal) and raw.is_finite() and raw.adjusted() < _MAX_DIGITS
    return int(raw) if short and raw == raw.to_integral_value() else raw


def _reply_faults(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields the faults between fields that are valid one by one, in how a reply is parsed."""
    reply = spec.reply
    if (spec.cost is not None) is not (spec.kind == "cost"):
        yield ", kind", "must be cost if there is a table cost, and only then"
    if spec.cost is None and not reply.balance.groups:
        yield "", "is missing reply.balance"
    if spec.cost is not None and reply.balance.groups:
        yield ", reply", "must be left out: the table cost says what is in a reply"
    of_cost = None if spec.cost is None else spec.cost.currency
    if spec.currency is None and reply.currency is None and of_cost is None:
        yield "", "must have a currency, or the path of one in reply"
    if reply.each is not None and reply.currency is None:
        yield ", reply", "must have a currency beside each, which is a list by currency"
    if not _is_scale(spec.scale):
        yield ", scale", "must be a number other than 0, of an ordinary size"
    for kind in spec.failures:
        if kind not in FAILURE_KINDS:
            yield ", failures", unknown("kind", kind, FAILURE_KINDS)
    if spec.module is not None and not _is_module(spec.module):
        yield ", module", "does not exist"


def _is_scale(scale: Decimal) -> bool:
    return scale.is_finite() and bool(scale) and abs(scale.adjusted()) < _MAX_DIGITS


def _is_module(name: str) -> bool:
    return _MODULE.fullmatch(name) is not None and (_MODULES / f"{name}.py").is_file()


def _request_faults(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields the faults between fields that are valid one by one, in how a request is built."""
    ways = (spec.auth, *spec.auth_options.values())
    headers = [*spec.headers, *(name for way in ways for name in way.headers)]
    if not all(_HEADER.fullmatch(name) for name in headers):
        yield "", "has a header with an invalid name"
    if not all(_has_no_literal_key(way) for way in ways):
        yield ", auth", "must have a $name in each: the key belongs to an account's credentials"
    if any(text.names for text in spec.headers.values()):
        yield ", headers", "cannot have $names: only auth is filled in"
    names = () if spec.cost is None else RANGE_NAMES
    if any(_is_name(text) and text[1:] not in names for text in _texts(spec.json)):
        yield ", json", "cannot have $names other than $uuid: only auth.body is filled in"
    yield from _literal_keys(spec)
    yield from _environment_faults(spec)
    yield from _cursor_faults(spec)
    has_body = spec.json is not None or any(way.body for way in ways)
    if has_body and spec.method != "POST":
        yield ", method", "must be POST for a body"
    if any(way.body for way in ways) and isinstance(spec.json, list):
        yield ", json", "cannot be a list beside credentials in the body"
    try:
        json.dumps(spec.json)
    except (TypeError, ValueError):
        yield ", json", "must hold text, whole numbers, booleans, tables and lists"
    if not all(_HOST.fullmatch(region.host) for region in spec.regions.values()):
        yield ", regions", "must each have the name of a host"


def _cursor_faults(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields the faults of where the cursor of the next page is sent."""
    cursor = None if spec.cost is None else spec.cost.cursor
    if cursor is None:
        return
    if (cursor.query is None) is (cursor.field is None):
        yield ", cost, cursor", "must have either query or field"
    if cursor.field is not None and not isinstance(spec.json, dict):
        yield ", cost, cursor, field", "needs a table json, which it is added to"


def _environment_faults(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields the faults of the usual variables of the environment."""
    named = spec.environment
    if not all(_VARIABLE.fullmatch(name) for name in named):
        yield ", env", "must name variables such as ACME_API_KEY"
    needed = {*spec.auth.names, *spec.variables}
    if named and set(named.values()) != needed:
        yield ", env", f"must say which variable holds each of {', '.join(sorted(needed))}"


def _has_no_literal_key(auth: Auth) -> bool:
    """Tells whether every field has a name to fill in, and so no key of its own."""
    texts = (*auth.headers.values(), *auth.body.values(), *auth.query.values())
    # Some providers take the key as the user, and a fixed word or nothing as the password.
    basic = auth.basic is None or any(text.names for text in auth.basic)
    return basic and all(text.names for text in texts)


def _literal_keys(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields the places that probably hold a key, which belongs to an account's credentials."""
    fields = spec.json if isinstance(spec.json, dict) else {}
    query = [name for name, _ in parse_qsl(urlsplit(spec.url).query, keep_blank_values=True)]
    for place, names, way in (
        ("url", query, "auth.query"),
        ("headers", spec.headers, "auth.headers"),
        ("json", fields, "auth.body"),
    ):
        if any(_KEY_NAME.search(name) for name in names):
            yield f", {place}", f"seems to hold a key: put it into {way}, as $api_key"


def _is_name(text: str) -> bool:
    return text.startswith("$") and text[1:].isidentifier() and text != "$uuid"


def _texts(value: Json) -> Iterator[str]:
    """Yields every text in a JSON value, but for the names of fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
