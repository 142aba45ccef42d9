"""Loads the configuration: the policy, accounts and channels, and every fault in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Protocol

from msgspec import field

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.policy import PolicyFile, policy_in_force
from balance_watch.config.secrets import ParsedSecrets, parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.domain.account import Account, matches
from balance_watch.domain.channels import AvailableChannels, kind_of
from balance_watch.domain.confidential import Confidential
from balance_watch.domain.inventory import Inventory, public
from balance_watch.domain.lost_secrets import SecretPresence
from balance_watch.domain.policy import Policy
from balance_watch.domain.unmatched import unmatched_fault, unmatched_in_policy
from balance_watch.notifiers.channels import (
    KINDS,
    ConfiguredChannel,
    Kind,
    default_channels,
    fallback_channels,
)
from balance_watch.providers.registry import catalogue_clashes, resolve
from balance_watch.validation import Faults


class Sources(Protocol):
    """Provides the text that the operator wrote."""

    def secrets(self) -> Secrets:
        """Reads the secrets of accounts and channels."""
        ...

    def policy(self, faults: Faults) -> str | None:
        """Reads the policy; None after adding the fault that it cannot be read."""
        ...


class Configuration(Confidential, frozen=True):
    """Everything that the operator configured, as one run uses it.

    Attributes:
        channels: by the name that routes use, the topic among them.
        unread_kinds: the kinds of channels whose secret cannot be read or has a fault.
        faults: of the secrets, of the policy, and of the configuration as a whole.
        secrets_are_whole: False while a secret has a fault, so that an account may be missing.
        policy_text: the text of a valid policy; None if another policy is in force instead.
        contradictions: the faults of the configuration as a whole.
        kinds: the kinds of channels.
        unmatched: the places in the policy whose match fits no account; faults only while
            `secrets_are_whole`.
        disabled: the accounts that are configured, but not watched.
        prefix: the prefix of the secrets' names.
        presence: the secrets that were found.
        heartbeat: the address to ping after each run, which is a secret.
        heartbeat_is_read: False if its secret cannot be read or has a fault.
        renamed: the present name of each channel that the run before knew by another one.
        has_signing_secret: presses of buttons in Slack can be checked.
    """

    shown = ("accounts", "faults")

    policy: Policy = field(default_factory=Policy)
    accounts: tuple[WatchedAccount, ...] = ()
    channels: Mapping[str, ConfiguredChannel] = field(default_factory=dict)
    unread_kinds: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
    secrets_are_whole: bool = True
    policy_text: str | None = None
    contradictions: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    unmatched: tuple[str, ...] = ()
    disabled: tuple[Account, ...] = ()
    prefix: str = ""
    presence: SecretPresence = field(default_factory=SecretPresence)
    heartbeat: str | None = None
    heartbeat_is_read: bool = True
    renamed: Mapping[str, str] = field(default_factory=dict)
    has_signing_secret: bool = False

    @property
    def facts(self) -> tuple[Mapping[str, str], ...]:
        """The facts of every account, watched or disabled, that a match can fit."""
        return _facts_of(self.accounts, self.disabled)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The channels that can replace a missing or dead one, the preferred one first."""
        return fallback_channels(self.kinds)

    def without(self, refusing: AbstractSet[str] = frozenset()) -> AvailableChannels:
        """Returns the channels that alerts can be routed to, without those that refuse them."""
        names = self.channels.keys() - refusing
        return AvailableChannels(names, self.unread_kinds, default_channels(self.kinds))


def load(
    sources: Sources,
    *,
    prefix: str,
    stack_channels: Mapping[str, str],
    last_good_policy: Callable[[], str | None],
    kinds: Mapping[str, Kind] = KINDS,
    policy: str | None = None,
) -> Configuration:
    """Reads and parses the configuration, each part once.

    Args:
        sources: the text of the secrets and of the policy.
        prefix: the prefix of the secrets' names.
        stack_channels: by kind, the addresses of the channels that belong to the stack.
        last_good_policy: returns the text of the last valid policy, if there was one.
        kinds: the kinds of channels.
        policy: the text of a policy to use in place of the sources' own.
    """
    policy_faults = Faults()
    text = sources.policy(policy_faults) if policy is None else policy
    file, is_valid = policy_in_force(text, last_good_policy, policy_faults, kinds)
    secrets = parse_secrets(sources.secrets(), prefix, partial(resolve, file.providers), kinds)
    of_stack = {
        name: ConfiguredChannel(name, kinds[name], address)
        for name, address in stack_channels.items()
    }
    channels = {**of_stack, **secrets.channels}
    contradictions = tuple(_contradictions(file, secrets, channels.keys(), kinds))
    unmatched = tuple(_unmatched(file.policy, secrets)) if is_valid else ()
    own_faults = [*secrets.faults, *policy_faults, *contradictions]
    unmatched_faults = () if secrets.faults else map(unmatched_fault, unmatched)
    return Configuration(
        policy=file.policy,
        accounts=secrets.accounts,
        channels=channels,
        unread_kinds=secrets.unread_kinds,
        faults=Faults([*own_faults, *unmatched_faults]),
        secrets_are_whole=not secrets.faults,
        policy_text=text if is_valid else None,
        contradictions=contradictions,
        kinds=kinds,
        unmatched=unmatched,
        disabled=secrets.disabled,
        prefix=prefix,
        presence=secrets.presence,
        heartbeat=secrets.heartbeat,
        heartbeat_is_read=secrets.heartbeat_is_read,
        has_signing_secret=secrets.has_signing_secret,
    )


def inventory_of(configuration: Configuration) -> Inventory:
    """Returns the accounts and channels of a configuration, without a credential or an address."""
    return Inventory(
        public(account for account, _ in configuration.accounts),
        public(configuration.disabled),
        tuple(configuration.channels),
        tuple(configuration.unread_kinds),
        configuration.secrets_are_whole,
    )


def _unmatched(policy: Policy, secrets: ParsedSecrets) -> Iterator[str]:
    """Yields the places in the policy whose match fits no account, if there is an account."""
    if secrets.accounts:
        yield from unmatched_in_policy(policy, _facts_of(secrets.accounts, secrets.disabled))


def _facts_of(
    accounts: Iterable[WatchedAccount], disabled: Iterable[Account]
) -> tuple[Mapping[str, str], ...]:
    return tuple(account.facts for account in (*(it for it, _ in accounts), *disabled))


def _contradictions(
    file: PolicyFile,
    secrets: ParsedSecrets,
    channels: AbstractSet[str],
    kinds: Mapping[str, Kind],
) -> Iterator[str]:
    """Yields the faults of the configuration as a whole, which no part of it has by itself.

    They are: no account at all, a route or a digest to a channel that does not exist, a rule that
    tops up an account whose provider cannot be paid, and a slug of the policy that is in the
    catalogue too.
    """
    yield from catalogue_clashes(file.providers)
    if not secrets.accounts and not secrets.faults:
        yield "no secret holds an account, so nothing is watched"
    routed = dict.fromkeys(channel for route in file.policy.routes for channel in route.channels)
    digest = file.policy.digest
    named = {"policy routes": routed, "policy [digest]": digest.channels if digest else ()}
    for place, names in named.items():
        for channel in names:
            kind = kinds[kind_of(channel)]
            if channel not in channels and kind.name not in secrets.unread_kinds:
                owner = "stack" if kind.parse_secret is None else f"{kind.name} secret"
                yield f"{place}: {channel} does not exist: the {owner} has no such name"
    for rule in (rule for rule in file.policy.rules if rule.top_ups):
        for account, spec in secrets.accounts:
            if matches(rule.match, account.facts) and (why := spec.cannot_top_up(account)):
                where = f"policy rules, {rule.name}, top_up"
                yield f"{where}: {account.name} cannot be topped up: {why}"
