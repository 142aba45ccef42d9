"""Specifications to change in a line, and how they parse replies."""

from collections.abc import Callable
from typing import Unpack

from balance_watch.domain.reading import ReadResult
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import parse_spec
from balance_watch.transport import Reply
from balance_watch.validation import Faults
from tests.support.provider_reads import NOW, Options, account_of
from tests.support.samples import on_the_wire

GOOD = """
name = "Example"
docs = "https://example.com/docs"
billing = "https://example.com/pay"
url = "https://api.example.com/balance"
auth = { headers = { Authorization = "Bearer $api_key" } }
currency = "USD"
[reply]
balance = "balance"
"""


def parse(text: str) -> tuple[Spec | None, Faults]:
    """Returns the specification of a text, and its faults."""
    faults = Faults()
    return parse_spec(text, "example", faults), faults


Parse = Callable[[object], ReadResult]


def own(reply: str, *more: str) -> Parse:
    """Returns how a specification with this reply parses bodies."""
    return by("\n".join((*GOOD.partition("[reply]")[0].splitlines(), *more, "[reply]", reply)))


def unstated(reply: str, **account: Unpack[Options]) -> Parse:
    """As `own`, for a provider that states no currency."""
    text = GOOD.replace('currency = "USD"\n', "").replace('balance = "balance"', reply)
    return by(text, **account)


def by(text: str, **account: Unpack[Options]) -> Parse:
    """Returns how a specification parses bodies."""
    spec, faults = parse(text)
    assert spec is not None, faults
    return lambda body: parse_reply(
        spec, account_of("you", **account), Reply(200, on_the_wire(body)), NOW
    )
