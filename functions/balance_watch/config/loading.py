"""Loads the configuration: policy, accounts and channels, with every fault of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from balance_watch.config.accounts import WatchedAccount
from balance_watch.config.policy import PolicyFile, policy_in_force
from balance_watch.config.secrets import ParsedSecrets, parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.domain.account import Account, matches
from balance_watch.domain.channels import AvailableChannels, kind_of
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
    """Where the operator's text comes from."""

    def secrets(self) -> Secrets:
        """Reads the secrets of accounts and channels."""
        ...

    def policy(self, faults: Faults) -> str | None:
        """Reads the policy; None after adding the fault that it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that the operator configured, as one run uses it.

    `channels` are by name as routes have it, the topic among them; `faults` are of the secrets, the
    policy and of both together; `secrets_are_whole` is False while a secret has a fault, so that an
    account may be missing; `policy_text` is the text of the policy in force, None while another one
    takes its place; `contradictions` are the faults that no secret and no policy has by itself.
    `unmatched` are the places in the policy whose match fits no account, faults only while
    `secrets_are_whole`. `disabled` are the accounts that are not watched. `prefix` begins the names
    of the secrets, and `presence` is which of them there are.
    """

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

    @property
    def facts(self) -> tuple[Mapping[str, str], ...]:
        """The facts of every account, watched or disabled, that a match can fit."""
        return _facts_of(self.accounts, self.disabled)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The channels that take the place of a missing or dead one, the first that exists."""
        return fallback_channels(self.kinds)

    def without(self, suspended: Mapping[str, object]) -> AvailableChannels:
        """Returns the channels that alerts can be routed to while some are suspended."""
        names = self.channels.keys() - suspended.keys()
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
    """Reads and parses everything once.

    Args:
        sources: the secrets and the policy.
        prefix: the beginning of the secrets' names.
        stack_channels: the addresses of the channels that the stack itself has, by kind.
        last_good_policy: returns the text of the last valid policy, if there was one.
        kinds: the kinds of channels.
        policy: the text of the policy, in place of the one of the sources.
    """
    policy_faults = Faults()
    text = sources.policy(policy_faults) if policy is None else policy
    file, is_its_own = policy_in_force(text, last_good_policy, policy_faults, kinds)
    secrets = parse_secrets(sources.secrets(), prefix, partial(resolve, file.providers), kinds)
    own = {name: ConfiguredChannel(name, kinds[name], it) for name, it in stack_channels.items()}
    channels = {**own, **secrets.channels}
    found = tuple(_contradictions(file, secrets, channels.keys()))
    # Of another policy than the one that was written, the places would be somewhere else.
    facts = _facts_of(secrets.accounts, secrets.disabled) if is_its_own else ()
    unmatched = tuple(unmatched_in_policy(file.policy, facts)) if facts else ()
    is_whole = not secrets.faults
    return Configuration(
        policy=file.policy,
        accounts=secrets.accounts,
        channels=channels,
        unread_kinds=secrets.unread_kinds,
        faults=Faults(
            [
                *secrets.faults,
                *policy_faults,
                *found,
                *(map(unmatched_fault, unmatched) if is_whole else ()),
            ]
        ),
        secrets_are_whole=is_whole,
        policy_text=text if is_its_own else None,
        contradictions=found,
        kinds=kinds,
        unmatched=unmatched,
        disabled=secrets.disabled,
        prefix=prefix,
        presence=secrets.presence,
    )


def _facts_of(
    accounts: Iterable[WatchedAccount], disabled: Iterable[Account]
) -> tuple[Mapping[str, str], ...]:
    return tuple(account.facts for account in (*(it for it, _ in accounts), *disabled))


def _contradictions(
    file: PolicyFile, secrets: ParsedSecrets, channels: AbstractSet[str]
) -> Iterator[str]:
    """Yields the faults that no secret and no policy has by itself.

    Nothing to watch, a route to a missing channel, an account that its rule cannot top up, two
    providers of one name.
    """
    yield from catalogue_clashes(file.providers)
    if not secrets.accounts and not secrets.faults:
        yield "no secret holds an account, so nothing is watched"
    routed = dict.fromkeys(channel for route in file.policy.routes for channel in route.channels)
    for channel in routed:
        kind = kind_of(channel)
        if channel not in channels and kind not in secrets.unread_kinds:
            yield f"policy routes: {channel} does not exist: the {kind} secret has no such name"
    for rule in (rule for rule in file.policy.rules if rule.top_ups):
        for account, spec in secrets.accounts:
            if matches(rule.match, account.facts) and (why := spec.cannot_top_up(account)):
                where = f"policy rules, {rule.name}, top_up"
                yield f"{where}: {account.name} cannot be topped up: {why}"
