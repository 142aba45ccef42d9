"""Recognizes used-up credit in the body of a request that failed, whatever its status is.

Providers say it in a code or a type (OpenAI's 429 has `insufficient_quota`:
platform.openai.com/docs/guides/error-codes), or in the type or status of a problem document (RFC
9457). A rate that is too high is no used-up credit, so a word such as `quota` alone does not count.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from http import HTTPStatus

from balance_watch.validation import Json

_FIELDS = ("code", "type", "error", "status", "errors", "reason", "error_code", "title")
_WORDS = (
    r"insufficient_(user_)?(quota|balance|credits?|funds)|(out_of|no|not_enough)_credits?"
    r"|(credits?|balance|token_quota)_(exhausted|depleted|used_up)|payment_required"
    r"|billing_hard_limit_reached|billing_not_active"
)
_DEPTH = 3


def says_out_of_credit(body: Json) -> bool:
    """Tells whether a body names used-up credit in one of its codes, types or statuses."""
    return any(map(_is_out_of_credit, _codes(body)))


def _codes(body: Json, depth: int = _DEPTH) -> Iterator[Json]:
    if isinstance(body, list):
        for element in body[:5]:
            yield from _codes(element, depth)
    if not isinstance(body, dict) or not depth:
        return
    for field in _FIELDS:
        value = body.get(field)
        if isinstance(value, dict | list):
            yield from _codes(value, depth - 1)
        else:
            yield value


def _is_out_of_credit(code: Json) -> bool:
    if isinstance(code, Decimal):
        return code == HTTPStatus.PAYMENT_REQUIRED
    if not isinstance(code, str):
        return False
    # The type of a problem document is an address, whose last part is the word.
    word = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code).lower()).strip("_")
    if code.startswith(("http", "urn:")):
        return re.search(_WORDS, word) is not None
    return code == "402" or re.fullmatch(_WORDS, word) is not None
