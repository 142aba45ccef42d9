"""One embedded AWS for each module, and a new table for each test."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.model import OperationModel
from msgspec.structs import replace

from balance_watch.config.settings import CheckSettings, SlackActionsSettings
from balance_watch.store.dynamodb import Store
from balance_watch.wiring import SlackActionsWiring, Wiring, new_client
from local.aws import EmbeddedAws
from local.provider_server import ProviderAccount
from local.vonage import VonageServer
from tests.support.canaries import key
from tests.support.check_bench import LOW, Bench, FakeDelivery
from tests.support.clock import Clock
from tests.support.examples import TICK
from tests.support.fakes import FakeReads
from tests.support.paid_accounts import paying_entry, top_up_policy
from tests.support.pressed_alerts import MINUTE, Begun, Make, message_of
from tests.support.slack_presses import SECRET, Channel, SlackTransport
from tests.support.tables import new_table


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture(scope="module")
def clients(aws: EmbeddedAws) -> dict[str, Any]:
    """Clients as the wiring makes them. They are made once, which takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        return {name: new_client(name) for name in ("dynamodb", "secretsmanager", "ssm", "sns")}


@pytest.fixture
def bench(aws: EmbeddedAws, clients: dict[str, Any]) -> Iterator[Bench]:
    table = new_table(clients["dynamodb"])
    settings = replace(CheckSettings.from_environment(aws.environment), table_name=table)
    wiring = Wiring(settings, make_client=clients.__getitem__)
    clock = Clock()
    store = Store(clients["dynamodb"], table, clock=clock.time, sleep=clock.sleep)
    aws.put_policy("# Empty.\n")
    yield Bench(aws, wiring, store, clock, FakeReads(), FakeDelivery(store))
    secrets = clients["secretsmanager"]
    for secret in secrets.list_secrets(MaxResults=100)["SecretList"]:
        secrets.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)


@pytest.fixture
def calls(clients: dict[str, Any]) -> Iterator[Counter[str]]:
    """Counts the calls of all clients from now on."""
    counted: Counter[str] = Counter()

    def count(model: OperationModel, **_: object) -> None:
        counted[model.name] += 1

    for client in clients.values():
        client.meta.events.register("before-call", count)
    yield counted
    for client in clients.values():
        client.meta.events.unregister("before-call", count)


@pytest.fixture
def vonage() -> Iterator[VonageServer]:
    with VonageServer() as server:
        server.accounts[f"{key()}:{key('secret')}"] = ProviderAccount(Decimal(8), auto_reload=True)
        yield server


@pytest.fixture
def paying(bench: Bench, vonage: VonageServer) -> Bench:
    """A bench with an account that is topped up when it is low."""
    bench.aws.put_policy(top_up_policy(1))
    bench.put_secret("accounts", {"accounts": [paying_entry(vonage)]})
    bench.trust(vonage.authority)
    bench.reads.balances["sms"] = LOW
    return bench


@pytest.fixture
def silent(bench: Bench) -> Iterator[Bench]:
    """A bench whose topic has no confirmed subscriber."""
    bench.aws.count_subscribers(0)
    bench.watch("a")
    yield bench
    bench.aws.count_subscribers(1)


@pytest.fixture
def begun() -> Begun:
    return Begun()


@pytest.fixture
def slack() -> SlackTransport:
    return SlackTransport()


@pytest.fixture
def wired(bench: Bench, begun: Begun, slack: SlackTransport) -> SlackActionsWiring:
    bench.put_secret(
        "slack", {"webhooks": {"default": "https://h.example"}, "signing_secret": SECRET}
    )
    clients = {"lambda": begun}
    settings = SlackActionsSettings(
        table_name=bench.wiring.settings.table_name, check_function="CheckBalances"
    )
    return SlackActionsWiring(
        settings,
        lambda name: clients.get(name) or bench.wiring.client(name),
        make_transport=lambda: slack,
    )


@pytest.fixture
def channel(bench: Bench, wired: SlackActionsWiring, slack: SlackTransport) -> Make:
    def made() -> Channel:
        return Channel(wired, message_of(bench), slack, lambda: TICK + MINUTE)

    return made


@pytest.fixture
def payable(paying: Bench, vonage: VonageServer) -> Bench:
    """A bench with an account that can be paid, though no rule pays."""
    paying.aws.put_policy("# no rule pays\n")
    entry = {**paying_entry(vonage), "alert_below": "20"}
    paying.put_secret("accounts", {"accounts": [entry]})
    paying.run(TICK)
    return paying
