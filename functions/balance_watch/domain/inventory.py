"""The inventory: what a run found configured, for commands that may not read a secret."""

from collections.abc import Iterable, Mapping
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from balance_watch.domain.account import Account


class Inventory(Struct, frozen=True):
    """The accounts and channels of a run's configuration, without a credential or an address.

    Attributes:
        accounts: the accounts that are watched, in the order of the secrets.
        disabled: those that are configured, but not watched.
        channels: the names of the channels.
        unread_kinds: the kinds of channels whose secret could not be read or has a fault.
        is_whole: False if a secret could not be read or has a fault, so that accounts of it may be
            missing, or stand here as an earlier run found them.
    """

    accounts: tuple[Account, ...] = ()
    disabled: tuple[Account, ...] = ()
    channels: tuple[str, ...] = ()
    unread_kinds: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def facts(self) -> tuple[Mapping[str, str], ...]:
        """The facts of every account, watched or disabled, that a match can fit."""
        return tuple(account.facts for account in (*self.accounts, *self.disabled))

    def with_those_of(self, before: Self | None) -> Self:
        """Returns the inventory with the accounts that only an earlier one has, if it is not whole.

        A secret that cannot be read for a while leaves its accounts where people look for them.
        """
        if self.is_whole or before is None:
            return self
        names = {account.name for account in (*self.accounts, *self.disabled)}
        missing = [account for account in before.accounts if account.name not in names]
        return replace(self, accounts=(*self.accounts, *missing))

    def removed(self, before: Self | None, others: Iterable[str] = ()) -> list[str]:
        """Returns the names of the accounts that are no longer watched, in order.

        Args:
            before: the inventory before.
            others: names of accounts that were watched before, beside those of the inventory.
        """
        known = {*others, *(it.name for it in before.accounts)} if before else set(others)
        return sorted(known - {it.name for it in self.accounts})


def public(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Returns accounts with what people may see: no credential, address or variable."""
    return tuple(
        replace(
            account,
            credentials={},
            variables={},
            base_url=None,
            auth=None,
            declared=None,
            settled=None,
            purse=None,
        )
        for account in accounts
    )
