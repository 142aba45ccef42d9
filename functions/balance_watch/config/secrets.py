"""Parses the secrets under the prefix: accounts, channels, and every fault in them."""

from collections.abc import Mapping

from msgspec import field

from balance_watch.config.accounts import Resolve, WatchedAccount, parse_accounts
from balance_watch.config.sources import UNNAMED, Secrets
from balance_watch.domain.account import Account
from balance_watch.domain.confidential import Confidential
from balance_watch.domain.lost_secrets import SecretPresence
from balance_watch.exact_parsing import NotExactError, exact_json
from balance_watch.notifiers.channels import ConfiguredChannel, Kind
from balance_watch.notifiers.heartbeat import HEARTBEAT, parse_heartbeat
from balance_watch.notifiers.slack_secret import SLACK, signing_secret_of
from balance_watch.validation import Faults, Json


class ParsedSecrets(Confidential, frozen=True):
    """The accounts, the channels and the heartbeat that the secrets configure.

    Attributes:
        channels: by the name that routes use.
        unread_kinds: the kinds of channels whose secret cannot be read or has a fault, so that a
            channel may be missing.
        faults: of all secrets.
        disabled: the accounts that are configured, but not watched.
        presence: the secrets that were found.
        heartbeat: the address of the heartbeat, which is a secret.
        heartbeat_is_read: False if its secret cannot be read or has a fault.
        has_signing_secret: presses of buttons in Slack can be checked.
    """

    shown = ("accounts", "faults")

    accounts: tuple[WatchedAccount, ...] = ()
    channels: Mapping[str, ConfiguredChannel] = field(default_factory=dict)
    unread_kinds: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
    disabled: tuple[Account, ...] = ()
    presence: SecretPresence = field(default_factory=SecretPresence)
    heartbeat: str | None = None
    heartbeat_is_read: bool = True
    has_signing_secret: bool = False


def parse_secrets(
    secrets: Secrets, prefix: str, resolve: Resolve, kinds: Mapping[str, Kind]
) -> ParsedSecrets:
    """Returns what the secrets configure.

    Args:
        secrets: their texts, and the faults of those that could not be read.
        prefix: the prefix of their names.
        resolve: returns the provider of an account.
        kinds: the kinds of channels.
    """
    faults = Faults(secrets.faults)
    accounts: dict[str, WatchedAccount] = {}
    disabled: dict[str, WatchedAccount] = {}
    channels: dict[str, ConfiguredChannel] = {}
    heartbeat: str | None = None
    has_signing_secret = False
    unread = {name.removeprefix(prefix) for name in secrets.unread - {UNNAMED}}
    accounts_of = dict.fromkeys(unread, frozenset[str]())
    for name, text in secrets.texts.items():
        where, before, own_name = f"secret {name}", len(faults), name.removeprefix(prefix)
        kind = kinds.get(own_name)
        secret = _parse_json(text, where, faults)
        accounts_of[own_name] = frozenset()
        if len(faults) > before:
            pass
        elif own_name == HEARTBEAT:
            heartbeat = parse_heartbeat(secret, where, faults)
        elif kind is None or kind.parse_secret is None:
            names = parse_accounts(secret, where, resolve, accounts, disabled, faults)
            accounts_of[own_name] = names
        else:
            for channel_name, address in kind.parse_secret(secret, where, faults).items():
                channel = ConfiguredChannel(f"{kind.name}:{channel_name}", kind, address)
                channels[channel.name] = channel
            has_signing_secret |= own_name == SLACK and signing_secret_of(secret) is not None
        if len(faults) > before:
            unread.add(own_name)
    foreign = frozenset(name.removeprefix(prefix) for name in secrets.foreign)
    return ParsedSecrets(
        tuple(accounts.values()),
        channels,
        frozenset(unread & kinds.keys()),
        faults,
        tuple(account for account, _ in disabled.values()),
        SecretPresence(accounts_of, frozenset(unread), foreign, UNNAMED not in secrets.unread),
        heartbeat,
        heartbeat_is_read=HEARTBEAT not in unread,
        has_signing_secret=has_signing_secret,
    )


def _parse_json(text: str, where: str, faults: Faults) -> Json:
    """Returns a secret's JSON; None after adding the fault that it is not JSON."""
    try:
        return exact_json(text, any_number=True)
    except NotExactError as error:
        faults.add(where, str(error))
        return None
