"""Secrets for tests, and their parsing with providers made up here."""

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
    """Returns a provider that needs these credentials, or a token with `auth = "query"`."""
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


def resolve(provider: str | Mapping[str, object], where: str, faults: Faults) -> Spec | None:
    """Returns a provider of CATALOGUE, or one that the account specifies itself."""
    if not isinstance(provider, str):
        return _spec(str(provider.get("name")))
    if provider not in CATALOGUE:
        faults.add(where, "provider is not in the catalogue: see `balance-watch providers`")
    return CATALOGUE.get(provider)


def account(**changes: object) -> Json:
    """Returns a valid account with some changes; a change to None removes the field."""
    entry = {"name": "search", "provider": "you", "credentials": {"api_key": key()}, **changes}
    return {name: value for name, value in entry.items() if value is not None}


def parse(**secrets: object) -> ParsedSecrets:
    """Parses secrets: a text, or a value to write as JSON.

    `accounts_x` is the secret `balance-watch/accounts/x`.
    """
    texts = {
        PREFIX + name.replace("_", "/"): raw if isinstance(raw, str) else json.dumps(raw)
        for name, raw in secrets.items()
    }
    return parse_secrets(Secrets(texts), PREFIX, resolve, KINDS)


def parse_entries(*entries: object) -> ParsedSecrets:
    """Parses one secret with these accounts."""
    return parse(accounts={"accounts": list(entries)})


def names(parsed: ParsedSecrets) -> list[str]:
    """Returns the names of the parsed accounts."""
    return [account.name for account, _ in parsed.accounts]


def addresses(parsed: ParsedSecrets) -> dict[str, str]:
    """Returns the addresses of the parsed channels by name."""
    return {name: channel.address for name, channel in parsed.channels.items()}
