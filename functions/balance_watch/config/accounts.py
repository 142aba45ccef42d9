"""From the texts of the secrets to accounts and webhooks; every fault by place, never by value."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import msgspec

from balance_watch.domain.account import Account
from balance_watch.domain.money import is_unit
from balance_watch.validation import Amount, Faults, NotExactError, convert, exact_json

_PRINTABLE = re.compile(r"[!-~]+")
_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
_NAME = re.compile(_LINE + r"{1,100}")
_WEBHOOK = re.compile(r"[^\s:/\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,80}")
_LABELS = 20


class Provider(Protocol):
    """What has to be known of a provider to tell whether an account of it is complete."""

    @property
    def name(self) -> str:
        """How people call it."""
        ...

    def credentials(self, auth: str | None) -> tuple[str, ...] | None:
        """The credentials for a way to authenticate; None: there is no such way."""
        ...

    def for_region(
        self, variables: Mapping[str, str], base_url: str | None, where: str, faults: Faults
    ) -> Self:
        """The provider as it is for an account with these; notes what is missing."""
        ...


P = TypeVar("P", bound=Provider)

Find = Callable[[str | Mapping[str, object], str, Faults], P | None]
"""From an account's `provider`, a slug or a specification, to it; notes why there is none."""


_NOTHING = object()
"""Stands for a secret of another form: null is a value that a user can write."""


class AccountEntry(msgspec.Struct, frozen=True):
    """An account as it stands in a secret."""

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

    def __repr__(self) -> str:
        """Says nothing of what it holds: the credentials are in it."""
        return "AccountEntry(…)"


@dataclass(frozen=True, slots=True)
class Configuration(Generic[P]):
    """Every account that is in order, beside its provider, and the Slack webhooks by name.

    `webhooks_known` is False where their secret could not be understood whole.
    """

    accounts: tuple[tuple[Account, P], ...]
    webhooks: Mapping[str, str] = field(repr=False)
    webhooks_known: bool
    faults: Faults


def parse_secrets(
    texts: Mapping[str, str],
    prefix: str,
    find: Find[P],
    unread: Faults,
) -> Configuration[P]:
    """Returns what the secrets say, with every fault of all of them.

    Args:
        texts: secrets by name.
        prefix: what their names begin with.
        find: from an account's `provider` to it.
        unread: faults of the secrets that could not be read at all.
    """
    faults = Faults(unread)
    accounts: dict[str, tuple[Account, P]] = {}
    webhooks: dict[str, str] = {}
    slack = f"{prefix}slack"
    webhooks_known = not any(fault.startswith(f"secret {slack}") for fault in unread)
    for name, text in texts.items():
        where = f"secret {name}"
        field_name = "webhooks" if name == slack else "accounts"
        before = len(faults)
        raw = _single_field(text, field_name, where, faults)
        if raw is _NOTHING:
            webhooks_known = webhooks_known and name != slack
        elif name == slack:
            webhooks = _webhooks(raw, where, faults)
            webhooks_known = len(faults) == before
        else:
            _accounts(raw, where, find, accounts, faults)
    return Configuration(tuple(accounts.values()), webhooks, webhooks_known, faults)


def _single_field(text: str, name: str, where: str, faults: Faults) -> object:
    try:
        raw = exact_json(text, any_number=True)
    except NotExactError as error:
        faults.add(where, str(error))
        return _NOTHING
    if not isinstance(raw, dict) or set(raw) != {name}:
        faults.add(where, f'must be a JSON object with the one field "{name}"')
        return _NOTHING
    return raw[name]


def _webhooks(raw: object, where: str, faults: Faults) -> dict[str, str]:
    if not isinstance(raw, dict):
        faults.add(where, "webhooks must be an object of names and addresses")
        return {}
    webhooks = {}
    for index, (name, url) in enumerate(raw.items()):
        address = url.strip() if isinstance(url, str) else ""
        if not _WEBHOOK.fullmatch(name):
            # It is not shown: it may be the address, in the wrong place.
            can = "1 to 80 characters without space, colon or slash"
            faults.add(where, f"webhook number {index + 1} must have a name of {can}")
        elif _is_address(address):
            webhooks[name] = address
        else:
            faults.add(where, f"webhook number {index + 1} is not an https address")
    return webhooks


def _accounts(
    raw: object,
    where: str,
    find: Find[P],
    accounts: dict[str, tuple[Account, P]],
    faults: Faults,
) -> None:
    if not isinstance(raw, list):
        faults.add(where, '"accounts" must be a list')
        return
    for index, one in enumerate(raw):
        name = one.get("name") if isinstance(one, dict) else None
        called = isinstance(name, str) and _NAME.fullmatch(name.strip())
        place = f"{where}, account {called[0] if called else f'number {index + 1}'}"
        before = len(faults)
        if not _is_unicode(one):
            faults.add(place, "holds half a surrogate pair, which is no character")
        entry = convert(AccountEntry, one, place, faults)
        if entry is None:
            continue
        found = find(entry.provider, place, faults)
        if found is not None:
            found = found.for_region(entry.variables, entry.base_url, place, faults)
        account = _account(entry, found, place, faults)
        if len(faults) > before or account is None or found is None or not entry.enabled:
            continue
        if account.name in accounts:
            faults.add(place, "this name is taken by another account; the first one is watched")
            continue
        accounts[account.name] = (account, found)


def _account(
    entry: AccountEntry, found: Provider | None, place: str, faults: Faults
) -> Account | None:
    if not _NAME.fullmatch(entry.name.strip()):
        faults.add(place, "name must be 1 to 100 characters on one line")
    if len(entry.labels) > _LABELS or not all(
        _NAME.fullmatch(text) for pair in entry.labels.items() for text in pair if text
    ):
        faults.add(place, f"labels must be {_LABELS} at most, each one line of 100 characters")
    if entry.base_url is not None and not _is_address(entry.base_url):
        faults.add(place, "base_url must be scheme, host, port and path prefix, with no query")
    if entry.currency is not None and not is_unit(entry.currency):
        faults.add(place, "currency must be a code such as USD, or a unit in lower case")
    if found is None:
        return None
    credentials = _credentials(entry, found, place, faults)
    return Account(
        name=entry.name.strip(),
        # One that is specified in the account has no slug: rules match it by its name.
        provider=entry.provider if isinstance(entry.provider, str) else found.name,
        credentials=credentials,
        alert_below=None if entry.alert_below is None else entry.alert_below.exact,
        labels=entry.labels,
        base_url=entry.base_url,
        currency=entry.currency,
        variables=entry.variables,
        auth=entry.auth,
    )


def _credentials(
    entry: AccountEntry, found: Provider, place: str, faults: Faults
) -> dict[str, str]:
    """Keys, with what an editor or a paste left around them cut off.

    A key with a space or line break inside is refused here, since requests would raise an error
    that prints the whole header.
    """
    needed = found.credentials(entry.auth)
    if needed is None:
        faults.add(place, "auth is no way to authenticate at this provider")
        return {}
    credentials = {name: key.strip() for name, key in entry.credentials.items()}
    for name in needed:
        if name not in credentials:
            faults.add(place, f"credentials has no {name}")
        elif not _PRINTABLE.fullmatch(credentials[name]):
            what = "is empty, or has a space, line break or special character in it"
            faults.add(place, f"credentials, {name}: {what}")
    return credentials


def _is_unicode(raw: object) -> bool:
    """Whether it can be sent anywhere: JSON can escape what UTF-8 cannot write."""
    try:
        json.dumps(raw, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_in_order = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    known = parts.scheme in ("http", "https") and bool(parts.hostname)
    return known and plain and port_in_order and _PRINTABLE.fullmatch(text) is not None
