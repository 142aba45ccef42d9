"""An account that a rule tops up: its policy, and what was paid."""

from local.provider_server import ProviderAccount
from local.vonage import VonageServer

_POLICY = """
[[rules]]
name = "low"
match = {{ account = "sms" }}
below = 20
top_up = {{ max_per_day = {limit} }}
"""


def top_up_policy(limit: int) -> str:
    """Returns a policy that tops the account up, so many times a day at most."""
    return _POLICY.format(limit=limit)


def account_of(vonage: VonageServer) -> ProviderAccount:
    """Returns the only account of the server."""
    (account,) = vonage.accounts.values()
    return account


def paid(vonage: VonageServer) -> int:
    """Returns how many payments were made into it."""
    return len(account_of(vonage).top_ups)
