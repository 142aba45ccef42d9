"""Secrets for tests, and what they are understood as."""

import json
from collections.abc import Mapping
from typing import Any

from balance_watch.config.secrets import ParsedSecrets, parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.notifiers.channels import KINDS
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import convert_spec
from balance_watch.validation import Faults
from tests.support.canaries import key

PREFIX = "balance-watch/"
ACCOUNTS = "balance-watch/accounts"
SLACK = "balance-watch/slack"

Json = dict[str, Any]


def _spec(name: str = "Keyed", url: str = "https://api.example.com/v1", *keys: str) -> Spec:
    """A provider that needs these credentials, and with `auth = "query"` a token."""
    headers = {f"X-{name}": f"${name}" for name in keys or ("api_key",)}
    raw = {
        "name": name,
        "url": url,
        "auth": {"headers": headers},
        "auth_options": {"query": {"query": {"token": "$token"}}},
        "currency": "USD",
        "reply": {"balance": "balance"},
    }
    faults = Faults()
    spec = convert_spec(raw, "provider", faults)
    assert spec is not None, faults
    return spec


CATALOGUE = {
    "you": _spec(),
    "vonage": _spec("Vonage", "https://api.example.com/v1", "api_key", "api_secret"),
    "regional": _spec("Regional", "https://$region.example.com/$project"),
}


def found(given: str | Mapping[str, object], where: str, faults: Faults) -> Spec | None:
    """A provider of CATALOGUE, or one that the account holds itself."""
    if not isinstance(given, str):
        return _spec(str(given.get("name")))
    if given not in CATALOGUE:
        faults.add(where, "provider is not in the catalogue: see `balance-watch providers`")
    return CATALOGUE.get(given)


def account(**changes: object) -> Json:
    """An account that is in order; a change to None takes the field away."""
    entry = {"name": "search", "provider": "you", "credentials": {"api_key": key()}, **changes}
    return {name: value for name, value in entry.items() if value is not None}


def understood(**secrets: object) -> ParsedSecrets:
    """What secrets say; `accounts_x` stands for `balance-watch/accounts/x`, text for itself."""
    texts = {
        PREFIX + name.replace("_", "/"): raw if isinstance(raw, str) else json.dumps(raw)
        for name, raw in secrets.items()
    }
    return parse_secrets(Secrets(texts), PREFIX, found, KINDS)


def with_accounts(*entries: object) -> ParsedSecrets:
    """What one secret with these accounts says."""
    return understood(accounts={"accounts": list(entries)})


def names(watched: ParsedSecrets) -> list[str]:
    """The accounts that are watched."""
    return [one.name for one, _ in watched.accounts]


def addresses(watched: ParsedSecrets) -> dict[str, str]:
    """The addresses of the channels, by their names."""
    return {name: channel.address for name, channel in watched.channels.items()}
