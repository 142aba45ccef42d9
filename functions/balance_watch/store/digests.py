"""A digest as JSON, within the notification of an outbox entry."""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from balance_watch.domain.digest import Digest


def maybe_digest_to_json(digest: "Digest | None") -> Any:  # noqa: ANN401 (it is JSON)
    """Returns a digest as JSON, its numbers and times as text; None for None."""
    return None if digest is None else msgspec.to_builtins(digest, enc_hook=_plain)


def _plain(value: object) -> str:
    """Returns a text of a type of its own, such as a specification's unit, as a plain one.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return str(value)


def maybe_digest_from_json(json: object) -> "Digest | None":
    """Returns the digest of its JSON, or None for None; raises ValueError if it is malformed."""
    if json is None:
        return None
    from balance_watch.domain.digest import Digest  # few notifications have one

    try:
        return msgspec.convert(json, Digest)
    except msgspec.ValidationError:
        raise ValueError("not a digest") from None
