"""Parses the secrets of channels: a table of names, with a webhook or a key each."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from balance_watch.validation import Faults, Json, is_address

_NAME = r"[^\s:/\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,80}"


def is_channel_name(name: str) -> bool:
    """Tells whether a secret can give this name to a channel, so that routes can use it."""
    return re.fullmatch(_NAME, name) is not None


def parse_webhooks(
    secret: Json, where: str, faults: Faults, *, query: bool = False
) -> dict[str, str]:
    """Returns the addresses of `{"webhooks": {NAME: URL}}` by name.

    Args:
        secret: the secret as parsed JSON.
        where: the secret's place, for faults.
        faults: gets every fault.
        query: whether an address may have a query.
    """
    entries = parse_entries(secret, "webhooks", where, faults)
    return addresses_in(entries, where, faults, query=query)


def addresses_in(
    entries: Mapping[str, Json], where: str, faults: Faults, *, query: bool
) -> dict[str, str]:
    """Returns the valid addresses by name; `query` tells whether one may have a query."""
    is_valid = partial(is_address, query=query)
    return valid_entries(entries, ("webhook", "an https address"), is_valid, where, faults)


def parse_entries(
    secret: Json, table: str, where: str, faults: Faults, *others: str
) -> dict[str, Json]:
    """Returns the entries of a secret's table; empty, after a fault, if it has other fields.

    Args:
        secret: the secret as parsed JSON.
        table: the field with a name and a value for each channel.
        where: the secret's place, for faults.
        faults: gets every fault.
        others: the other fields that the secret may have.
    """
    if not isinstance(secret, dict) or not {table} <= set(secret) <= {table, *others}:
        rest = "".join(f', and "{other}"' for other in others)
        fields = f'the field "{table}"{rest}' if rest else f'the one field "{table}"'
        faults.add(where, f"must be a JSON object with {fields}")
        return {}
    entries = secret[table]
    if not isinstance(entries, dict):
        noun = "addresses" if table == "webhooks" else "keys"
        faults.add(where, f'"{table}" must be an object of names and {noun}')
        return {}
    return entries


def valid_entries(
    entries: Mapping[str, Json],
    nouns: tuple[str, str],
    is_valid: Callable[[str], bool],
    where: str,
    faults: Faults,
) -> dict[str, str]:
    """Returns the valid entries by name; no fault shows a name: it may be a key that is misplaced.

    Args:
        entries: what a secret has for each channel.
        nouns: what faults call an entry, and what it must be.
        is_valid: tells whether the text of an entry is valid.
        where: the secret's place, for faults.
        faults: gets every fault.
    """
    noun, wanted = nouns
    valid = {}
    for number, (name, value) in enumerate(entries.items(), 1):
        text = value.strip() if isinstance(value, str) else ""
        if not is_channel_name(name):
            rule = "1 to 80 characters without space, colon or slash"
            faults.add(where, f"{noun} number {number} must have a name of {rule}")
        elif is_valid(text):
            valid[name] = text
        else:
            faults.add(where, f"{noun} number {number} is not {wanted}")
    return valid
