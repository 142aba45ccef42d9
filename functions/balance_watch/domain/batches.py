"""Batches: the accounts of one tick, split among workers, and what each worker leaves."""

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import groupby, pairwise
from math import ceil
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from balance_watch.domain.digest import Digest
from balance_watch.domain.digest_plan import DigestSpan
from balance_watch.domain.place_reports import PlaceReport

_T = TypeVar("_T")


class BatchMessage(NamedTuple):
    """What one worker is to do. It holds no key: the worker reads the secrets itself.

    Attributes:
        tick: the tick.
        plan: the token of the plan that it belongs to.
        number: which of the plan's batches it is, from 0.
        secrets: the names of the secrets that hold its accounts.
        accounts: the digests of its accounts' names.
        channels: the channels that alerts can be routed to.
        unread_kinds: the kinds of channels whose secret cannot be read.
        hosts: how many workers may ask each host at once; a host that is missing is of this batch
            alone.
        shared: the places that have accounts in other batches too.
        digest: the digest that the tick owes, if it owes one.
    """

    tick: datetime
    plan: str
    number: int
    secrets: tuple[str, ...]
    accounts: frozenset[bytes]
    channels: tuple[str, ...] = ()
    unread_kinds: tuple[str, ...] = ()
    hosts: Mapping[str, int] = {}
    shared: AbstractSet[str] = frozenset()
    digest: DigestSpan | None = None


class Plan(NamedTuple):
    """The batches of one tick.

    Attributes:
        tick: the tick.
        token: tells it from every other plan.
        left: the numbers of the batches that have not ended.
        is_sent: all of its messages are in the queue.
    """

    tick: datetime
    token: str
    left: frozenset[int]
    is_sent: bool = False


class BatchResult(Struct, frozen=True):
    """What a worker leaves of its batch.

    Attributes:
        counts: the counts of its summary, by name.
        unsaved: the accounts whose state could not be stored.
        paused: the accounts that are left alone, each with the time until when.
        suspects: the shared places of which no account of this batch could be read, each with the
            first tick of that.
        places: how the reads at each place ended.
        digest: the part of the digest about its accounts.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    unsaved: frozenset[str] = frozenset()
    paused: Mapping[str, datetime] = field(default_factory=dict)
    suspects: Mapping[str, datetime] = field(default_factory=dict)
    places: Mapping[str, PlaceReport] = field(default_factory=dict)
    digest: Digest | None = None


NAME_DIGEST = 8
"""The bytes that stand for a name in a message: two of 100,000 accounts share them once in billions
of configurations."""


def name_digest(account: str) -> bytes:
    """Returns what stands for an account's name in a message."""
    return hashlib.sha256(account.encode()).digest()[:NAME_DIGEST]


def split(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    """Returns the items in as few parts of at most `size` as there can be, equally large."""
    if not items:
        return []
    parts = ceil(len(items) / size)
    bounds = [len(items) * number // parts for number in range(parts + 1)]
    return [items[start:end] for start, end in pairwise(bounds)]


def with_neighbours(items: Sequence[_T], purses: Iterable[Hashable | None]) -> list[_T]:
    """Returns the items, those of one purse beside each other, else in their order."""
    first: dict[Hashable, int] = {}
    ranks = [
        index if purse is None else first.setdefault(purse, index)
        for index, purse in enumerate(purses)
    ]
    return [items[index] for index in sorted(range(len(items)), key=lambda it: (ranks[it], it))]


def split_by_purse(
    items: Sequence[_T], purses: Sequence[Hashable | None], size: int
) -> list[list[_T]]:
    """Returns the items in parts of at most `size`, about equally large, no purse in two of them.

    So the money of a purse is counted once. Only a purse of more than `size` items is split itself.
    """
    numbers = with_neighbours(range(len(items)), purses)
    groups: list[Sequence[int]] = []
    # Each item without a purse is a group of its own.
    for _, them in groupby(numbers, lambda it: purses[it] or it):
        groups += split(list(them), size)
    parts: list[list[_T]] = []
    left, room, target = len(items), 0, 0
    for group in groups:
        if not parts or len(parts[-1]) >= target or len(group) > room:
            parts.append([])
            room, target = size, ceil(left / ceil(left / size))
        parts[-1] += [items[number] for number in group]
        room -= len(group)
        left -= len(group)
    return parts


def spread(of_batches: Iterable[Iterable[str]]) -> dict[str, int]:
    """Returns in how many batches each name is, of those that are in several.

    Args:
        of_batches: the names of each batch, such as the hosts of its accounts.
    """
    found: dict[str, int] = {}
    for names in of_batches:
        for name in set(names):
            found[name] = found.get(name, 0) + 1
    return {name: number for name, number in found.items() if number > 1}
