"""A service that misbehaves costs no other alert, no time beyond the deadline, and no key."""

import logging
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from balance_watch.notifiers.channels import KINDS, Connections
from balance_watch.notifiers.posting import PostingChannel
from balance_watch.transport import Transport
from balance_watch.validation import Faults
from local.webhook_receiver import SIGNING_SECRET
from tests.support.canaries import CORE, key
from tests.support.fault_catalogue import catalogue
from tests.support.fault_server import ALL_OF_LOOPBACK, FaultServer
from tests.support.inboxes import INBOXES, Time, configured
from tests.support.notifications import low

FAULTS = {name: fault for name, fault in catalogue().items() if not fault.tls}
TRANSPORT = Transport(ALL_OF_LOOPBACK)
ADDRESSES = {
    "port": "https://hooks.invalid:8443/x/{key}",
    "name of a private address": "https://localhost/x/{key}",
    "IPv6 loopback": "https://[::1]/x/{key}",
    "empty label": "https://a..invalid/x/{key}",
    "label that is too long": f"https://{'a' * 300}.invalid/x/{{key}}",
    "punycode": "https://xn--hoks-5qa.invalid/x/{key}",
    "bad punycode": "https://xn--a.invalid/x/{key}",
    "plain http": "http://hooks.invalid/x/{key}",
    "very long": "https://127.0.0.1/x/{key}" + "a" * 100_000,
}


def secret_of(kind: str, address: str) -> dict[str, Any]:
    """Returns the secret of a kind whose service is at this address."""
    if kind == "pagerduty":
        return {"routing_keys": {"default": key()}, "base_url": address}
    secret: dict[str, Any] = {"webhooks": {"default": address}}
    return secret | ({"signing_secret": SIGNING_SECRET} if kind == "webhook" else {})


def channel_at(kind: str, address: str) -> PostingChannel:
    channel = configured(kind, secret_of(kind, address)).connect(
        Connections(TRANSPORT, lambda _: None)
    )
    assert isinstance(channel, PostingChannel)
    return replace(channel, sleep=Time().sleep)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", INBOXES)
def test_whatever_a_service_does_every_alert_has_a_result_in_time(
    kind: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    alerts = [low(account=f"a{number}") for number in range(3)]
    with FaultServer(FAULTS[fault].behaviour) as server:
        channel = channel_at(kind, f"{server.url}/{CORE}")
        begun = monotonic()
        results = list(channel.send(alerts, deadline=begun + 0.4))
        assert monotonic() - begun < 3
    told = [it for result in results for it in (*result.accepted, *result.rejected)]
    assert sorted(told, key=lambda it: it.account) == alerts
    assert CORE not in repr(results) + caplog.text
    assert all(result.accepted or result.why for result in results)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("kind", INBOXES)
def test_an_address_that_leads_nowhere_is_a_refusal_that_shows_no_part_of_it(
    kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    untrusting = Connections(Transport(), lambda _: None)
    channel = configured(kind, secret_of(kind, ADDRESSES[name].format(key=CORE))).connect(
        untrusting
    )
    (result,) = channel.send([low()], deadline=monotonic() + 5)
    assert (result.rejected, result.permanent, result.unsure) == ((low(),), False, False)
    assert CORE not in repr(result) + caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "https://user:password@hooks.example/x",
        "https://user@hooks.example/x",
        "https://höoks.example/x",
        "https://hooks.example/ü",
        "https://hooks.example:0/x",
        "https://hooks.example:99999/x",
        "https://hooks.example/x#part",
        "https://hooks.example/x y",
        "https://hooks.example/x\r\nX-Header: 1",
        "https:///x",
        "ftp://hooks.example/x",
        "hooks.example/x",
        "//hooks.example/x",
        "",
    ],
)
@pytest.mark.parametrize("kind", INBOXES)
def test_an_address_that_no_webhook_has_is_a_fault_without_its_text(
    kind: str, address: str
) -> None:
    faults, parse = Faults(), KINDS[kind].parse_secret
    assert parse is not None
    found = parse(secret_of(kind, address), "secret", faults)
    assert (dict(found), len(faults)) == ({}, 1)
    assert not address or address not in str(faults)
