"""The exceptions of balance-watch. Within a run, a failure is a value and no exception."""


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


class CatalogueError(BalanceWatchError):
    """A file of the catalogue is invalid."""


class CommandError(BalanceWatchError):
    """A command could not do its job."""
