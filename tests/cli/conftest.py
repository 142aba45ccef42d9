"""The command line on the embedded stack, as a user with its environment would run it."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from balance_watch.cli.main import main
from local.aws import EmbeddedAws
from local.provider_server import ProviderAccount
from local.providers import VonageServer, YouServer
from local.slack_inbox import SlackInbox
from tests.support.canaries import key


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever JSON holds)
        return json.loads(self.out)


Run = Callable[..., Said]


class Stage:
    """The stack with one provider of money and one of messages, before any check."""

    def __init__(
        self, aws: EmbeddedAws, you: YouServer, vonage: VonageServer, slack: SlackInbox
    ) -> None:
        self.aws, self.you, self.vonage, self.slack = aws, you, vonage, slack

    def accounts(self, *accounts: dict[str, Any]) -> None:
        self.aws.put_secret("balance-watch/accounts", {"accounts": list(accounts)})

    def entry(self, name: str, provider: str, **more: object) -> dict[str, Any]:
        server = self.you if provider == "you" else self.vonage
        credentials = {"api_key": key(name)}
        if provider == "vonage":
            credentials["api_secret"] = key(f"{name}-secret")
        return {
            "name": name,
            "provider": provider,
            "credentials": credentials,
            "base_url": server.url,
            **more,
        }


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with EmbeddedAws() as aws, YouServer() as you, VonageServer() as vonage, SlackInbox() as slack:
        trusted = ",".join(each.authority for each in (you, vonage, slack))
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        monkeypatch.setenv("COLUMNS", "100")
        for name, value in {**aws.environment, "TRUSTED_HOSTS": trusted}.items():
            monkeypatch.setenv(name, value)
        made = Stage(aws, you, vonage, slack)
        aws.put_secret("balance-watch/slack", {"webhooks": slack.webhooks})

        you.accounts[key("search")] = ProviderAccount(balance=Decimal("7189.245"))
        vonage.accounts[f"{key('sms')}:{key('sms-secret')}"] = ProviderAccount(
            balance=Decimal("10.171275"), auto_reload=True
        )
        made.accounts(
            made.entry("search", "you", alert_below="8000"),
            made.entry("sms", "vonage", variables={"trx": "8ef2447e69604f642ae59363aa5f781b"}),
        )
        yield made


@pytest.fixture
def run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001 (its environment)
    def run(*words: str) -> Said:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = int(str(end.code))
        return Said(code, *capsys.readouterr())

    return run
