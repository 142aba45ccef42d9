"""Parses specifications from TOML or JSON, and finds the faults between their fields."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

from balance_watch.exact_parsing import exact_toml
from balance_watch.providers.cost_spec import RANGE_NAMES
from balance_watch.providers.spec import Auth, Spec
from balance_watch.providers.spec_types import Line, Url
from balance_watch.validation import Faults, Json, convert, unknown, without_null

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
_STAND_INS: Mapping[str, object] = {"name": Line("x"), "url": Url("/"), "auth": Auth()}
"""In place of required fields that are missing or invalid, so that the others are judged."""


def parse_spec(text: str, where: str, faults: Faults) -> Spec | None:
    """Parses a specification in TOML; notes every fault, and returns None if there are any."""
    raw = exact_toml(text, where, faults)
    return None if raw is None else convert_spec(raw, where, faults)


def convert_spec(raw: object, where: str, faults: Faults) -> Spec | None:
    """Converts a table from TOML or JSON; notes every fault, and returns None if there are any.

    A fault between fields is noted beside the faults of single fields, unless one of its own
    fields has a fault.
    """
    before = len(faults)
    try:
        table = _with_whole_numbers(raw)
        spec = convert(Spec, table, where, faults, _STAND_INS)
        if spec is not None:
            draft = _Draft(without_null(table), spec, faults[before:], where)
            for place, problem in (*_reply_faults(draft), *_request_faults(draft)):
                faults.add(f"{where}{place}", problem)
    except (ArithmeticError, RecursionError):
        faults.add(where, "has a number that is too long, or is nested too deep")
    return spec if len(faults) == before else None


class _Draft:
    """A specification that may have faults: its table, and what of it is valid.

    Attributes:
        raw: the table as written, without what is null.
        spec: the specification, with a default in place of each field that is invalid.
        auth: the authentication, likewise.
    """

    def __init__(
        self, raw: Mapping[str, Json], spec: Spec, faults: Iterable[str], where: str
    ) -> None:
        self.raw, self.spec = raw, spec
        self._places = [fault.removeprefix(where) for fault in faults]
        valid = convert(Auth, self.table("auth"), "", Faults())
        self.auth = valid or spec.auth

    def table(self, name: str, within: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """Returns a table as it is written; an empty one if there is none."""
        found = (self.raw if within is None else within).get(name)
        return without_null(found) if isinstance(found, Mapping) else {}

    def is_sound(self, *fields: str) -> bool:
        """Tells whether none of these fields has a fault."""
        begins = tuple(f", {field}{end}" for field in fields for end in (":", ","))
        return not any(place.startswith(begins) for place in self._places)


def _with_whole_numbers(raw: Json) -> Json:
    """Turns whole Decimals into ints, as in TOML: exact JSON has every number as a Decimal."""
    if isinstance(raw, dict):
        return {name: _with_whole_numbers(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_with_whole_numbers(value) for value in raw]
    short = isinstance(raw, Decimal) and raw.is_finite() and raw.adjusted() < _MAX_DIGITS
    return int(raw) if short and raw == raw.to_integral_value() else raw


def _reply_faults(draft: _Draft) -> Iterator[tuple[str, str]]:
    """Yields the faults between fields in how a reply is parsed."""
    raw, spec = draft.raw, draft.spec
    reply, cost = draft.table("reply"), draft.table("cost")
    tells_costs, has_reply = "cost" in raw, "reply" in raw
    if draft.is_sound("kind") and tells_costs is not (spec.kind == "cost"):
        yield ", kind", "must be cost if there is a table cost, and only then"
    if not tells_costs and not has_reply:
        yield "", "is missing reply.balance"
    if tells_costs and has_reply:
        yield ", reply", "must be left out: the table cost says what is in a reply"
    are_tables = all(isinstance(raw.get(it, {}), Mapping) for it in ("reply", "cost"))
    if are_tables and not any("currency" in table for table in (raw, reply, cost)):
        yield "", "must have a currency, or the path of one in reply"
    if "each" in reply and "currency" not in reply:
        yield ", reply", "must have a currency beside each, which is a list by currency"
    if not _is_scale(spec.scale):
        yield ", scale", "must be a number other than 0, of an ordinary size"
    for kind in draft.table("failures"):
        if kind not in FAILURE_KINDS:
            yield ", failures", unknown("kind", kind, FAILURE_KINDS)
    if spec.module is not None and not _is_module(spec.module):
        yield ", module", "does not exist"


def _is_scale(scale: Decimal) -> bool:
    return scale.is_finite() and bool(scale) and abs(scale.adjusted()) < _MAX_DIGITS


def _is_module(name: str) -> bool:
    return _MODULE.fullmatch(name) is not None and (_MODULES / f"{name}.py").is_file()


def _request_faults(draft: _Draft) -> Iterator[tuple[str, str]]:
    """Yields the faults between fields in how a request is built."""
    spec = draft.spec
    ways = (draft.auth, *spec.auth_options.values())
    headers = [*draft.table("headers"), *(name for way in ways for name in way.headers)]
    if not all(_HEADER.fullmatch(name) for name in headers):
        yield "", "has a header with an invalid name"
    if not all(_has_no_literal_key(way) for way in ways):
        yield ", auth", "must have a $name in each: the key belongs to an account's credentials"
    if any(text.names for text in spec.headers.values()):
        yield ", headers", "cannot have $names: only auth is filled in"
    names = RANGE_NAMES if "cost" in draft.raw else ()
    if any(_is_name(text) and text[1:] not in names for text in _texts(spec.json)):
        yield ", json", "cannot have $names other than $uuid: only auth.body is filled in"
    yield from _literal_keys(draft)
    yield from _environment_faults(draft)
    yield from _cursor_faults(draft)
    has_body = spec.json is not None or any(way.body for way in ways)
    if has_body and spec.method != "POST" and draft.is_sound("method"):
        yield ", method", "must be POST for a body"
    if any(way.body for way in ways) and isinstance(spec.json, list):
        yield ", json", "cannot be a list beside credentials in the body"
    try:
        json.dumps(spec.json)
    except (TypeError, ValueError):
        yield ", json", "must hold text, whole numbers, booleans, tables and lists"
    regions = (draft.table(name, draft.table("regions")) for name in draft.table("regions"))
    hosts = (host for it in regions if isinstance(host := it.get("host"), str))
    if not all(_HOST.fullmatch(host) for host in hosts):
        yield ", regions", "must each have the name of a host"


def _cursor_faults(draft: _Draft) -> Iterator[tuple[str, str]]:
    """Yields the faults of where the cursor of the next page is sent."""
    cursor = draft.table("cursor", draft.table("cost"))
    if not cursor:
        return
    if ("query" in cursor) is ("field" in cursor):
        yield ", cost, cursor", "must have either query or field"
    if "field" in cursor and not isinstance(draft.raw.get("json"), Mapping):
        yield ", cost, cursor, field", "needs a table json, which it is added to"


def _environment_faults(draft: _Draft) -> Iterator[tuple[str, str]]:
    """Yields the faults of the usual variables of the environment."""
    spec = draft.spec
    if spec.env is None:
        return
    variables = [spec.env] if isinstance(spec.env, str) else list(spec.env)
    if not all(_VARIABLE.fullmatch(name) for name in variables):
        yield ", env", "must name variables such as ACME_API_KEY"
    if not draft.is_sound("auth", "url"):
        return
    needed = {*spec.auth.names, *spec.variables}
    named = set(spec.auth.names[:1]) if isinstance(spec.env, str) else set(spec.env.values())
    if variables and not needed:
        yield ", env", "must be left out: nothing is filled in"
    elif variables and named != needed:
        yield ", env", f"must say which variable holds each of {', '.join(sorted(needed))}"


def _has_no_literal_key(auth: Auth) -> bool:
    """Tells whether every field has a name to fill in, and so no key of its own."""
    texts = (*auth.headers.values(), *auth.body.values(), *auth.query.values())
    # Some providers take the key as the user, and a fixed word or nothing as the password.
    basic = auth.basic is None or any(text.names for text in auth.basic)
    return basic and all(text.names for text in texts)


def _literal_keys(draft: _Draft) -> Iterator[tuple[str, str]]:
    """Yields the places that probably hold a key, which belongs to an account's credentials."""
    url = draft.spec.url
    query = [name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
    for place, names, way in (
        ("url", query, "auth.query"),
        ("headers", draft.table("headers"), "auth.headers"),
        ("json", draft.table("json"), "auth.body"),
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
