"""Where a reply has each fact: the tables `success` and `reply` of a specification."""

import msgspec

from balance_watch.providers.spec_types import AmountPaths, Path


class Success(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the body that tells whether the request succeeded, whatever the HTTP status is.

    `required`: a body without the field is a failure too.
    """

    path: Path
    equals: str | int | bool
    required: bool = True


class ReplyPaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the reply has each fact, below `root`. Only `balance` is required.

    `each` is a list with an entry per currency, and `balance` and `currency` are paths into an
    entry; with `add_up`, the entries of one currency are parts of one balance. `credit_limit` is
    only for a balance that does not include it, and that may fall below 0 by this much. `renews`
    tells whether a quota resets by itself, for a provider that has both kinds of accounts.
    """

    balance: AmountPaths
    root: Path = Path("@")
    each: Path | None = None
    add_up: bool = False
    currency: Path | None = None
    credits: Path | None = None
    points: Path | None = None
    provider_flag: Path | None = None
    provider_threshold: Path | None = None
    auto_reload: Path | None = None
    auto_reload_threshold: Path | None = None
    auto_reload_amount: Path | None = None
    provider_time: Path | None = None
    resets_at: Path | None = None
    renews: Path | None = None
    credit_limit: Path | None = None
    expires_at: Path | None = None
    status: Path | None = None


NO_REPLY = ReplyPaths(balance=AmountPaths(()))
