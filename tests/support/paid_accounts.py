"""An account that a rule tops up: its policy, and what was paid."""

from balance_watch.config.loading import Configuration
from balance_watch.domain.payment import Purse
from balance_watch.providers.purse import paid_purse
from local.provider_server import ProviderAccount
from local.vonage import VonageServer
from tests.support.canaries import key

_POLICY = """
[[rules]]
name = "low"
match = {{ account = "*s*" }}
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


def purse_in(configuration: Configuration, name: str = "sms") -> Purse:
    """Returns the purse of an account, as it is configured."""
    (watched,) = (it for it in configuration.accounts if it[0].name == name)
    account, spec = watched
    return paid_purse(spec, account)


def paying_entry(vonage: VonageServer, name: str = "sms", **changes: object) -> dict[str, object]:
    """Returns the entry of an account that a rule may pay for, in a secret."""
    return {
        "name": name,
        "provider": "vonage",
        "credentials": {"api_key": key(), "api_secret": key("secret")},
        "variables": {"trx": "first-payment"},
        "base_url": vonage.url,
        **changes,
    }
