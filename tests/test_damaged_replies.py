"""However a reply is damaged, every amount of a reading comes from it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.money import total
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import slugs
from balance_watch.transport import Reply
from tests.support.damaged_bodies import bodies
from tests.support.invented_amounts import invented_amounts
from tests.support.provider_reads import NOW, account_of, spec_of

EXAMPLES = 50
"""For each provider; about 6,000 bodies in total."""

TYPES = st.sampled_from(
    ["application/json", "application/json", "application/xml", "", "text/html"]
)


@pytest.mark.parametrize("slug", slugs())
def test_every_amount_of_a_reading_comes_from_the_damaged_reply(slug: str) -> None:
    spec, account = spec_of(slug), account_of(slug)

    @settings(max_examples=EXAMPLES)
    @given(bodies(slug), TYPES)
    def holds(body: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
        reply = Reply(200, body, headers)
        if spec.cost is None:
            result = parse_reply(spec, account, reply, NOW)
        else:
            result = run_flow(flow_for(spec, account, NOW, NOW), lambda _: reply)
        if isinstance(result, ReadFailure):
            assert isinstance(result.kind, FailureKind)
        elif isinstance(result, Reading) and result.estimate is not None:
            assert result.balance == total([result.estimate.bought], [result.estimate.cost])
        elif isinstance(result, Reading):
            assert invented_amounts(spec, result, body) == []

    holds()
