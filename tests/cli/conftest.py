"""The command line on the embedded stack, as a user with its environment would run it."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from balance_watch.cli.main import main
from balance_watch.providers.registry import catalogue_provider
from balance_watch.validation import Json
from local.aws import EmbeddedAws
from local.loopback import LoopbackServer
from local.provider_server import ProviderAccount
from local.providers import VonageServer, YouServer
from local.slack_inbox import SlackInbox
from tests.support.canaries import key
from tests.support.wallet_server import KEY, WalletServer


class Output(NamedTuple):
    """The output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        return json.loads(self.out)


Run = Callable[..., Output]


class Stage:
    """The stack with two accounts at two providers, before any check."""

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
        trusted = ",".join(server.authority for server in (you, vonage, slack))
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        monkeypatch.setenv("COLUMNS", "100")
        for name, value in {**aws.environment, "TRUSTED_HOSTS": trusted}.items():
            monkeypatch.setenv(name, value)
        stage = Stage(aws, you, vonage, slack)
        aws.put_secret("balance-watch/slack", {"webhooks": slack.webhooks})

        you.accounts[key("search")] = ProviderAccount(balance=Decimal("7189.245"))
        vonage.accounts[f"{key('sms')}:{key('sms-secret')}"] = ProviderAccount(
            balance=Decimal("10.171275"), auto_reload=True
        )
        stage.accounts(
            stage.entry("search", "you", alert_below="8000"),
            stage.entry("sms", "vonage", variables={"trx": "8ef2447e69604f642ae59363aa5f781b"}),
        )
        yield stage


@pytest.fixture
def run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001 (its environment)
    def run(*words: str) -> Output:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = int(str(end.code))
        return Output(code, *capsys.readouterr())

    return run


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with WalletServer() as server:
        yield server


Try = Callable[..., Output]


@pytest.fixture
def try_out(
    server: LoopbackServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Try:
    """Tries a provider, the text of a file or a slug, at the server."""
    monkeypatch.setenv("TRUSTED_HOSTS", server.authority)

    def run(provider: str, *words: str, credentials: object = None) -> Output:
        spec = tmp_path / "spec"
        spec.write_text(provider)
        if credentials is None:
            credentials = {"credentials": {"api_key": KEY}, "base_url": server.url}
        keys = tmp_path / "keys.json"
        keys.write_text(credentials if isinstance(credentials, str) else json.dumps(credentials))
        name = provider if catalogue_provider(provider) else str(spec)
        code = main(["providers", "try", name, "--credentials", str(keys), *words])
        return Output(code, *capsys.readouterr())

    return run
