"""Signed webhooks: the JSON of the contract, and a signature that receivers can verify."""

import json
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.signed_webhooks import (
    new_signing_secret,
    parse_signed_webhooks,
    sign,
    webhook_channel,
)
from balance_watch.transport import Transport
from balance_watch.validation import Faults, Json
from local.loopback import Request
from local.webhook_receiver import SIGNING_SECRET, WebhookReceiver
from tests.support.canaries import CORE, key
from tests.support.inboxes import send
from tests.support.notifications import low
from tests.test_documentation import blocks

PAGE = "docs/channels.md"
Verify = Callable[[str, dict[str, str], bytes], bool]
URL = "https://hooks.example/x?token=1"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as server:
        yield server


@pytest.fixture
def request_sent(receiver: WebhookReceiver) -> Request:
    send("webhook", receiver, [low()])
    (request,) = receiver.requests
    return request


def test_a_webhook_has_the_json_of_the_contract(request_sent: Request) -> None:
    assert json.loads(request_sent.body) == for_machines(low())
    assert request_sent.headers["content-type"] == "application/json"


def test_its_id_is_that_of_the_alert_at_every_attempt(receiver: WebhookReceiver) -> None:
    for _ in range(2):
        send("webhook", receiver, [low()])
    assert {it["id"] for it in receiver.messages} == {low().alert_id}


def test_the_signature_is_that_of_the_documented_example() -> None:
    # https://docs.svix.com/receiving/verifying-payloads/how-manual and the reference libraries
    signed = sign(
        b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_time_of_the_signature_is_that_of_sending() -> None:
    channel = webhook_channel(Transport(), f"{URL} {SIGNING_SECRET}", now=lambda: 1700000000.9)
    ((_, request),) = channel.service.render([low()])
    assert request is not None
    assert request.headers["webhook-timestamp"] == "1700000000"


def test_the_time_of_the_signature_is_that_of_its_own_message_even_after_slow_ones() -> None:
    times = iter([1700000000.0, 1700000009.0])
    channel = webhook_channel(Transport(), f"{URL} {SIGNING_SECRET}", now=lambda: next(times))
    messages = channel.service.render([low(account="a"), low(account="b")])
    stamps = [request.headers["webhook-timestamp"] for _, request in messages if request]
    assert stamps == ["1700000000", "1700000009"]


def test_an_id_has_no_full_stop_which_separates_what_is_signed() -> None:
    assert "." not in low(account="a.b").alert_id


def in_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    (snippet,) = blocks(PAGE, "python")
    exec(snippet, names)  # noqa: S102 (the page's own code)
    return bool(names["verify"](secret, headers, body))


def in_javascript(secret: str, headers: dict[str, str], body: bytes) -> bool:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    (snippet,) = blocks(PAGE, "javascript")
    arguments = f"{json.dumps(secret)}, {json.dumps(headers)}, Buffer.from({body.hex()!r}, 'hex')"
    script = f"{snippet}\nconsole.log(verify({arguments}));"
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True)  # noqa: S603 (the page's own code)
    return {"true": True, "false": False}[done.stdout.strip()]


@pytest.mark.parametrize("verify", [in_python, in_javascript])
def test_the_code_on_the_page_verifies_a_webhook_and_nothing_else(
    request_sent: Request, verify: Verify
) -> None:
    headers, body = dict(request_sent.headers), request_sent.body
    assert verify(SIGNING_SECRET, headers, body)
    assert not verify(SIGNING_SECRET, headers, body + b" ")
    assert not verify(new_signing_secret(), headers, body)
    assert not verify(SIGNING_SECRET, {**headers, "webhook-id": "another"}, body)
    old = f"{int(time.time()) - 3600}"
    assert not verify(SIGNING_SECRET, {**headers, "webhook-timestamp": old}, body)


@pytest.mark.parametrize("page", ["python", "javascript"])
def test_the_code_on_the_page_has_ten_lines_at_most(page: str) -> None:
    (snippet,) = blocks(PAGE, page)
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 10


def parsed(secret: Json) -> tuple[dict[str, str], Faults]:
    faults = Faults()
    return parse_signed_webhooks(secret, "secret webhook", faults), faults


def test_a_secret_has_webhooks_and_one_signing_secret() -> None:
    secret = {"webhooks": {"default": URL}, "signing_secret": SIGNING_SECRET}
    assert parsed(secret) == ({"default": f"{URL} {SIGNING_SECRET}"}, [])
    assert parsed({**secret, "signing_secret": new_signing_secret()})[1] == []


@pytest.mark.parametrize(
    "secret",
    [
        key(),
        {"webhooks": {"default": URL}},
        {"webhooks": {}, "signing_secret": key()},
        {"webhooks": {"default": URL}, "signing_secret": 5},
        {"webhooks": {"default": URL}, "signing_secret": "whsec_c2hvcnQ="},
        {"webhooks": {"default": URL}, "signing_secret": f"whsec_{key()}"},
        {"webhooks": {"default": URL}, "signing_secret": "whsec_" + "A" * 88},
        {"webhooks": {"default": URL}, "signing_secret": SIGNING_SECRET.removeprefix("whsec_")},
        {"webhooks": {"default": URL}, "signing_secret": f"{SIGNING_SECRET[:-1]}-"},
        {"webhooks": {"default": URL}, "signing_secret": [SIGNING_SECRET]},
        {"webhooks": {"default": URL}, "signing_secret": None},
        {"webhooks": None, "signing_secret": SIGNING_SECRET},
        [],
        None,
        {"webhooks": {"default": key()}, "signing_secret": SIGNING_SECRET},
        {"webhooks": {"default": URL}, "signing_secret": SIGNING_SECRET, key(): 1},
    ],
)
def test_a_fault_in_the_secret_configures_nothing_and_shows_no_value(secret: Json) -> None:
    addresses, faults = parsed(secret)
    assert (addresses, len(faults)) == ({}, 1)
    assert CORE not in str(faults)
