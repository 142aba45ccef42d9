"""The secret of the heartbeat: one address, which no fault shows."""

import pytest

from balance_watch.notifiers.heartbeat import parse_heartbeat
from balance_watch.validation import Faults, Json
from tests.support.canaries import CORE, key

WHERE = "secret balance-watch/heartbeat"


@pytest.mark.parametrize(
    "url", ["https://hc-ping.com/1f", " https://hc-ping.com/p/slug?create=1\n"]
)
def test_an_address_may_have_a_query(url: str) -> None:
    faults = Faults()
    assert parse_heartbeat({"url": url}, WHERE, faults) == url.strip()
    assert list(faults) == []


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        ({"url": f"ftp://host/{key()}"}, "url is not an https address"),
        ({"url": f"https://user@host/{key()}"}, "url is not an https address"),
        ({"url": f"https://host/{key()}#part"}, "url is not an https address"),
        ({"url": ""}, "url is not an https address"),
        ({"url": None}, "url is not an https address"),
        ({"url": [key()]}, "url is not an https address"),
        ({}, 'must be a JSON object with the one field "url"'),
        (
            {"url": f"https://host/{key()}", "uuid": key()},
            "must be a JSON object with the one field",
        ),
        (f"https://host/{key()}", "must be a JSON object with the one field"),
        (None, "must be a JSON object with the one field"),
    ],
)
def test_anything_else_is_a_fault_that_shows_no_address(secret: Json, fault: str) -> None:
    faults = Faults()
    assert parse_heartbeat(secret, WHERE, faults) is None
    (found,) = faults
    assert found.startswith(f"{WHERE}: {fault}")
    assert CORE not in found
