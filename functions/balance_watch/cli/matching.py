"""Shows matches that fit no account, before they are put in force."""

from collections.abc import Iterable

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.terminal import print_faults
from balance_watch.config.loading import Configuration
from balance_watch.domain.formatting import counted
from balance_watch.wiring import Wiring


def load_if_allowed(wired: Wiring, policy: str | None = None) -> Configuration | None:
    """Returns the configuration with this policy; None to a user who cannot read the secrets."""
    try:
        return wired.load(policy)
    except (BotoCoreError, ClientError):
        return None


def print_unmatched(places: Iterable[str], number: int) -> None:
    """Prints for each of these places that it matches none of this number of accounts."""
    if number:
        accounts = counted(number, "account")
        print_faults([f"{place}: matches 0 of {accounts}" for place in places])
