"""Parses the secret of a kind of channel whose addresses are webhooks."""

import re

from balance_watch.validation import Faults, Json, is_address

_NAME = re.compile(r"[^\s:/\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,80}")


def is_channel_name(name: str) -> bool:
    """Tells whether a secret can give this name to a channel, so that routes can use it."""
    return _NAME.fullmatch(name) is not None


def parse_webhooks(secret: Json, where: str, faults: Faults) -> dict[str, str]:
    """Returns the addresses of `{"webhooks": {NAME: URL}}` by name.

    Args:
        secret: the secret as parsed JSON.
        where: the secret's place, for faults.
        faults: gets every fault. None shows a name, which may be an address in the wrong place.
    """
    if not isinstance(secret, dict) or set(secret) != {"webhooks"}:
        faults.add(where, 'must be a JSON object with the one field "webhooks"')
        return {}
    if not isinstance(secret["webhooks"], dict):
        faults.add(where, '"webhooks" must be an object of names and addresses')
        return {}
    webhooks = {}
    for number, (name, url) in enumerate(secret["webhooks"].items(), 1):
        address = url.strip() if isinstance(url, str) else ""
        if not is_channel_name(name):
            rule = "1 to 80 characters without space, colon or slash"
            faults.add(where, f"webhook number {number} must have a name of {rule}")
        elif is_address(address):
            webhooks[name] = address
        else:
            faults.add(where, f"webhook number {number} is not an https address")
    return webhooks
