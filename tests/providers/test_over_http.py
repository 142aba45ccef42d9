"""Every provider of the catalogue over real HTTP: requests as documented, and their replies."""

import time
from collections.abc import Iterator

import pytest

from balance_watch.domain.reading import Reading
from local.loopback import LoopbackServer, Reply, Request
from tests.support.provider_reads import NOW, account_of, hasty_client, spec_of
from tests.support.samples import UNLIMITED, Sample, content_type, good_samples, on_the_wire

FIRST = {it.slug: it for it in reversed(good_samples()) if it.reading != UNLIMITED}


class Samples(LoopbackServer):
    """Replies to requests below `/<slug>` with that provider's sample, one body after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.received: dict[str, list[Request]] = {}

    def answer(self, request: Request) -> Reply:
        slug = request.path.split("/")[1]
        earlier = self.received.setdefault(slug, [])
        body = FIRST[slug].bodies[len(earlier)]
        earlier.append(request)
        return Reply(200, on_the_wire(body), content_type(body))


@pytest.fixture(scope="module")
def server() -> Iterator[Samples]:
    with Samples() as running:
        yield running


@pytest.mark.parametrize("sample", FIRST.values(), ids=FIRST)
def test_every_provider_s_balance_is_read_over_http(server: Samples, sample: Sample) -> None:
    spec, account = spec_of(sample.slug), account_of(sample.slug, f"{server.url}/{sample.slug}")
    result = hasty_client().read(spec, account, now=NOW, deadline=time.monotonic() + 10)
    assert isinstance(result, Reading), result
    assert (f"{result.balance:f}", result.currency) == (
        sample.reading["balance"],
        sample.reading["currency"],
    )
    requests = server.received[sample.slug]
    assert len(requests) == len(sample.bodies)
    assert requests[-1].method == spec.method
    assert all(it.headers["user-agent"].startswith("balance-watch/") for it in requests)
