"""Kill the process before or after any effect: the next run makes it good, and tells all once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from balance_watch.config import Settings
from balance_watch.delivery import Delivered
from balance_watch.domain.notification import Owed
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.wording import headline
from balance_watch.store.dynamodb import Store
from balance_watch.store.items import account_key, reading_sort
from balance_watch.summary import Summary
from balance_watch.wiring import Wiring
from local.aws import EmbeddedAws
from local.slack_inbox import NOT_OK, SlackInbox
from tests.checking_parts import Looks, SharedClients
from tests.mortality import (
    DeathError,
    Fate,
    Moment,
    MortalClients,
    MortalTransport,
    moments,
    wait_for_other_threads,
)
from tests.store.clocks import Clock
from tests.store.examples import SLACK, SNS
from tests.store.tables import new_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e  # fifty-six deaths take a minute

TICK = datetime.fromisoformat("2026-11-22T10:05:00Z")
DAY_BEFORE, NEXT = TICK - timedelta(days=1), TICK + timedelta(minutes=5)
SECONDS = 100.0
PREFIX = "balance-watch/"
WATCHED = ("fires", "resolves", "lasts", "rejected", *(f"quiet-{index}" for index in range(12)))
LOW = "8.2"

Said = tuple[str, str, str]
"""A channel, an account and a reason."""

TRANSITIONS = {
    ("resolves", "fired"),
    ("lasts", "fired"),
    ("fires", "fired"),
    ("resolves", "resolved"),
    ("resolves", "topped_up"),
    ("lasts", "reminder"),
    ("rejected", "fired"),
    ("configuration", "fired"),
}


@dataclass
class Life:
    """Everything outside the process, and the processes that run one after the other in it."""

    aws: EmbeddedAws
    slack: SlackInbox
    clients: dict[str, Any]
    mortal: MortalClients
    transport: MortalTransport
    store: Store
    """The table, as it looks to whoever outlives the process."""
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    looks: Looks = field(default_factory=Looks)
    ids: dict[str, str] = field(default_factory=dict)
    """Which alert a headline in Slack is about."""
    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What an alert says: account and reason."""
    published: list[str] = field(default_factory=list)

    def run(self, tick: datetime, fate: Fate | None = None) -> Summary:
        """Starts a process that does the check of a tick, to its end or its death."""
        self.mortal.fate = self.transport.fate = fate or Fate()
        wiring = SharedClients(self.settings, self.clients)
        wiring.__dict__["new_transport"] = lambda: self.transport
        store = Store(self.clients["dynamodb"], self.settings.table_name, clock=self.clock.time)
        wiring.__dict__["store"] = store
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
            line
            for message in self.slack.messages["default"]
            for line in message["text"].split("\n")
        ]
        return Counter(
            [(SNS, alert) for alert in self.published] + [(SLACK, self.ids[line]) for line in lines]
        )

    def owed(self) -> set[tuple[str, str]]:
        """What is owed, by channel and alert."""
        return {(each.channel, each.notification.alert_id) for each in self.store.owed()}

    def states(self) -> dict[str, AccountState]:
        """What is stored of every account."""
        return self.store.states(WATCHED)

    def _noting(self, wiring: Wiring) -> Any:  # noqa: ANN401 (a Deliver)
        def deliver(owed: Sequence[Owed], **rest: Any) -> Delivered:  # noqa: ANN401 (as its own)
            for each in owed:
                it = each.notification
                self.ids[headline(it)] = it.alert_id
                self.said[it.alert_id] = it.account, it.reason.value
            return wiring.deliver(owed, **rest)

        return deliver


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        entries = [
            {
                "name": name,
                "provider": "you",
                "credentials": {"api_key": "k"},
                "alert_below": "20",
            }
            for name in WATCHED
        ]
        embedded.put_secret(f"{PREFIX}accounts", {"accounts": entries})
        yield embedded


@pytest.fixture(scope="module")
def clients(aws: EmbeddedAws) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        wiring = Wiring(Settings.from_environment(aws.environment))
        return {name: wiring.aws(name) for name in ("dynamodb", "secretsmanager", "ssm", "sns")}


@pytest.fixture(scope="module")
def mortal(clients: dict[str, Any]) -> MortalClients:
    return MortalClients(clients)


@pytest.fixture(scope="module")
def outside(aws: EmbeddedAws) -> "DynamoDBClient":
    """A client of those who outlive the process."""
    client: DynamoDBClient = aws.client("dynamodb")
    return client


@pytest.fixture(scope="module")
def slack(aws: EmbeddedAws) -> Iterator[SlackInbox]:
    with SlackInbox() as slack:
        aws.put_secret(f"{PREFIX}slack", {"webhooks": slack.webhooks})
        yield slack


@pytest.fixture(scope="module")
def past(
    aws: EmbeddedAws,
    slack: SlackInbox,
    clients: dict[str, Any],
    mortal: MortalClients,
    outside: "DynamoDBClient",
) -> tuple[Life, list[Any]]:
    """The day before, two alerts fired, and Slack did not take them; then the policy changed."""
    settings = replace(
        Settings.from_environment(aws.environment),
        table_name=new_table(outside),
        trusted_hosts=frozenset({slack.authority}),
    )
    store, transport = Store(outside, settings.table_name), MortalTransport(settings.trusted_hosts)
    life = Life(aws, slack, clients, mortal, transport, store, settings)
    life.looks.balances = {"resolves": LOW, "lasts": LOW}
    slack.script("default", NOT_OK)
    assert not life.run(DAY_BEFORE).complete
    life.published = [each.content["alert_id"] for each in aws.published()]
    aws.put_secret(f"{PREFIX}accounts/more", "no JSON")
    aws.put_policy('[defaults]\nreminder = "24h"\n')
    return life, outside.scan(TableName=settings.table_name)["Items"]


@pytest.fixture
def life(past: tuple[Life, list[Any]], outside: "DynamoDBClient") -> Life:
    """Now much changes at once."""
    before, items = past
    table = new_table(outside)
    for start in range(0, len(items), 25):
        puts: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        outside.batch_write_item(RequestItems={table: puts})
    before.slack.messages["default"].clear()
    before.aws.published()
    looks = Looks(
        balances={"fires": LOW, "lasts": LOW},
        failures={"rejected": ReadFailure(FailureKind.KEY_REJECTED, "no")},
    )
    return replace(
        before,
        settings=replace(before.settings, table_name=table),
        store=Store(outside, table),
        clock=Clock(),
        looks=looks,
        ids=dict(before.ids),
        said=dict(before.said),
        published=list(before.published),
    )


def effects_of_the_run() -> Counter[str]:
    """The effects of the run that is to die; one test makes sure that these are all."""
    return Counter(
        {
            "UpdateItem": 2,  # claim and close
            "BatchGetSecretValue": 1,
            "GetParameter": 1,
            "PutItem": 1,  # the policy that is in order
            "TransactWriteItems": 2,  # the configuration, the accounts
            "BatchGetItem": 1,
            "BatchWriteItem": 1 + 2,  # quiet accounts, marks
            "Query": 1,
            "PublishBatch": 1,
            "HTTP post": 1,
        }
    )


MOMENTS = pytest.mark.parametrize("moment", moments(effects_of_the_run()), ids=str)


def test_a_run_that_lives_has_the_effects_that_the_others_die_at(life: Life) -> None:
    fate = Fate()
    assert life.run(TICK, fate).complete
    assert fate.effects == effects_of_the_run()


def test_a_run_that_lives_tells_every_channel_every_transition_once(life: Life) -> None:
    life.run(TICK)
    expected = Counter((channel, *each) for channel in (SNS, SLACK) for each in TRANSITIONS)
    assert spoken(life, life.told()) == expected


@MOMENTS
def test_the_same_tick_again_makes_a_death_good(
    life: Life, outside: "DynamoDBClient", moment: Moment
) -> None:
    life.run_until(moment)
    told, owed = life.told(), life.owed()
    summary = life.run(TICK)
    assert summary.complete
    assert life.run(NEXT).complete
    assert_all_was_told_once(life, twice=set(told) & owed)
    assert_no_reading_is_lost(outside, life, WATCHED)


@MOMENTS
def test_the_next_tick_alone_makes_a_death_good(
    life: Life, outside: "DynamoDBClient", moment: Moment
) -> None:
    life.run_until(moment)
    told, owed, seen = life.told(), life.owed(), life.states()
    assert life.run(NEXT).complete
    assert_all_was_told_once(life, twice=set(told) & owed)
    assert_no_reading_is_lost(
        outside, life, [name for name, state in seen.items() if state.checked_at == TICK]
    )


def spoken(life: Life, told: Counter[tuple[str, str]]) -> Counter[Said]:
    """What was told, by channel, account and reason, with how often."""
    spoken: Counter[Said] = Counter()
    for (channel, alert), times in told.items():
        spoken[channel, *life.said[alert]] += times
    return spoken


def assert_all_was_told_once(life: Life, twice: set[tuple[str, str]]) -> None:
    """Twice, under one id, only what a channel had taken when the process died before its mark."""
    expected = Counter((channel, *each) for channel in (SNS, SLACK) for each in TRANSITIONS)
    expected.update((channel, *life.said[alert]) for channel, alert in twice)
    told = life.told()
    assert spoken(life, told) == expected
    assert told == Counter(set(told)) + Counter(twice)
    assert life.owed() == set()


def assert_no_reading_is_lost(outside: "DynamoDBClient", life: Life, names: Iterable[str]) -> None:
    found = outside.scan(TableName=life.settings.table_name, ConsistentRead=True)["Items"]
    kept = {item["pk"]["S"] for item in found if item["sk"]["S"] == reading_sort(TICK)}
    assert {account_key(name) for name in names if name != "rejected"} <= kept
