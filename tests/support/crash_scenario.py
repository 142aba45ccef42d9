"""A scenario of the crash tests: a run in which alerts of every kind and a payment are due.

A day before, three alerts fired while Slack rejected everything. Since then a secret and the policy
were edited, and balances changed. A digest is due, too.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from msgspec.structs import replace

from balance_watch.config.settings import CheckSettings
from balance_watch.domain.credit import SettledCosts
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.wiring import new_client
from local.aws import EmbeddedAws
from local.provider_server import ProviderAccount
from local.slack_inbox import NOT_OK, SlackInbox
from local.vonage import VonageServer
from tests.support.audit import EXPECTED
from tests.support.canaries import key
from tests.support.clock import Clock
from tests.support.crash_points import CrashableClients, CrashableTransport
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError
from tests.support.fakes import FakeReads
from tests.support.simulation import COSTS, PAYS, TICK, WATCHED, Expected, Simulation
from tests.support.tables import client_of, new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY_BEFORE = TICK - timedelta(days=1)
PREFIX = "balance-watch/"
LOW = "8.2"

POLICY = """
[[rules]]
name = "getting low"
match = { account = "worsens" }
below = "50"

[[rules]]
name = "pay"
match = { account = "pays" }
below = "20"
top_up = { max_per_day = 1 }

[[routes]]
match = { severity = "critical" }
channels = ["sns", "slack:default", "slack:oncall"]

[digest]
at = "10:00"
"""


def effects_of_the_run() -> Counter[str]:
    """Returns the effects of the run at `TICK`; a test checks that there are no others."""
    return Counter(
        {
            "UpdateItem": 2,  # claim and close
            "BatchGetSecretValue": 1,
            "GetTopicAttributes": 1,
            "GetParameter": 1,
            "PutItem": 2,  # the valid policy, the claim of the payment
            # the inventory, the configuration, the accounts, the digest, the end of the payment
            "TransactWriteItems": 5,
            # the states, the settled costs, the latest payment; the account that was topped up
            "BatchGetItem": 4,
            # packs, quiet accounts, settled costs; entries of three channels, the digest's, the
            # payment's
            "BatchWriteItem": 3 + 3 + 1 + 2,
            # the inventory of the day before, since a secret is broken; the readings of the account
            # that was topped up; the outbox
            "Query": 3,
            "PublishBatch": 1 + 1,  # the notification of the payment follows the payment
            "HTTP post": 2 + 1 + 1 + 1,  # two webhooks, the digest, the payment, a webhook
        }
    )


@dataclass
class Scenario:
    """The table as it was left before `TICK`; `begin` starts a simulation on a copy."""

    simulation: Simulation
    items: list[Any]
    reads: Callable[[], FakeReads]
    """Returns what is read from `TICK` on."""

    def begin(self) -> Simulation:
        """Returns a new simulation, on which no other one has an effect."""
        before, table = self.simulation, new_table(self.simulation.outside)
        for start in range(0, len(self.items), 25):
            puts: Any = [{"PutRequest": {"Item": it}} for it in self.items[start : start + 25]]
            before.outside.batch_write_item(RequestItems={table: puts})
        for messages in before.slack.messages.values():
            messages.clear()
        before.slack.updates.clear()
        before.slack.private.clear()
        before.aws.published()
        next(iter(before.vonage.accounts.values())).top_ups.clear()
        return dataclasses.replace(
            before,
            settings=replace(before.settings, table_name=table),
            clock=Clock(),
            reads=self.reads(),
            alert_ids=dict(before.alert_ids),
            alerts=dict(before.alerts),
            published=list(before.published),
        )


@contextmanager
def scenario(
    dynamodb: str | None = None, kind: type[Simulation] = Simulation
) -> Iterator[Scenario]:
    """Yields the scenario; its table is in moto, or in the DynamoDB at this address."""
    with outside_world(POLICY, _accounts, EXPECTED, dynamodb, kind) as simulation:
        _run_the_day_before(simulation)
        simulation.aws.put_secret(f"{PREFIX}accounts/more", "no JSON")
        simulation.aws.put_policy(f'{POLICY}\n[defaults]\nreminder = "24h"\n')
        yield scenario_from(simulation, _reads)


@contextmanager
def outside_world(
    policy: str,
    accounts: Callable[[VonageServer], Sequence[dict[str, Any]]],
    expected: Expected,
    dynamodb: str | None,
    kind: type[Simulation] = Simulation,
) -> Iterator[Simulation]:
    """Yields a simulation with these accounts, on an empty table."""
    with ExitStack() as stack:
        aws, slack = stack.enter_context(EmbeddedAws()), stack.enter_context(SlackInbox())
        vonage = stack.enter_context(VonageServer())
        vonage.accounts[f"{key()}:{key('secret')}"] = ProviderAccount(Decimal(8), auto_reload=True)
        aws.put_secret(f"{PREFIX}accounts", {"accounts": accounts(vonage)})
        aws.put_secret(f"{PREFIX}slack", {"webhooks": slack.webhooks})
        aws.put_policy(policy)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        if dynamodb is not None:
            patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        outside = client_of(dynamodb) if dynamodb else aws.client("dynamodb")
        yield _simulation(kind, aws, slack, vonage, outside, expected)


def scenario_from(
    simulation: Simulation,
    reads: Callable[[], FakeReads],
    left_out: tuple[str, ...] = ("AT#", "EVENT#"),
) -> Scenario:
    """Returns the scenario that begins with what a simulation has left in its table.

    Args:
        simulation: the simulation.
        reads: returns what is read from `TICK` on.
        left_out: how the sort keys of items begin that no run reads. To copy a month of readings
            and events takes longer than the runs.
    """
    table = simulation.settings.table_name
    pages = simulation.outside.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    kept = [it for it in items if not it["sk"]["S"].startswith(left_out)]
    return Scenario(simulation, kept, reads)


@contextmanager
def on_dynamodb_local(
    prepared: Callable[[str | None], AbstractContextManager[Scenario]] = scenario,
) -> Iterator[Scenario]:
    """Yields a scenario on AWS's own DynamoDB; skips the test where that is not installed."""
    try:
        local = DynamoDbLocal().start()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    with prepared(local.url) as made:
        yield made
    local.stop()


def _simulation(
    kind: type[Simulation],
    aws: EmbeddedAws,
    slack: SlackInbox,
    vonage: VonageServer,
    outside: "DynamoDBClient",
    expected: Expected,
) -> Simulation:
    clients = {name: new_client(name) for name in ("dynamodb", "secretsmanager", "ssm", "sns")}
    settings = replace(
        CheckSettings.from_environment(aws.environment),
        table_name=new_table(outside),
        trusted_hosts=frozenset({slack.authority, vonage.authority}),
    )
    transport = CrashableTransport(settings.trusted_hosts)
    return kind(
        aws,
        slack,
        vonage,
        clients,
        outside,
        CrashableClients(clients),
        transport,
        settings,
        expected,
    )


def _reads() -> FakeReads:
    """Returns what is read from `TICK` on: many balances have changed since the day before."""
    return FakeReads(
        balances=dict.fromkeys(("fires", "worsens", "lasts", PAYS), LOW),
        failures={"rejected": ReadFailure(FailureKind.KEY_REJECTED, "no")},
        settled={
            COSTS: SettledCosts(
                DAY_BEFORE.date(), TICK.date(), TICK, "USD", {DAY_BEFORE.date(): Decimal("1.25")}
            )
        },
    )


def _run_the_day_before(simulation: Simulation) -> None:
    """Runs a check that fires three alerts, while Slack rejects every message."""
    simulation.reads.balances = {"resolves": LOW, "lasts": LOW, "worsens": "30"}
    for name in simulation.slack.webhooks:
        simulation.slack.script(name, NOT_OK)
    assert not simulation.run(DAY_BEFORE).complete
    simulation.published = [each.content["alert_id"] for each in simulation.aws.published()]


def _accounts(vonage: VonageServer) -> list[dict[str, Any]]:
    names = [name for name in WATCHED if name not in (COSTS, PAYS)]
    return [*map(entry, names), _cost_entry(), paying_entry(vonage, PAYS)]


def _cost_entry() -> dict[str, Any]:
    credit = [{"amount": "1000", "paid_at": f"{DAY_BEFORE.date()}"}]
    return {**entry(COSTS), "provider": "openai", "credit": credit}


def entry(name: str) -> dict[str, Any]:
    """Returns an account in its secret that has the one alert that it is named after."""
    return {
        "name": name,
        "provider": "you",
        "credentials": {"api_key": key()},
        "alert_below": "20",
        "runs_dry": "never",
    }


def paying_entry(vonage: VonageServer, name: str) -> dict[str, Any]:
    """Returns the account that is paid into, in its secret."""
    return {
        "name": name,
        "runs_dry": "never",
        "provider": "vonage",
        "credentials": {"api_key": key(), "api_secret": key("secret")},
        "variables": {"trx": "t"},
        "base_url": vonage.url,
    }
