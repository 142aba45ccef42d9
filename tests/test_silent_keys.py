"""Keys and webhooks, everywhere they could come out: a day on which everything goes wrong at once.

The day is passed once, at the start, with a canary in every credential and address; each test then
searches what was heard at one place. All that any other test logs and reports is searched as well:
tests/conftest.py does it, and is tested here in a session of its own.
"""

import json
import logging
import subprocess
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import boto3
import pytest
from botocore.model import OperationModel

from balance_watch.cli.main import main
from balance_watch.config.accounts import AccountEntry
from balance_watch.config.settings import CheckSettings
from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.errors import SettingsError
from balance_watch.handlers import check_balances, runtime
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import catalogue_provider
from balance_watch.providers.request import balance_request, top_up_request
from balance_watch.transport import Reply
from balance_watch.wiring import Wiring
from local import loopback
from local.aws import EmbeddedAws
from local.slack_inbox import SlackInbox
from tests.support.canaries import CORE, canary_form, key, puts_a_secret, record_text, webhook
from tests.support.fault_behaviours import sends
from tests.support.fault_server import FaultServer, closed_port

ROOT = Path(__file__).resolve().parents[1]

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
PREFIX = "balance-watch/"

POLICY = """
[defaults]
unreadable_after = 1
[[rules]]
name = "pays in"
match = { account = "paying" }
below = 20
top_up = { max_per_day = 1 }
[[routes]]
channels = ["sns", "slack:default", "slack:refused", "slack:moved", "slack:denying"]
"""

MISPLACED_IN_A_POLICY = f"""
{key("section")!r} = 1
[defaults]
reminder = "{key("reminder")}"
"{key("field")}" = "24h"
[[rules]]
name = ["{key("name")}"]
below = "{key("below")}"
severity = "{key("severity")}"
[[rules]]
name = "low"
below = 1
top_up = {{ "{key("top_up")}" = 1 }}
match = {{ "{key("fact")}" = "x" }}
[[mute_times]]
from = "{key("from")}"
to = "18:00"
days = ["{key("days")}"]
timezone = "{key("timezone")}"
[[routes]]
match = {{ "{key("fact")}" = "x" }}
channels = ["{webhook("channel")}", "slack:{webhook("slack")}"]
"""

ECHO = b'{"detail": "<key> <url> <base64>", "error-code-label": "<key>", "message": "<pair>"}'
FINE = b'{"data": {"attributes": {"balance": 9900}}}'
LOW = b'{"data": {"attributes": {"balance": 100}}}'
TOLD = b'{"balance": 1, "statusExplanation": "the key <key> is <url> is <base64>, with love"}'
TOLD_AT_LENGTH = b'{"balance": 1, "statusExplanation": "%s<key>%s"}' % (b"x" * 195, b"y" * 9_800)

REPLIES: dict[str, tuple[str, loopback.Reply]] = {
    "low": ("you", loopback.Reply(200, LOW)),
    "paying": ("vonage", loopback.Reply(200, b'{"value": 1, "autoReload": true}')),
    "rejected": ("you", loopback.Reply(401, ECHO, headers={"WWW-Authenticate": "Key <key>"})),
    "not-allowed": ("vonage", loopback.Reply(403, ECHO)),
    "blocked": ("vonage", loopback.Reply(403, b"<html>" + ECHO, "text/html")),
    "limited": ("vonage", loopback.Reply(429, ECHO, headers={"Retry-After": "<key>"})),
    "failing": ("legnext", loopback.Reply(503, ECHO)),
    "moved": ("vonage", loopback.Reply(302, ECHO, headers={"Location": "https://<url>/?<key>"})),
    "unparsable": ("you", loopback.Reply(200, b'{"<key>')),
    "a-page": ("legnext", loopback.Reply(200, b"<html><key>")),
    "xml": ("vonage", loopback.Reply(200, b"<a><value><base64></value></a>", "application/xml")),
    "no-number": ("you", loopback.Reply(200, LOW.replace(b"100", b'"<key>"'))),
    "no-currency": (
        "aimlapi",
        loopback.Reply(200, b'{"current_balance": 1, "currency": "<key>"}'),
    ),
    "no-code": ("legnext", loopback.Reply(200, b'{"code": "<key>", "message": "<key>"}')),
    "told": ("aimlapi-v1-legacy", loopback.Reply(200, TOLD)),
    "told-at-length": ("aimlapi-v1-legacy", loopback.Reply(200, TOLD_AT_LENGTH)),
}


TRIED_AGAIN = ("failing", "headers", "limited", "no-code", "refused")
"""What is asked again after a pause: once a day is enough for them."""


class Surface(dict[str, str]):
    """What was heard, by place. Its repr shows nothing: pytest would print it of a failed test."""

    def __repr__(self) -> str:
        return f"{len(self)} places"

    def add(self, place: str, *texts: object) -> None:
        self[place] = "\n".join([self.get(place, ""), *map(str, texts)])


class Heard:
    """All that was heard in a day."""

    def __init__(self) -> None:
        self.log, self.items, self.topic, self.slack = (Surface() for _ in range(4))
        self.output, self.results, self.commands, self.reprs = (Surface() for _ in range(4))


def leaks(surface: Surface) -> list[str]:
    """Where a key is in it, and how written: never the key."""
    assert surface
    forms = ((place, canary_form(text)) for place, text in surface.items())
    return [f"{place}: {form}" for place, form in forms if form]


class Ear(logging.Handler):
    """Hears every record; requests that publish are the topic's, too."""

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self._heard = heard

    def filter(self, record: logging.LogRecord) -> bool:
        """Powertools has every handler of the root leave out the function's own log."""
        del record
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if puts_a_secret(record):
            return
        told = record_text(record)
        self._heard.log.add(record.name, told)
        called = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(called, OperationModel) and called.name == "PublishBatch":
            self._heard.topic.add("a request to publish", told)


class Context:
    """As much of Lambda's context as the handler looks at."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


class Providers(loopback.LoopbackServer):
    """Answers by the first part of the path, an account's name, and repeats that account's key."""

    def __init__(self) -> None:
        super().__init__()
        self.replies = dict(REPLIES)

    def answer(self, request: loopback.Request) -> loopback.Reply:
        name = request.path.split("/")[1]
        _, reply = self.replies["rejected" if request.method == "POST" else name]
        return replace(
            reply,
            body=written(reply.body.decode(), name).encode(),
            headers={field: written(value, name) for field, value in reply.headers.items()},
        )


def written(text: str, name: str) -> str:
    own, pair = key(name), f"{key(name)}:{key(f'{name}-secret')}"
    for mark, value in {
        "<key>": own,
        "<url>": quote_plus(own),
        "<base64>": b64encode(own.encode()).decode(),
        "<pair>": b64encode(pair.encode()).decode(),
    }.items():
        text = text.replace(mark, value)
    return text


class Hooks(loopback.LoopbackServer):
    """Webhooks and a switch that repeat their own address, which is the secret."""

    def answer(self, request: loopback.Request) -> loopback.Reply:
        address = f"{self.url}{request.path}"
        moved = request.path.startswith("/moved")
        status, headers = (302, {"Location": f"{address}/on"}) if moved else (404, {})
        return loopback.Reply(status, address.encode(), "text/plain", headers)


class SecretInbox(SlackInbox):
    """An inbox whose addresses are keys, as Slack's own are."""

    def webhook(self, name: str) -> str:
        return f"{super().webhook(name)}/{key(name)}"

    def answer(self, request: loopback.Request) -> loopback.Reply:
        path, _, _ = request.path.rpartition(f"/{CORE}")
        return super().answer(replace(request, path=path))


class Day:
    """The parts of a day, and what is heard of it."""

    def __init__(self, stack: ExitStack) -> None:
        self.heard = Heard()
        self.patch = stack.enter_context(pytest.MonkeyPatch.context())
        self.aws = stack.enter_context(EmbeddedAws())
        self.slack = stack.enter_context(SecretInbox())
        self.providers = stack.enter_context(Providers())
        self.hooks = stack.enter_context(Hooks())
        broken = f"HTTP/1.1 200 OK\r\n: {key()}\r\nbroken {key()}\r\n\r\n{{}}".encode()
        self.headers = stack.enter_context(FaultServer(sends(broken)))
        self.nobody = f"127.0.0.1:{closed_port()}"
        stack.enter_context(listening(Ear(self.heard)))
        parts = (self.slack, self.providers, self.hooks, self.headers)
        self.environment(**self.aws.environment)
        self.environment(
            TRUSTED_HOSTS=",".join([self.nobody, *(part.authority for part in parts)]),
            HEARTBEAT_URL=f"{self.hooks.url}/ping/{key('switch')}",
            LOG_LEVEL="DEBUG",
            COLUMNS="2000",  # a key that was folded in two would not be found
        )
        self.patch.delenv("AWS_PROFILE", raising=False)

    def environment(self, **values: str) -> None:
        for name, value in values.items():
            self.patch.setenv(name, value)
        self.patch.setattr(boto3, "DEFAULT_SESSION", None)

    def put_accounts(self, *without: str) -> None:
        entries = [self.entry(name, slug) for name, (slug, _) in REPLIES.items()]
        entries += [
            {**self.entry("headers", "vonage"), "base_url": self.headers.url},
            {**self.entry("refused", "vonage"), "base_url": f"http://{self.nobody}"},
            {**self.entry("inside", "you"), "base_url": "https://10.0.0.1"},
        ]
        kept = [each for each in entries if each["name"] not in without]
        self.aws.put_secret(f"{PREFIX}accounts", {"accounts": kept})

    def put_webhooks(self) -> None:
        webhooks = {
            **self.slack.webhooks,
            "refused": f"http://{self.nobody}/{key('refused')}",
            "moved": f"{self.hooks.url}/moved/{key('moved')}",
            "denying": f"{self.hooks.url}/{key('denying')}",
        }
        self.aws.put_secret(f"{PREFIX}slack", {"webhooks": webhooks})

    def entry(self, name: str, slug: str) -> dict[str, Any]:
        pair = {"api_secret": key(f"{name}-secret")} if slug == "vonage" else {}
        return {
            "name": name,
            "provider": slug,
            "credentials": {"api_key": key(name), **pair},
            "base_url": f"{self.providers.url}/{name}",
            "alert_below": "5",
            **({"auth": "query", "variables": {"trx": "1"}} if pair else {}),
        }

    def misplace_secrets(self) -> None:
        """Puts keys wherever a hand could slip, a name apart: a name is for showing."""
        lost: dict[str, Any] = {
            key("field"): "x",
            "provider": key("provider"),
            "auth": key("auth"),
            "currency": key("currency"),
            "alert_below": key("alert_below"),
            "base_url": f"https://user:{key('base_url')}@host",
            "labels": {"a": [key("labels")]},
            "enabled": key("enabled"),
            "variables": {key("variables"): 5},
        }
        wrong = [{field: value} for field, value in lost.items()]
        wrong += [
            {"credentials": credentials}
            for credentials in (key(), {key(): "api_key"}, {"api_key": f"{key()} {key()}"})
        ]
        entries = [{**self.entry(f"odd-{n}", "you"), **each} for n, each in enumerate(wrong)]
        self.aws.put_secret(f"{PREFIX}accounts/odd", {"accounts": [*entries, key(), [key()]]})
        self.aws.put_secret(f"{PREFIX}accounts/text", f'{{"accounts": [{{"api_key": "{key()}"')
        self.aws.put_secret(f"{PREFIX}accounts/field", {key(): []})
        self.aws.client("secretsmanager").create_secret(
            Name=f"{PREFIX}accounts/binary", SecretBinary=key().encode()
        )
        webhooks = {webhook(): "default", "ftp": f"ftp://{key()}", "bare": key(), "none": None}
        self.aws.put_secret(f"{PREFIX}slack", {"webhooks": webhooks})

    def invoke(self, what: str, event: object) -> None:
        """Invokes the function, in a new environment for it."""
        handler: Any = check_balances.handler
        runtime.warm_start.cache_clear()
        with captured() as output:
            try:
                self.heard.results.add(what, handler(event, Context()))
            except Exception as error:  # noqa: BLE001 (whatever it raises, Lambda would show it)
                self.heard.results.add(what, repr(error), *traceback.format_exception(error))
        self.heard.output.add(what, output.getvalue())

    def run(self, *words: str) -> None:
        with captured() as output:
            code = main(words)
        self.heard.commands.add(" ".join(words), f"exit {code}", output.getvalue())

    def search_what_is_left(self) -> None:
        """Takes what channels and table hold."""
        heard, table = self.heard, self.aws.environment["TABLE_NAME"]
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        for item in (item for page in pages for item in page["Items"]):
            heard.items.add(f"{item['pk']['S']} {item['sk']['S']}", item)
        for message in self.aws.published():
            heard.topic.add("a message", message.body, message.attributes)
        for name, messages in self.slack.messages.items():
            heard.slack.add(name, json.dumps(messages, ensure_ascii=False))
        heard.slack.add("refused", self.slack.rejected)

    def look_at_reprs(self) -> None:
        settings = CheckSettings.from_environment()
        wiring = Wiring(settings)
        configuration, reprs = wiring.load(), self.heard.reprs
        reprs.add("Settings", repr(settings))
        reprs.add("Wiring", repr(wiring))
        reprs.add("Configuration", repr(configuration))
        reprs.add("Secrets", repr(wiring.secrets()))
        reprs.add("AccountEntry", repr(AccountEntry("a", "you", {"api_key": key()})))
        for account, spec in configuration.accounts:
            reprs.add("Account", repr(account))
            reprs.add("Request", repr(balance_request(spec, account)))
            if spec.top_up:
                reprs.add("Request to pay", repr(top_up_request(spec, account)))


@contextmanager
def listening(ear: logging.Handler) -> Iterator[None]:
    logging.getLogger().addHandler(ear)
    yield
    logging.getLogger().removeHandler(ear)


@contextmanager
def captured() -> Iterator[StringIO]:
    """Takes both standard streams, the one that the function's log began with included."""
    output = StringIO()
    handlers = logging.getLogger("balance_watch").handlers
    streaming = [each for each in handlers if isinstance(each, logging.StreamHandler)]
    before = [each.stream for each in streaming]
    for each in streaming:
        each.setStream(output)
    with redirect_stdout(output), redirect_stderr(output):
        yield output
    for each, stream in zip(streaming, before, strict=True):
        each.setStream(stream)


def tick(number: int) -> dict[str, str]:
    return {"scheduled_time": (START + timedelta(minutes=5 * number)).isoformat()}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    file.write_text(MISPLACED_IN_A_POLICY)
    with ExitStack() as stack:
        day = Day(stack)
        day.aws.put_policy(POLICY)
        day.put_accounts()
        day.put_webhooks()
        day.invoke("a run that fires", tick(1))
        day.look_at_reprs()

        day.put_accounts(*TRIED_AGAIN)
        day.providers.replies["low"] = ("you", loopback.Reply(200, FINE))
        day.environment(HEARTBEAT_URL=f"http://{day.nobody}/{key('switch')}")
        day.invoke("a run that resolves", tick(2))

        day.misplace_secrets()
        day.invoke("a run on faults", tick(3))
        day.put_webhooks()
        day.invoke("a run that tells of faults", tick(4))
        day.invoke("no time", {"scheduled_time": key("event")})
        for words in (
            ("check",),
            ("status",),
            ("status", "--json"),
            ("history", "told"),
            ("history", "told", "--json"),
            ("history", "told-at-length"),
            ("history", "nobody"),
            ("providers",),
            ("providers", "--json"),
            ("policy", "check", str(file)),
            ("policy", "put", str(file)),
            ("silence", "add", "--match", "account=low", "--for", "4h", "--reason", "maintenance"),
            ("silence", "list"),
            ("silence", "list", "--json"),
            ("top-up", "not-allowed", "--yes"),
            ("top-up", "rejected", "--yes"),
        ):
            day.run(*words)
        day.search_what_is_left()

        day.environment(TABLE_NAME="nowhere")
        day.invoke("no table", tick(5))
        day.run("status")
        yield day.heard


def test_no_key_is_in_the_log_at_its_loudest(heard: Heard) -> None:
    assert leaks(heard.log) == []


def test_no_key_is_in_an_item(heard: Heard) -> None:
    assert leaks(heard.items) == []


def test_no_key_is_in_a_message_of_the_topic_or_its_attributes(heard: Heard) -> None:
    assert leaks(heard.topic) == []


def test_no_key_is_in_a_message_to_slack(heard: Heard) -> None:
    assert leaks(heard.slack) == []


def test_no_key_is_on_the_functions_standard_output(heard: Heard) -> None:
    assert leaks(heard.output) == []


def test_no_key_is_in_a_result_or_an_error(heard: Heard) -> None:
    assert leaks(heard.results) == []


def test_no_key_is_in_what_a_command_shows(heard: Heard) -> None:
    assert leaks(heard.commands) == []


def test_no_key_is_in_a_repr(heard: Heard) -> None:
    assert leaks(heard.reprs) == []


@pytest.mark.parametrize(
    ("surface", "place", "said"),
    [
        ("log", "balance_watch", "run"),
        ("log", "balance_watch.usecases.check", "HTTP 401: the key is invalid."),
        ("log", "balance_watch.usecases.check", "account odd-0: unknown field;"),
        ("log", "balance_watch.usecases.delivery", "The connection was refused."),
        ("log", "balance_watch.usecases.delivery", "Slack answers HTTP 302"),
        ("log", "balance_watch.notifiers.heartbeat", "The connection was refused."),
        ("log", "botocore.endpoint", "BatchGetSecretValue"),
        ("log", "botocore.endpoint", "ACCOUNT#told-at-length"),
        ("log", "botocore.hooks", "before-send.secrets-manager"),
        ("items", "ACCOUNT#told STATE", "the key *** is *** is ***"),
        ("items", "RUN RUN", "is binary"),
        ("topic", "a request to publish", "rejected cannot be read"),
        ("topic", "a message", '"account": "low"'),
        ("slack", "default", "the configuration has"),
        ("slack", "default", "low has recovered"),
        ("slack", "default", "it is not known whether a top-up of paying was paid"),
        ("output", "a run that fires", "not delivered"),
        ("results", "a run that fires", "RunIncompleteError"),
        ("results", "no time", "EventError"),
        ("results", "no table", "ResourceNotFoundException"),
        ("commands", "status", "blocked"),
        ("commands", "history told", "the key *** is *** is ***"),
        ("commands", "policy put", "rules[0], below"),
        ("commands", "silence list", "maintenance"),
        ("commands", "top-up not-allowed --yes", "NOT KNOWN"),
        ("reprs", "Account", "told"),
    ],
)
def test_that_silence_was_not_deafness(heard: Heard, surface: str, place: str, said: str) -> None:
    places: Surface = getattr(heard, surface)
    assert any(said in text for name, text in places.items() if name.startswith(place))


def test_no_key_is_in_what_is_said_of_an_environment_that_is_not_in_order() -> None:
    names = ("TABLE_NAME", "LOG_LEVEL", "TRUSTED_HOSTS", "HISTORY_DAYS", "HEARTBEAT_URL")
    with pytest.raises(SettingsError) as caught:
        CheckSettings.from_environment({name: key(name) for name in names})
    assert leaks(Surface(error="".join(traceback.format_exception(caught.value)))) == []


KEY = key("status")

WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in lower case": lambda text: quote(text, safe="").lower(),
    "base64": lambda text: b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN.keys())
def test_no_part_of_a_key_is_left_where_a_status_is_cut(write: Callable[[str], str]) -> None:
    spec, hidden = catalogue_provider("aimlapi-v1-legacy"), write(KEY)
    assert spec is not None
    account = Account("a", "aimlapi-v1-legacy", {"api_key": KEY})
    parts = {hidden[at : at + 8] for at in range(len(hidden) - 7)}
    for before in range(200 - len(hidden) - 8, 208):
        text = ("." * before + hidden).ljust(10_000, ".")
        body = json.dumps({"balance": 1, "statusExplanation": text}).encode()
        reading = parse_reply(spec, account, Reply(200, body), START)
        assert isinstance(reading, Reading)
        assert reading.status
        assert not any(part in reading.status for part in parts), before


def lower_hex(text: str) -> str:
    return text.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d")


ENCODED = {
    "as it is": KEY,
    "in upper case": KEY.upper(),
    "in lower case": KEY.lower(),
    "in other text": f"Key {KEY}: not valid",
    "cut short": KEY[:9],
    "quote": quote(KEY),
    "quote, slash too": quote(KEY, safe=""),
    "quote_plus": quote_plus(KEY),
    "quote in lower case": lower_hex(quote(KEY)),
    "quote_plus in lower case": lower_hex(quote_plus(KEY)),
    "quoted twice": quote_plus(quote_plus(KEY)),
    "JSON": json.dumps({"key": KEY}),
    "JSON in JSON": json.dumps(json.dumps({"key": f'"{KEY}"'})),
    "JSON with slashes escaped": KEY.replace("/", "\\/"),
    "JSON with all escaped": "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in KEY),
    "XML": escape(KEY),
    "a repr of bytes": repr(KEY.encode()),
    "HTTP Basic": b64encode(f"{KEY}:secret".encode()).decode(),
    "base64 of a quoted key": b64encode(quote_plus(KEY).encode()).decode(),
    **{
        f"{alphabet.__name__}, {before} before": alphabet(b"?" * before + KEY.encode()).decode()
        for alphabet in (b64encode, urlsafe_b64encode)
        for before in range(4)
    },
    "a webhook": webhook(),
    "a webhook in base64": b64encode(webhook().encode()).decode(),
}


@pytest.mark.parametrize("text", ENCODED.values(), ids=ENCODED.keys())
def test_a_canary_is_found_however_it_is_written(text: str) -> None:
    assert canary_form(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (KEY, "as it is"),
        (quote(KEY, safe=""), "percent-encoded"),
        (KEY.replace("/", "\\/"), "JSON-escaped"),
        (KEY[:9], "in part"),
        (b64encode(KEY.encode()).decode(), "in base64"),
    ],
    ids=["as it is", "percent-encoded", "JSON-escaped", "in part", "in base64"],
)
def test_the_form_of_a_canary_is_named(text: str, form: str) -> None:
    assert canary_form(text) == form


def test_a_canary_is_written_otherwise_in_every_encoding() -> None:
    plain = ("in other text", "JSON", "JSON in JSON", "a repr of bytes")
    assert [name for name, text in ENCODED.items() if KEY in text] == ["as it is", *plain]


@pytest.mark.parametrize("text", ["", "canary", KEY[:8], KEY[1:], webhook().partition(CORE)[0]])
def test_no_canary_is_found_where_there_is_none(text: str) -> None:
    assert canary_form(text) is None


LEAKY = """
import logging
from base64 import b64encode

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from tests.support.canaries import key

log = logging.getLogger("balance_watch.somewhere")


def call(service, method, **params):
    client = boto3.client(
        service,
        endpoint_url="http://127.0.0.1:1",
        region_name="eu-central-1",
        aws_access_key_id="embedded",
        aws_secret_access_key="embedded",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(EndpointConnectionError):
        getattr(client, method)(**params)


def test_message():
    log.debug("with %s", key())


def test_field():
    log.info("with", extra={"why": b64encode(key().encode()).decode()})


def test_exception():
    try:
        raise ValueError(key())
    except ValueError:
        log.exception("failed")


def test_the_functions_own_log():
    Logger(service="balance_watch").error(key())


def test_item():
    call("dynamodb", "put_item", TableName="any", Item={"pk": {"S": key()}})


def test_publication():
    entry = {"Id": "1", "Message": key(), "Subject": "low"}
    arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
    call("sns", "publish_batch", TopicArn=arn, PublishBatchRequestEntries=[entry])


def test_output():
    print(key())


@pytest.mark.xfail(raises=ValueError)
def test_error():
    raise ValueError(key())


@pytest.mark.parametrize("name", [key()])
def test_its_own_name(name):
    log.debug(name)


def test_secret():
    call("secretsmanager", "create_secret", Name="a", SecretString=key())
    call("secretsmanager", "put_secret_value", SecretId="a", SecretString=key())


def test_parameter():
    call("ssm", "put_parameter", Name="a", Value=key())


def test_nothing():
    log.debug("nothing")
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    """A session in which every test passes, and most show a key."""
    folder = tmp_path_factory.mktemp("leaky")
    (folder / "test_leaky.py").write_text(LEAKY)
    options = [f"--rootdir={folder}", "-c/dev/null", "-pno:cacheprovider", "-ptests.conftest"]
    return subprocess.run(  # noqa: S603 (this very Python)
        [sys.executable, "-m", "pytest", *options, "-q", "-rN", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_key_that_is_shown_fails_a_session_in_which_all_tests_pass(
    session: "subprocess.CompletedProcess[str]",
) -> None:
    assert "11 passed, 1 xfailed" in session.stdout
    assert session.returncode == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("test", "where"),
    [
        ("test_message", "the log of balance_watch.somewhere shows a key as it is"),
        ("test_field", "the log of balance_watch.somewhere shows a key in base64"),
        ("test_exception", "the log of balance_watch.somewhere shows a key as it is"),
        ("test_the_functions_own_log", "the log of balance_watch shows a key as it is"),
        ("test_item", "the log of botocore.endpoint shows a key as it is"),
        ("test_publication", "the log of botocore.endpoint shows a key as it is"),
        ("test_parameter", "the log of botocore.endpoint shows a key as it is"),
        ("test_output", "Captured stdout call shows a key as it is"),
        ("test_error", "its error shows a key as it is"),
        ("test_its_own_name", "the log of balance_watch.somewhere shows a key as it is"),
    ],
)
def test_what_shows_a_key_is_named_with_its_test(
    session: "subprocess.CompletedProcess[str]", test: str, where: str
) -> None:
    assert f"test_leaky.py::{test}: {where}\n" in session.stdout


@pytest.mark.parametrize("test", ["test_secret", "test_nothing"])
def test_a_test_may_store_a_secret(session: "subprocess.CompletedProcess[str]", test: str) -> None:
    assert f"{test}:" not in session.stdout


def test_what_was_found_is_not_shown_again(session: "subprocess.CompletedProcess[str]") -> None:
    assert canary_form(session.stdout + session.stderr) is None
