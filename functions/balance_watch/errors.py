"""The exceptions of balance-watch. Within a run, a failure is a value and no exception."""

from balance_watch.domain.payment import PaymentOutcome


class BalanceWatchError(Exception):
    """The base of all of them. Its message says what, where and what to do, and holds no secret."""


class SettingsError(BalanceWatchError):
    """The environment is missing a variable, or has an invalid one."""


class EventError(BalanceWatchError):
    """The function was invoked with an invalid event."""


class RunUnderWayError(BalanceWatchError):
    """Another run holds the lease. Try again when that run, or its lease, has ended."""


class FutureTickError(BalanceWatchError):
    """The latest tick in the table is in the future, so every current tick would be skipped."""


class RunIncompleteError(BalanceWatchError):
    """The run deferred accounts or left entries in the outbox; all that it did is stored."""


class QueueError(BalanceWatchError):
    """The queue of batches did not take all messages; the same tick can be invoked again."""


class CatalogueError(BalanceWatchError):
    """A file of the catalogue is invalid."""


class SilenceError(BalanceWatchError):
    """A silence cannot be added: it is invalid."""


class TopUpError(BalanceWatchError):
    """An account cannot be topped up through its provider's API."""


class PaymentNotRecordedError(BalanceWatchError):
    """A payment was made, but the table could not record its outcome."""

    def __init__(self, account: str, outcome: PaymentOutcome) -> None:
        super().__init__(f"The outcome of the payment to {account} is not recorded: {outcome}.")
        self.outcome = outcome


class CommandError(BalanceWatchError):
    """A command could not do its job."""
