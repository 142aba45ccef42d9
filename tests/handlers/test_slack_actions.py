"""The function URL of SlackActions: what it takes, and what it refuses."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from balance_watch.config.settings import SlackActionsSettings
from balance_watch.handlers import runtime
from balance_watch.handlers.slack_actions import handler, respond
from balance_watch.notifiers.slack_interactions import is_response_url, parse_interaction
from balance_watch.wiring import SlackActionsWiring
from local.aws import EmbeddedAws
from tests.support.dynamodb_clients import refusal
from tests.support.slack_presses import SECRET, SlackTransport, pressed, request

NOW = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
MESSAGE = {"text": "sms is low", "blocks": []}
VALUE = {"alert": "6a3c7f0e-52a0-5a0e-9f0b-3f2a8a0f5b11", "at": 1795341900, "account": "sms"}


class Secret:
    """A client of Secrets Manager with the slack secret; counts how often it is read."""

    def __init__(self, text: str | None) -> None:
        self.text, self.reads = text, 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 (boto3's name)
        assert SecretId == "balance-watch/slack"
        self.reads += 1
        if self.text is None:
            raise refusal("ResourceNotFoundException", "GetSecretValue")
        return {"SecretString": self.text}


class NoTable:
    """A client of DynamoDB that nobody may ask for anything."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


SIGNED = json.dumps({"webhooks": {}, "signing_secret": SECRET})


def wired(text: str | None = SIGNED) -> SlackActionsWiring:
    clients: dict[str, Any] = {"secretsmanager": Secret(text), "dynamodb": NoTable()}
    settings = SlackActionsSettings(table_name="t", check_function="CheckBalances")
    return SlackActionsWiring(settings, clients.__getitem__, make_transport=SlackTransport)


def body(action_id: str = "open", value: object = None, **changes: object) -> bytes:
    text = json.dumps(VALUE) if value is None else value
    return pressed(MESSAGE, {"action_id": action_id, "value": text, **changes})


def status(event: dict[str, Any], made: SlackActionsWiring | None = None) -> int:
    return int(respond(made or wired(), event, NOW)["statusCode"])


def test_a_signed_request_is_taken() -> None:
    assert status(request(body(), NOW)) == 200


def test_a_body_that_is_not_encoded_is_taken() -> None:
    event = request(body(), NOW) | {"body": body().decode(), "isBase64Encoded": False}
    assert status(event) == 200


@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase])
def test_the_names_of_headers_may_be_in_any_case(change: Callable[[str], str]) -> None:
    event = request(body(), NOW)
    headers = {change(name): value for name, value in event["headers"].items()}
    assert status(event | {"headers": headers}) == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", None])
def test_the_signature_alone_decides_whatever_the_content_type(content_type: str | None) -> None:
    assert status(request(body(), NOW, headers={"content-type": content_type})) == 200


EVENTS: list[dict[str, Any]] = [
    {},
    request(body(), NOW, "another secret of Slack"),
    request(body(), NOW - timedelta(minutes=6)),
    request(body(), NOW + timedelta(minutes=6)),
    request(body(), NOW + timedelta(days=36500)),
    request(body(), NOW) | {"body": "cGF5bG9hZA=="},
    # What was signed is the other form of the body.
    request(body(), NOW) | {"isBase64Encoded": False},
    request(body(), NOW) | {"body": body().decode()},
    request(body(), NOW) | {"body": request(body(), NOW)["body"] + "AA=="},
    request(body() + b" ", NOW) | {"body": request(body(), NOW)["body"]},
    request(body(), NOW) | {"body": "\ud800", "isBase64Encoded": False},
    request(body(), NOW) | {"body": "\u00e9"},
    request(body(), NOW) | {"body": "no base64!"},
    request(body(), NOW) | {"body": None},
    request(body(), NOW) | {"body": ["x"]},
    request(body(), NOW) | {"headers": None},
    request(body(), NOW, headers={"x-slack-signature": None}),
    request(body(), NOW, headers={"x-slack-request-timestamp": None}),
    request(body(), NOW, headers={"X-Slack-Signature": "v0=0"}),
    request(body(), NOW, headers={"x-slack-signature": "v0="}),
    request(body(), NOW, headers={"x-slack-signature": "v1=" + "0" * 64}),
    request(body(), NOW, headers={"x-slack-signature": "v0=\ud800"}),
    request(body(), NOW, headers={"x-slack-request-timestamp": "1795341900.0"}),
    request(body(), NOW, headers={"x-slack-request-timestamp": "\u0661\u0667\u0669\u0665"}),
    request(body(), NOW, headers={"x-slack-request-timestamp": "-1"}),
    request(body(), NOW, headers={"x-slack-request-timestamp": "9" * 400}),
    request(b"a" * 1_000_001, NOW),
]


@pytest.mark.parametrize("event", EVENTS)
def test_every_other_request_is_refused_and_touches_nothing(event: dict[str, Any]) -> None:
    assert status(event) == 401


@pytest.mark.parametrize(
    "text",
    [
        None,
        "no JSON",
        "[]",
        json.dumps({"webhooks": {}}),
        json.dumps({"webhooks": {}, "signing_secret": ""}),
        json.dumps({"webhooks": {}, "signing_secret": "short"}),
        json.dumps({"webhooks": {}, "signing_secret": 7}),
    ],
)
def test_without_a_signing_secret_every_request_is_refused(text: str | None) -> None:
    for secret in (SECRET, "", "short"):
        assert status(request(body(), NOW, secret), wired(text)) == 401


def test_the_secret_is_read_once_a_minute_however_many_requests_come() -> None:
    seconds = iter([0.0, 0.0, 59.0, 60.0, 60.0])
    made = replace(wired(), clock=lambda: next(seconds))
    secret = cast("Secret", made.client("secretsmanager"))
    assert [made.signing_secret(), made.signing_secret()] == [SECRET, SECRET]
    assert secret.reads == 1
    assert made.signing_secret() == SECRET
    assert secret.reads == 2


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"payload",
        b"payload=%ff",
        b"\xff\xfe",
        b"{}",
        b"payload=[]",
        b"payload=null",
        b"payload=" + b"[" * 100_000,
        urlencode({"payload": "{}", "x": 1}).encode() * 20,
        body("acknowledge", "no JSON"),
        body("acknowledge", "[]"),
        body("acknowledge", "x" * 2001),
        body("acknowledge", json.dumps({**VALUE, "alert": "x"})),
        body("acknowledge", json.dumps({**VALUE, "alert": "../../RUN"})),
        body("acknowledge", json.dumps({**VALUE, "at": -1})),
        body("acknowledge", json.dumps({**VALUE, "at": 10**18})),
        body("acknowledge", json.dumps({**VALUE, "account": ""})),
        body("acknowledge", json.dumps({**VALUE, "account": "a" * 401})),
        body("acknowledge", json.dumps({**VALUE, "account": "\ud800"})),
        body("acknowledge", json.dumps({**VALUE, "at": 1.5})),
        body("acknowledge", json.dumps({**VALUE, "at": float("nan")})),
        body("acknowledge", json.dumps(VALUE).replace("1795341900", "9" * 1900)),
        body("acknowledge", json.dumps({**VALUE, "more": 1})),
        # As deep as the length of a value allows.
        body("acknowledge", "[" * 2000),
        body("acknowledge", '{"a":' * 400),
        # More digits than Python converts.
        b"payload=" + b"9" * 900_000,
        b"payload={}&payload={}",
        "payload={\u00e9}".encode("latin-1"),
        pressed(MESSAGE, {"action_id": "acknowledge", "value": json.dumps(VALUE)}, ("<!x>", "n")),
    ],
)
def test_what_is_signed_and_yet_invalid_is_refused_and_touches_nothing(sent: bytes) -> None:
    assert status(request(sent, NOW)) == 400


@pytest.mark.parametrize("action_id", ["open", "silence:5y", "silence", "top_up:1", "", "x" * 999])
def test_a_button_that_does_nothing_is_answered(action_id: str) -> None:
    assert status(request(body(action_id), NOW)) == 200


@pytest.mark.parametrize(
    ("url", "is_slacks"),
    [
        ("https://hooks.slack.com/actions/T0/1/x", True),
        ("http://hooks.slack.com/actions/T0/1/x", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://evil.example/hooks.slack.com", False),
        ("https://hooks.slack.com@evil.example/", False),
        ("https://evil.example#hooks.slack.com", False),
        ("https://hooks.slack.com:8443/", False),
        ("https://169.254.169.254/latest", False),
        ("https://hooks.slack.com\\@evil.example/", False),
        ("https://hooks.slack.com\n.evil.example/", False),
        ("//hooks.slack.com/x", False),
        ("", False),
    ],
)
def test_only_slack_is_answered(url: str, *, is_slacks: bool) -> None:
    assert is_response_url(url) is is_slacks
    button = {"action_id": "acknowledge", "value": json.dumps(VALUE)}
    sent = pressed(MESSAGE, button, response_url=url)
    interaction = parse_interaction(sent)
    assert interaction is not None
    assert interaction.response_url == (url if is_slacks else "")


@pytest.mark.parametrize(
    ("url", "is_trusted"),
    [
        ("http://127.0.0.1:8080/actions/1", True),
        ("https://127.0.0.1:8080/actions/1", True),
        ("http://127.0.0.1:8081/actions/1", False),
        ("http://127.0.0.1/actions/1", False),
        ("http://127.0.0.1:8080@evil.example/", False),
        ("http://evil.example/127.0.0.1:8080", False),
        ("ftp://127.0.0.1:8080/", False),
    ],
)
def test_a_trusted_host_is_answered_as_well(url: str, *, is_trusted: bool) -> None:
    assert is_response_url(url, frozenset({"127.0.0.1:8080"})) is is_trusted
    assert not is_response_url(url)


def test_no_address_of_an_answer_is_shown() -> None:
    sent = body("acknowledge")
    assert "hooks.slack.com" not in repr(parse_interaction(sent))


def test_the_name_of_a_person_is_bounded_and_shows_every_character() -> None:
    sent = pressed(
        MESSAGE,
        {"action_id": "acknowledge", "value": json.dumps(VALUE)},
        ("U0ANN", "\u202e" + "a" * 500),
    )
    interaction = parse_interaction(sent)
    assert interaction is not None
    assert len(interaction.person.name) <= 80
    assert "\u202e" not in interaction.person.name


def test_the_handler_refuses_whoever_is_not_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedAws() as aws:
        for name, value in {**aws.environment, "CHECK_FUNCTION": "CheckBalances"}.items():
            monkeypatch.setenv(name, value)
        runtime.forget_starts()
        context: Any = None
        assert handler(request(body(), datetime.now(UTC)), context)["statusCode"] == 401
        aws.put_secret("balance-watch/slack", {"webhooks": {}, "signing_secret": SECRET})
        runtime.forget_starts()
        events: list[object] = [None, [], {"rawPath": "/"}]
        for event in events:
            assert handler(event, context)["statusCode"] == 401
        assert handler(request(body(), datetime.now(UTC)), context)["statusCode"] == 200
        runtime.forget_starts()
