"""Parses the accounts of secrets. A fault is reported by its place, never by its value."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from balance_watch.config.declared import BudgetEntry, Expiry, declared
from balance_watch.config.policy_types import RunsDry
from balance_watch.domain.account import Account, canonical_name
from balance_watch.domain.formatting import is_visible
from balance_watch.domain.money import is_unit
from balance_watch.providers.purse import purse_of
from balance_watch.providers.spec import Spec
from balance_watch.validation import (
    NOT_UNICODE,
    Amount,
    Faults,
    Json,
    convert,
    is_address,
    without_null,
)

_PRINTABLE = re.compile(r"[!-~]+")
_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
_NAME = re.compile(_LINE + r"{1,100}")
ACCOUNT_NAME = "must be 1 to 100 characters on one line"
_MAX_LABELS = 20
_AS_TEXT = json.JSONEncoder(ensure_ascii=False, default=str)

WatchedAccount = tuple[Account, Spec]
"""An account and its provider."""

Resolve = Callable[[str | Mapping[str, object], str, Faults], Spec | None]
"""Returns the provider that an account names or specifies; None after adding the fault."""


class AccountEntry(msgspec.Struct, frozen=True):
    """An account as a secret contains it."""

    name: str
    provider: str | dict[str, Any]
    credentials: dict[str, str]
    alert_below: Amount | None = None
    labels: dict[str, str] = {}
    base_url: str | None = None
    currency: str | None = None
    variables: dict[str, str] = {}
    auth: str | None = None
    enabled: bool = True
    runs_dry: RunsDry | None = None
    empty: bool | None = None
    expires_at: Expiry | None = None
    credit: list[dict[str, Any]] | None = None
    budget: BudgetEntry | None = None

    def __repr__(self) -> str:
        """Shows no field, because the credentials are among them."""
        return "AccountEntry(…)"


def parse_accounts(
    secret: Json,
    where: str,
    resolve: Resolve,
    accounts: dict[str, WatchedAccount],
    disabled: dict[str, WatchedAccount],
    faults: Faults,
) -> frozenset[str]:
    """Parses the accounts of `{"accounts": [...]}` and adds them to those of other secrets.

    Returns the names of those that are valid.

    Args:
        secret: the secret as parsed JSON.
        where: the secret's place, for faults.
        resolve: returns the provider of an account.
        accounts: gets every valid, enabled account by its name.
        disabled: gets every valid account that is not enabled.
        faults: gets every fault.
    """
    secret = without_null(secret) if isinstance(secret, dict) else secret
    if not isinstance(secret, dict) or set(secret) != {"accounts"}:
        faults.add(where, 'must be a JSON object with the one field "accounts"')
        return frozenset()
    if not isinstance(secret["accounts"], list):
        faults.add(where, '"accounts" must be a list')
        return frozenset()
    names = set()
    for number, raw in enumerate(secret["accounts"], 1):
        place = f"{where}, account {_label(raw) or f'number {number}'}"
        parsed = _parse_entry(raw, place, resolve, faults)
        if parsed is None:
            continue
        watched, is_enabled = parsed
        name = watched[0].name
        names.add(name)
        if not is_enabled:
            disabled[name] = watched
        elif name in accounts:
            faults.add(place, "another account has the same name; only the first one is watched")
        else:
            accounts[name] = watched
    return frozenset(names)


def _label(raw: Json) -> str | None:
    """Returns the account's name if faults can show it: valid text on one line."""
    name = raw.get("name") if isinstance(raw, dict) else None
    match = _NAME.fullmatch(name.strip()) if isinstance(name, str) else None
    return match[0] if match else None


def parse_account(raw: Json, place: str, resolve: Resolve, faults: Faults) -> WatchedAccount | None:
    """Returns an account with its provider; None if it is disabled, or after adding its faults."""
    parsed = _parse_entry(raw, place, resolve, faults)
    return parsed[0] if parsed is not None and parsed[1] else None


def _parse_entry(
    raw: Json, place: str, resolve: Resolve, faults: Faults
) -> tuple[WatchedAccount, bool] | None:
    """Returns an account and whether it is enabled; None after adding its faults."""
    before = len(faults)
    if not _is_unicode(raw):
        faults.add(place, NOT_UNICODE)
    entry = convert(AccountEntry, raw, place, faults)
    if entry is None:
        return None
    spec = resolve(entry.provider, place, faults)
    if spec is not None:
        spec = spec.for_region(entry.variables, entry.base_url, place, faults)
    account = _account(entry, spec, place, faults)
    if len(faults) > before or account is None or spec is None:
        return None
    return (replace(account, purse=purse_of(spec, account)), spec), entry.enabled


def is_account_name(text: str) -> bool:
    """Tells whether an account can have this name: ACCOUNT_NAME says what it has to be."""
    return _NAME.fullmatch(text.strip()) is not None


def _account(entry: AccountEntry, spec: Spec | None, place: str, faults: Faults) -> Account | None:
    if not is_account_name(entry.name):
        faults.add(place, f"name {ACCOUNT_NAME}")
    if len(entry.labels) > _MAX_LABELS or not all(
        _NAME.fullmatch(text) for pair in entry.labels.items() for text in pair if text
    ):
        faults.add(
            place, f"labels must be at most {_MAX_LABELS}, each one line of at most 100 characters"
        )
    if entry.base_url is not None and not is_address(entry.base_url):
        faults.add(place, "base_url must be an http or https address with no user or query")
    if entry.currency is not None and not is_unit(entry.currency):
        faults.add(place, "currency must be a code such as USD, or a unit in lower case")
    if spec is None:
        return None
    credentials = _credentials(entry, spec, place, faults)
    return Account(
        name=canonical_name(entry.name),
        # A provider specified in the account has no slug, so rules match it by its name.
        provider=entry.provider if isinstance(entry.provider, str) else spec.name,
        credentials=credentials,
        alert_below=None if entry.alert_below is None else entry.alert_below.exact,
        labels=entry.labels,
        base_url=entry.base_url,
        currency=entry.currency,
        variables=entry.variables,
        auth=entry.auth,
        runs_dry=None if entry.runs_dry is None else entry.runs_dry.tiers,
        empty=entry.empty,
        expires_at=None if entry.expires_at is None else entry.expires_at.at,
        declared=declared(entry.credit, entry.budget, spec, place, faults),
    )


def _credentials(entry: AccountEntry, spec: Spec, place: str, faults: Faults) -> dict[str, str]:
    """Returns the keys without white space around them, which an editor or a paste may leave.

    A key with a line break inside is a fault, because the library `requests` would raise an error
    that prints the whole header. A header carries no space and no special character either; a
    password of HTTP Basic, a JSON body and an address carry both, encoded.
    """
    chosen = spec.auth_for(entry.auth)
    needed = spec.credentials(entry.auth)
    if chosen is None or needed is None:
        faults.add(place, "auth is not one of the provider's ways to authenticate")
        return {}
    credentials = {name: key.strip() for name, key in entry.credentials.items()}
    for name in needed:
        if name not in credentials:
            faults.add(place, f"credentials has no {name}")
        elif name in chosen.names_in_headers and not _PRINTABLE.fullmatch(credentials[name]):
            problem = "is empty, or contains a space, line break or special character"
            faults.add(place, f"credentials, {name}: {problem}")
        elif not credentials[name] or not is_visible(credentials[name]):
            problem = "is empty, or contains a line break or a character that is not printed"
            faults.add(place, f"credentials, {name}: {problem}")
    return credentials


def _is_unicode(raw: object) -> bool:
    """Tells whether UTF-8 can encode the value: JSON can escape half of a surrogate pair."""
    try:
        _AS_TEXT.encode(raw).encode()
    except UnicodeEncodeError:
        return False
    return True
