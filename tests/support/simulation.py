"""Processes that live and die one after the other over the same table, channels and provider."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from balance_watch.config.settings import CheckSettings
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import Payment
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.text import summary_line
from balance_watch.store.dynamodb import Store
from balance_watch.store.readings import reading_sort
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Wiring, new_client
from local.aws import EmbeddedAws
from local.provider_server import ProviderAccount
from local.slack_inbox import NOT_OK, SlackInbox
from local.vonage import VonageServer
from tests.support.canaries import key
from tests.support.clock import Clock
from tests.support.crash_points import (
    DeathError,
    Fate,
    Moment,
    MortalClients,
    MortalTransport,
    wait_for_other_threads,
)
from tests.support.dynamodb_local import DynamoDbLocal, NotInstalledError
from tests.support.fakes import Looks
from tests.support.tables import client_of, new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TICK = datetime.fromisoformat("2026-11-22T10:05:00Z")
DAY_BEFORE, NEXT = TICK - timedelta(days=1), TICK + timedelta(minutes=5)
SECONDS = 100.0
PREFIX = "balance-watch/"
QUIET = tuple(f"quiet-{index}" for index in range(12))
PAYS = "pays"
WATCHED = ("fires", "worsens", "resolves", "lasts", "rejected", PAYS, *QUIET)
LOW = "8.2"
TOPIC, DEFAULT, ONCALL = "sns", "slack:default", "slack:oncall"
EVERYWHERE, ORDINARY = (TOPIC, DEFAULT, ONCALL), (TOPIC, DEFAULT)

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
"""

Said = tuple[str, str, str]
"""A channel, an account and a reason."""

ALERTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("resolves", "fired"): EVERYWHERE,
    ("lasts", "fired"): EVERYWHERE,
    ("worsens", "fired"): ORDINARY,
    ("fires", "fired"): EVERYWHERE,
    ("worsens", "worsened"): EVERYWHERE,
    ("resolves", "resolved"): EVERYWHERE,
    ("resolves", "topped_up"): ORDINARY,
    ("lasts", "reminder"): EVERYWHERE,
    ("rejected", "fired"): EVERYWHERE,
    ("configuration", "fired"): EVERYWHERE,
    (PAYS, "fired"): ORDINARY,
}
"""What happens, and who has to hear of it; of the payment, see `of_payment`."""


@dataclass
class Life:
    """Everything outside the process, and the processes that run one after the other in it."""

    aws: EmbeddedAws
    slack: SlackInbox
    vonage: VonageServer
    clients: dict[str, Any]
    outside: "DynamoDBClient"
    """The table's server, as it looks to whoever outlives the process."""
    mortal: MortalClients
    transport: MortalTransport
    settings: CheckSettings
    clock: Clock = field(default_factory=Clock)
    looks: Looks = field(default_factory=Looks)
    ids: dict[str, str] = field(default_factory=dict)
    """Which alert a headline in Slack is about."""
    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What an alert says: account and reason."""
    published: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """The table, as it looks from outside."""
        return Store(self.outside, self.settings.table_name)

    def run(self, tick: datetime, fate: Fate | None = None) -> Summary:
        """Starts a process that does the check of a tick, to its end or its death."""
        self.mortal.fate = self.transport.fate = fate or Fate()
        wiring = Wiring(
            self.settings,
            make_client=self.clients.__getitem__,
            make_transport=lambda: self.transport,
            make_store=lambda client: Store(
                client, self.settings.table_name, clock=self.clock.time
            ),
        )
        check = replace(wiring.check(), read=self.looks, deliver=self._noting(wiring))
        return check.run(tick, seconds=SECONDS)

    def run_until(self, moment: Moment) -> None:
        """Starts a process that dies at a moment of the tick; its lease is waited for."""
        with pytest.raises(DeathError):
            self.run(TICK, Fate(moment))
        wait_for_other_threads()
        self.clock.forward(SECONDS)

    def told(self) -> Counter[tuple[str, str]]:
        """Counts what the channels have taken, by channel and alert."""
        self.published += [each.content["alert_id"] for each in self.aws.published()]
        lines = [
            (f"slack:{name}", line)
            for name, messages in self.slack.messages.items()
            for message in messages
            for line in message["text"].split("\n")
        ]
        of_topic = [(TOPIC, alert) for alert in self.published]
        return Counter(of_topic + [(name, self.ids[line]) for name, line in lines])

    def owed(self) -> set[tuple[str, str]]:
        """What is in the outbox, by channel and alert; a payment order has no channel."""
        pending = self.store.outbox.pending()
        orders = {("", order.notification.alert_id) for order in pending.orders}
        return orders | {(entry.channel, entry.notification.alert_id) for entry in pending.entries}

    def states(self) -> dict[str, AccountState]:
        """What is stored of every account."""
        return self.store.accounts.states(WATCHED)

    def readings_of(self, tick: datetime) -> set[str]:
        """The accounts that have a reading of a tick."""
        items = self.outside.scan(TableName=self.settings.table_name, ConsistentRead=True)["Items"]
        of_tick = [item for item in items if item["sk"]["S"] == reading_sort(tick)]
        return {item["pk"]["S"].removeprefix("ACCOUNT#") for item in of_tick}

    @property
    def paid(self) -> int:
        """How often money was paid in."""
        return len(next(iter(self.vonage.accounts.values())).top_ups)

    @property
    def payment(self) -> Payment | None:
        """What the table knows of the payment."""
        return self.store.payments.latest([PAYS]).get(PAYS)

    def _noting(self, wiring: Wiring) -> Any:  # noqa: ANN401 (a Deliver)
        def deliver(owed: Sequence[OutboxEntry], **rest: Any) -> DeliveryReport:  # noqa: ANN401 (as its own)
            for each in owed:
                it = each.notification
                self.ids[summary_line(it)] = it.alert_id
                self.said[it.alert_id] = it.account, it.reason.value
            return wiring.deliver(owed, **rest)

        return deliver


@dataclass
class Past:
    """The day before, three alerts fired, and Slack took none; then the policy changed."""

    life: Life
    items: list[Any]

    def begin(self) -> Life:
        """Returns a new life in which, since that day, much changed at once."""
        before, table = self.life, new_table(self.life.outside)
        for start in range(0, len(self.items), 25):
            puts: Any = [{"PutRequest": {"Item": it}} for it in self.items[start : start + 25]]
            before.outside.batch_write_item(RequestItems={table: puts})
        for messages in before.slack.messages.values():
            messages.clear()
        before.aws.published()
        next(iter(before.vonage.accounts.values())).top_ups.clear()
        return replace(
            before,
            settings=replace(before.settings, table_name=table),
            clock=Clock(),
            looks=Looks(
                balances=dict.fromkeys(("fires", "worsens", "lasts", PAYS), LOW),
                failures={"rejected": ReadFailure(FailureKind.KEY_REJECTED, "no")},
            ),
            ids=dict(before.ids),
            said=dict(before.said),
            published=list(before.published),
        )


@contextmanager
def past(table_server: str | None = None) -> Iterator[Past]:
    """Makes the world and its past; the table is in moto, or at this address."""
    with ExitStack() as stack:
        aws, slack = stack.enter_context(EmbeddedAws()), stack.enter_context(SlackInbox())
        vonage = stack.enter_context(VonageServer())
        vonage.accounts[f"{key()}:{key('secret')}"] = ProviderAccount(Decimal(8), auto_reload=True)
        aws.put_secret(f"{PREFIX}accounts", {"accounts": _accounts(vonage)})
        aws.put_secret(f"{PREFIX}slack", {"webhooks": slack.webhooks})
        aws.put_policy(POLICY)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        if table_server is not None:
            patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", table_server)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        settings = CheckSettings.from_environment(aws.environment)
        clients = {name: new_client(name) for name in ("dynamodb", "secretsmanager", "ssm", "sns")}
        outside = client_of(table_server) if table_server else aws.client("dynamodb")
        settings = replace(
            settings,
            table_name=new_table(outside),
            trusted_hosts=frozenset({slack.authority, vonage.authority}),
        )
        transport = MortalTransport(settings.trusted_hosts)
        mortal = MortalClients(clients)
        life = Life(aws, slack, vonage, clients, outside, mortal, transport, settings)
        life.looks.balances = {"resolves": LOW, "lasts": LOW, "worsens": "30"}
        for name in slack.webhooks:
            slack.script(name, NOT_OK)
        assert not life.run(DAY_BEFORE).complete
        life.published = [each.content["alert_id"] for each in aws.published()]
        aws.put_secret(f"{PREFIX}accounts/more", "no JSON")
        aws.put_policy(f'{POLICY}\n[defaults]\nreminder = "24h"\n')
        yield Past(life, outside.scan(TableName=settings.table_name)["Items"])


@contextmanager
def past_on_dynamodb_local() -> Iterator[Past]:
    """The same, the table on AWS's own DynamoDB; skips the test where that is not installed."""
    try:
        local = DynamoDbLocal().start()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    with past(local.url) as made:
        yield made
    local.stop()


def _accounts(vonage: VonageServer) -> list[dict[str, Any]]:
    entries = [
        {
            "name": name,
            "provider": "you",
            "credentials": {"api_key": key()},
            "alert_below": "20",
            "runs_dry": "never",  # so that each account has the one alert that it is named after
        }
        for name in WATCHED
        if name != PAYS
    ]
    payer = {
        "name": PAYS,
        "provider": "vonage",
        "credentials": {"api_key": key(), "api_secret": key("secret")},
        "variables": {"trx": "t"},
        "base_url": vonage.url,
        "runs_dry": "never",
    }
    return [*entries, payer]


def effects_of_the_run() -> Counter[str]:
    """The effects of the run that is to die; one test makes sure that these are all."""
    return Counter(
        {
            "UpdateItem": 2,  # claim and close
            "BatchGetSecretValue": 1,
            "GetParameter": 1,
            "PutItem": 2,  # the policy that is in order, the claim of the payment
            "TransactWriteItems": 3,  # the configuration, the accounts, the end of the payment
            "BatchGetItem": 2,  # the states, the latest payment
            "BatchWriteItem": 1 + 3 + 2,  # quiet accounts, marks: three channels, the payment's
            "Query": 1,
            "PublishBatch": 1 + 1,  # what the payment came to is told after it
            "HTTP post": 2 + 1 + 1,  # two webhooks, the payment, a webhook
        }
    )


_HONEST = (("paid", 1), ("unknown", 1), ("unknown", 0))
"""What may be said of a payment, and how often money was paid in."""


@dataclass(frozen=True)
class Aftermath:
    """What came of one death once the next runs had made it good."""

    lost: Counter[Said]
    doubled: Counter[Said]
    allowed: Counter[Said]
    """What may be doubled: a channel had taken it when the process died before its mark."""
    ids_differ: bool
    still_owed: int
    readings_lost: set[str]
    paid: int
    payment: str

    @property
    def in_order(self) -> bool:
        """Whether every promise was kept."""
        return not (
            self.lost
            or self.doubled - self.allowed
            or self.ids_differ
            or self.still_owed
            or self.readings_lost
            or (self.payment, self.paid) not in _HONEST
        )


def die(life: Life, moment: Moment, *, same_tick_again: bool) -> Aftermath:
    """Lets a process die, runs the next ones, and compares all there is with what there should."""
    life.run_until(moment)
    told, owed, seen = life.told(), life.owed(), life.states()
    if same_tick_again:
        assert life.run(TICK).complete
    assert life.run(NEXT).complete
    assert life.run(NEXT + timedelta(minutes=5)).complete
    return aftermath(life, set(told) & owed, seen, same_tick_again=same_tick_again)


def aftermath(
    life: Life,
    taken: set[tuple[str, str]],
    seen: dict[str, AccountState],
    *,
    same_tick_again: bool,
) -> Aftermath:
    """Compares what was told, stored and paid with what should have been."""
    told = life.told()
    spoken: Counter[Said] = Counter()
    for (channel, alert), times in told.items():
        spoken[channel, *life.said[alert]] += times
    payment = life.payment
    ended = payment.outcome.value if payment else "none"
    expected = Counter(
        (channel, *what) for what, channels in ALERTS.items() for channel in channels
    ) + of_payment(ended)
    finished = (
        set(WATCHED)
        if same_tick_again
        else {name for name, state in seen.items() if state.checked_at == TICK}
    )
    return Aftermath(
        lost=expected - spoken,
        doubled=spoken - expected,
        allowed=Counter((channel, *life.said[alert]) for channel, alert in taken),
        ids_differ=len(told) != sum(expected.values()),
        still_owed=len(life.owed()),
        readings_lost=finished - {"rejected"} - life.readings_of(TICK),
        paid=life.paid,
        payment=ended,
    )


def of_payment(outcome: str) -> Counter[Said]:
    """What has to be said of a payment: that it was made, or that this is not known."""
    if outcome == "paid":
        return Counter((channel, PAYS, "topped_up") for channel in ORDINARY)
    return Counter((channel, PAYS, "fired") for channel in EVERYWHERE)
