"""Shows what of a policy can never fire, before it is put in force."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.connection import similar
from balance_watch.config.loading import Configuration
from balance_watch.config.sources import Secrets
from balance_watch.domain.account import matches
from balance_watch.domain.formatting import counted
from balance_watch.domain.metrics import METRICS
from balance_watch.store.accounts import Accounts
from balance_watch.wiring import Wiring


def secrets_if_allowed(wired: Wiring) -> Secrets | None:
    """Returns the secrets; None to a user who cannot read them."""
    try:
        return wired.secrets()
    except (BotoCoreError, ClientError):
        return None


def unmatched_lines(places: Iterable[str], number: int) -> list[str]:
    """Returns for each of these places that it matches none of this number of accounts."""
    accounts = counted(number, "account")
    return [f"{place}: matches 0 of {accounts}" for place in places] if number else []


def nearest(match: Mapping[str, str], accounts: Sequence[Mapping[str, str]]) -> str:
    """Says which globs a match may mean, for each of its own that no account matches.

    Args:
        match: globs by fact.
        accounts: the facts of each account.
    """
    meant = list[str]()
    for fact, glob in match.items():
        values = {facts[fact] for facts in accounts if fact in facts}
        if not values:
            known = {it for facts in accounts for it in facts if it.startswith("labels.")}
            meant += (f"{it}={glob}" for it in similar(fact, known))
        elif not any(matches({fact: glob}, {fact: value}) for value in values):
            meant += (f"{fact}={it}" for it in similar(glob.strip("*?"), sorted(values)))
    return f". Did you mean {' or '.join(meant)}?" if meant else ""


def untold_lines(configuration: Configuration, stored: Accounts) -> Iterator[str]:
    """Yields each rule whose metric none of its accounts has told in its latest reading.

    An account that was never read may tell it.
    """
    now = datetime.now(UTC)
    accounts = [account for account, _ in configuration.accounts]
    try:
        states = stored.states([account.name for account in accounts])
    except (BotoCoreError, ClientError):
        return  # The table cannot be read: then nothing is known of the readings.
    for rule in configuration.policy.rules:
        own = [it for it in accounts if matches(rule.match, it.facts)]
        readings = [states[it.name].reading if it.name in states else None for it in own]
        info = METRICS[rule.metric]
        if own and all(it is not None and info.is_missing(it, now) for it in readings):
            place = f"policy rules, {rule.name}"
            yield f"{place}: no account that it matches tells {rule.metric}"
