"""What balance-watch raises at its edge; inside a run, failures are values."""

from balance_watch.domain.payment import PaymentOutcome


class BalanceWatchError(Exception):
    """The root of all of them. Its message says what, where and what to do, and holds no secret."""


class SettingsError(BalanceWatchError):
    """The environment lacks something, or has something that cannot be meant."""


class EventError(BalanceWatchError):
    """The function was invoked with an event that is not understood."""


class RunUnderWayError(BalanceWatchError):
    """Another run holds the table. It will be over, or its lease will: try again later."""


class FutureTickError(BalanceWatchError):
    """The table's latest tick is in the future, and would have every real one skipped."""


class RunIncompleteError(BalanceWatchError):
    """The run stored all it did, but deferred accounts or still owes notifications."""


class CatalogueError(BalanceWatchError):
    """A file of the catalogue is not in order."""


class SilenceError(BalanceWatchError):
    """A silence cannot be added: it is invalid, or there are too many already."""


class TopUpError(BalanceWatchError):
    """An account cannot be topped up through its provider's API."""


class PaymentNotRecordedError(BalanceWatchError):
    """A payment was made, but the table could not record its outcome."""

    def __init__(self, account: str, outcome: PaymentOutcome) -> None:
        super().__init__(f"The outcome of the payment to {account} is not recorded: {outcome}.")
        self.outcome = outcome


class CommandError(BalanceWatchError):
    """The command line could not do what it was asked."""
