"""The wording of a digest, which is the same in every channel that people read."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

from balance_watch.domain.digest import (
    AccountLine,
    Digest,
    FiringLine,
    LeapLine,
    Listed,
    Sum,
    TopUpLine,
    UnreadableLine,
)
from balance_watch.domain.formatting import counted, format_time, with_unit
from balance_watch.domain.rules import Severity
from balance_watch.notifiers.literal import printable

DRY = "dry"
"""Stands for the time until when an account lasts, if nothing is left."""

_T = TypeVar("_T")


class Section(NamedTuple):
    """A part of a digest: its title, and a line for each fact, without markup.

    `severities` are those of the first lines, where they are alerts.
    """

    title: str
    lines: tuple[str, ...]
    severities: tuple[Severity, ...] = ()


def headline(digest: Digest) -> str:
    """Returns a digest in one line, such as `2 alerts fire, spent about 24.50 USD`."""
    firing = len(digest.firing.lines) + digest.firing.more
    fires = f"{counted(firing, 'alert')} {'fires' if firing == 1 else 'fire'}"
    parts = [fires if firing else "nothing fires"]
    spent = [f"about {with_unit(it.amount, it.currency)}" for it in digest.spent.lines[:3]]
    if spent:
        more = len(digest.spent.lines) - len(spent) + digest.spent.more
        parts.append(f"spent {' and '.join(spent)}{' and more' if more else ''}")
    return ", ".join(parts)


def sections(digest: Digest, *, accounts: bool = True) -> Iterator[Section]:
    """Yields the parts of a digest that have something to say.

    Args:
        digest: the digest.
        accounts: whether the accounts are among them, a line each.
    """
    watched = counted(digest.accounts, "account")
    spent_since = f"Spent since {format_time(digest.since)}"
    yield Section(spent_since, _lines(digest.spent, spent_line) or ("Nothing.",))
    yield Section(f"Left in {watched}", _lines(digest.left, left_line) or ("No money is known.",))
    yield Section(
        "Fires now",
        _lines(digest.firing, firing_line) or ("Nothing.",),
        tuple(it.severity for it in digest.firing.lines),
    )
    if digest.topped_up.lines or digest.topped_up.more:
        yield Section("Topped up", _lines(digest.topped_up, top_up_line))
    if digest.unreadable.lines:
        yield Section("Cannot be read", _lines(digest.unreadable, unreadable_line))
    if digest.leaps.lines:
        yield Section("Spends far above usual", _lines(digest.leaps, leap_line))
    if accounts and digest.next.lines:
        lines = _lines(digest.next, partial(account_line, digest))
        yield Section("Accounts, those that run dry first", lines)


def more_line(number: int) -> str:
    """Returns the line that stands for what a list does not show."""
    return f"and {number:,} more"


def spent_line(it: Sum) -> str:
    """Returns what was spent in one unit."""
    return f"about {with_unit(it.amount, it.currency)}{_of(it)}"


def left_line(it: Sum) -> str:
    """Returns what is left in one currency."""
    return f"{with_unit(it.amount, it.currency)}{_of(it)}"


def firing_line(it: FiringLine) -> str:
    """Returns an alert that fires."""
    return f"{it.severity.value}: {it.account}, rule {it.rule}, since {format_time(it.since)}"


def top_up_line(it: TopUpLine) -> str:
    """Returns what an account was topped up by."""
    return f"{it.account} by {with_unit(it.amount, it.currency)}"


def unreadable_line(it: UnreadableLine) -> str:
    """Returns an account that cannot be read."""
    since = f", since {format_time(it.since)}" if it.since else ""
    return f"{it.account}: {it.failure.words.lower()}{since}"


def leap_line(it: LeapLine) -> str:
    """Returns an account that spends far above usual."""
    per_day, usual = with_unit(it.per_day, it.currency), with_unit(it.usual, it.currency)
    return f"{it.account}: about {per_day} a day, usually {usual}"


def account_line(digest: Digest, it: AccountLine) -> str:
    """Returns what is left of an account."""
    dry = runs_dry(digest, it)
    until = f"until {dry}" if dry and dry != DRY else dry
    parts = [f"{balance(it)} left", f"spent {spent(it)}" if it.spent is not None else "", until]
    return f"{it.account}: {', '.join(filter(None, parts))}"


def balance(it: AccountLine) -> str:
    """Returns the balance of an account."""
    return with_unit(it.balance, it.currency) + _estimate(is_estimate=it.is_estimate)


def spent(it: AccountLine) -> str:
    """Returns about what an account spent; empty if that is unknown."""
    return "" if it.spent is None else f"about {with_unit(it.spent, it.currency)}"


def runs_dry(digest: Digest, it: AccountLine) -> str:
    """Returns until when an account lasts; empty if that is not known, or it is filled up."""
    if it.runs_dry_at is None:
        return ""
    return DRY if it.runs_dry_at <= digest.until else format_time(it.runs_dry_at)


def _of(it: Sum) -> str:
    return f" in {counted(it.accounts, 'account')}{_estimate(is_estimate=it.is_estimate)}"


def _estimate(*, is_estimate: bool) -> str:
    return " (estimate)" if is_estimate else ""


def _lines(listed: Listed[_T], line: Callable[[_T], str]) -> tuple[str, ...]:
    shown = map(line, listed.lines)
    return (*shown, more_line(listed.more)) if listed.more else tuple(shown)


def text_of(digest: Digest) -> str:
    """Returns a digest as plain text, its parts one below the other."""
    parts = (
        "\n".join((section.title, *(f"  {printable(line)}" for line in section.lines)))
        for section in sections(digest)
    )
    return "\n\n".join(parts)
