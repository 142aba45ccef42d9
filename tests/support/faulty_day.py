"""A day on which everything goes wrong at once, with a canary in every credential and address."""

import json
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from balance_watch.cli.main import main
from balance_watch.config.accounts import AccountEntry
from balance_watch.config.settings import CheckSettings
from balance_watch.handlers import check_balances, runtime
from balance_watch.notifiers.channels import KINDS
from balance_watch.providers.request import balance_request, top_up_request
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from tests.support.canaries import key, webhook
from tests.support.echo_servers import REPLIES, EchoProviders, EchoWebhooks, SecretInbox
from tests.support.fault_behaviours import sends
from tests.support.fault_server import FaultServer, closed_port
from tests.support.inboxes import INBOXES
from tests.support.outputs import Outputs, captured, recording

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
[digest]
at = "DIGEST_AT"
[[routes]]
mention = "<!here>"
channels = ["sns", "slack:default", "slack:refused", "slack:moved", "slack:denying", OTHERS]
""".replace("OTHERS", ", ".join(f'"{kind}:default", "{kind}:moved"' for kind in INBOXES)).replace(
    "DIGEST_AT",
    f"{START + timedelta(minutes=5):%H:%M}",  # it is due after the first run
)

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
[digest]
at = "{key("at")}"
days = ["{key("digest-days")}"]
timezone = "{key("digest-zone")}"
channels = ["{webhook("digest")}"]
[[routes]]
match = {{ "{key("fact")}" = "x" }}
mention = "{webhook("mention")}"
channels = ["{webhook("channel")}", "slack:{webhook("slack")}"]
"""

RETRIED = ("failing", "headers", "limited", "no-code", "refused")
"""Accounts whose reads are retried after pauses; the later runs leave them out, to save time."""


class LambdaContext:
    """The part of Lambda's context that the handler uses."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


class FaultyDay:
    """The servers and the environment of the day, and what comes out."""

    def __init__(self, stack: ExitStack) -> None:
        self.outputs = Outputs()
        self.patch = stack.enter_context(pytest.MonkeyPatch.context())
        self.aws = stack.enter_context(EmbeddedAws())
        self.slack = stack.enter_context(SecretInbox())
        self.providers = stack.enter_context(EchoProviders())
        self.hooks = stack.enter_context(EchoWebhooks())
        broken = f"HTTP/1.1 200 OK\r\n: {key()}\r\nbroken {key()}\r\n\r\n{{}}".encode()
        self.headers = stack.enter_context(FaultServer(sends(broken)))
        self.closed = f"127.0.0.1:{closed_port()}"
        self.inboxes = {kind: stack.enter_context(make()) for kind, make in INBOXES.items()}
        stack.enter_context(recording(self.outputs))
        trusted = [part.authority for part in (self.slack, self.providers, self.hooks)]
        trusted += [self.headers.authority, *(it.authority for it in self.inboxes.values())]
        self.environment(**self.aws.environment)
        self.environment(
            TRUSTED_HOSTS=",".join([self.closed, *trusted]),
            HEARTBEAT_URL=f"{self.hooks.url}/ping/{key('heartbeat')}",
            LOG_LEVEL="DEBUG",
            COLUMNS="2000",  # the search does not find a key that a table wraps
        )
        self.patch.delenv("AWS_PROFILE", raising=False)

    def environment(self, **values: str) -> None:
        """Sets environment variables for the rest of the day."""
        for name, value in values.items():
            self.patch.setenv(name, value)
        self.patch.setattr(boto3, "DEFAULT_SESSION", None)

    def put_accounts(self, *without: str) -> None:
        """Stores the secret of all accounts except these."""
        entries = [self.entry(name, slug) for name, (slug, _) in REPLIES.items()]
        entries += [
            {**self.entry("headers", "vonage"), "base_url": self.headers.url},
            {**self.entry("refused", "vonage"), "base_url": f"http://{self.closed}"},
            {**self.entry("inside", "you"), "base_url": "https://10.0.0.1"},
        ]
        kept = [entry for entry in entries if entry["name"] not in without]
        self.aws.put_secret(f"{PREFIX}accounts", {"accounts": kept})

    def put_webhooks(self) -> None:
        """Stores the secret of all webhooks: good ones, and one for each way to fail."""
        webhooks = {
            **self.slack.webhooks,
            "refused": f"http://{self.closed}/{key('refused')}",
            "moved": f"{self.hooks.url}/moved/{key('moved')}",
            "denying": f"{self.hooks.url}/{key('denying')}",
        }
        self.aws.put_secret(f"{PREFIX}slack", {"webhooks": webhooks})
        for kind, inbox in self.inboxes.items():
            table = KINDS[kind].table
            moved = webhooks["moved"] if table == "webhooks" else key("moved")
            entries = {**inbox.secret[table], "moved": moved}
            self.aws.put_secret(f"{PREFIX}{kind}", {**inbox.secret, table: entries})

    def entry(self, name: str, slug: str) -> dict[str, Any]:
        """Returns an account's entry in the secret."""
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
        """Stores keys in every field but the name, which is shown: anyone can paste one there."""
        misplaced: dict[str, Any] = {
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
        wrong = [{field: value} for field, value in misplaced.items()]
        wrong += [
            {"credentials": credentials}
            for credentials in (key(), {key(): "api_key"}, {"api_key": f"{key()} {key()}"})
        ]
        entries = [{**self.entry(f"odd-{n}", "you"), **faulty} for n, faulty in enumerate(wrong)]
        self.aws.put_secret(f"{PREFIX}accounts/odd", {"accounts": [*entries, key(), [key()]]})
        self.aws.put_secret(f"{PREFIX}accounts/text", f'{{"accounts": [{{"api_key": "{key()}"')
        self.aws.put_secret(f"{PREFIX}accounts/field", {key(): []})
        self.aws.client("secretsmanager").create_secret(
            Name=f"{PREFIX}accounts/binary", SecretBinary=key().encode()
        )
        webhooks = {webhook(): "default", "ftp": f"ftp://{key()}", "bare": key(), "none": None}
        self.aws.put_secret(f"{PREFIX}slack", {"webhooks": webhooks})
        for kind in self.inboxes:
            table = {
                KINDS[kind].table: {webhook(): key(), "bare": f"{key()} {key()}", "none": None}
            }
            self.aws.put_secret(f"{PREFIX}{kind}", table)

    def invoke(self, title: str, event: object) -> None:
        """Invokes the function as a cold start."""
        handler: Any = check_balances.handler
        runtime.forget_starts()
        with captured() as output:
            try:
                self.outputs.results.add(title, handler(event, LambdaContext()))
            except Exception as error:  # noqa: BLE001 (whatever it raises, Lambda would show it)
                self.outputs.results.add(title, repr(error), *traceback.format_exception(error))
        self.outputs.output.add(title, output.getvalue())

    def run(self, *words: str) -> None:
        """Runs a command."""
        with captured() as output:
            code = main(words)
        self.outputs.commands.add(" ".join(words), f"exit {code}", output.getvalue())

    def collect_items_and_messages(self) -> None:
        """Adds what the table holds and what the channels received."""
        outputs, table = self.outputs, self.aws.environment["TABLE_NAME"]
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        for item in (item for page in pages for item in page["Items"]):
            outputs.items.add(f"{item['pk']['S']} {item['sk']['S']}", item)
        for message in self.aws.published():
            outputs.topic.add("a message", message.body, message.attributes)
        for name, messages in self.slack.messages.items():
            outputs.slack.add(name, json.dumps(messages, ensure_ascii=False))
        outputs.slack.add("refused", self.slack.rejected)
        for kind, inbox in self.inboxes.items():
            shown = json.dumps(inbox.messages, ensure_ascii=False)
            outputs.others.add(kind, shown.replace(inbox.canary, "its own key"))

    def collect_reprs(self) -> None:
        """Adds the reprs of all objects that hold keys."""
        settings = CheckSettings.from_environment()
        wiring = Wiring(settings)
        configuration, reprs = wiring.load(), self.outputs.reprs
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
