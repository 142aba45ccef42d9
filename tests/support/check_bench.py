"""A check with the real store and secrets, on a new table, with fake reads and delivery."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.notifiers.channels import ConfiguredChannel
from balance_watch.store.dynamodb import Store
from balance_watch.usecases.check import Check
from balance_watch.usecases.delivery import DeliveryReport
from balance_watch.usecases.outbox_step import Deliver
from balance_watch.usecases.summary import Summary
from balance_watch.wiring import Client, Wiring
from local.aws import EmbeddedAws
from tests.support.canaries import key
from tests.support.clock import Clock
from tests.support.dynamodb_clients import refusal
from tests.support.examples import NEXT, TICK
from tests.support.fakes import FakeReads

PREFIX = "balance-watch/"
THIRD = NEXT + timedelta(minutes=5)
SECONDS = 100.0
LOW, FINE = "8.2", "71.5"


@dataclass
class FakeDelivery:
    """Accepts every entry and removes it from the outbox, or rejects every entry."""

    store: Store
    rejects: bool = False
    accepted: list[OutboxEntry] = field(default_factory=list)

    def __call__(
        self,
        entries: Sequence[OutboxEntry],
        *,
        channels: Sequence[ConfiguredChannel],
        configuration: Configuration,
        deadline: float,
        refusing: AbstractSet[str] = frozenset(),
    ) -> DeliveryReport:
        del channels, configuration, deadline, refusing
        if self.rejects:
            return DeliveryReport(0, len(entries))
        self.accepted += entries
        self.store.outbox.remove(entries)
        return DeliveryReport(len(entries), 0)

    @property
    def announced(self) -> list[tuple[str, str]]:
        """The account and the reason of every accepted notification."""
        notifications = [entry.notification for entry in self.accepted]
        return [(notification.account, notification.reason.value) for notification in notifications]


class DeniedSecrets:
    """A client of Secrets Manager whose role may not read secrets."""

    def batch_get_secret_value(self, **_: object) -> None:
        raise refusal("AccessDeniedException", "BatchGetSecretValue")


@dataclass
class Bench:
    """A check on a new table; a test can replace each of its parts."""

    aws: EmbeddedAws
    wiring: Wiring
    store: Store
    clock: Clock
    reads: FakeReads
    delivery: FakeDelivery
    deliver: Deliver | None = None

    def check(self, store: Store | None = None) -> Check:
        return replace(
            self.wiring.check(),
            store=store or self.store,
            read=self.reads,
            deliver=self.deliver or self.delivery,
        )

    def run(self, tick: datetime = TICK) -> Summary:
        return self.check().run(tick, seconds=SECONDS)

    def store_over(self, client: Client) -> Store:
        """Returns a store that uses this client of DynamoDB."""
        return Store(
            client, self.wiring.settings.table_name, clock=self.clock.time, sleep=self.clock.sleep
        )

    def watch(
        self,
        *names: str,
        alert_below: str = "20",
        into: str = "accounts",
        provider: str = "you",
    ) -> None:
        """Configures these accounts, and no others, in one secret."""
        entries = [
            {
                "name": name,
                "provider": provider,
                "credentials": {"api_key": key()},
                "alert_below": alert_below,
            }
            for name in names
        ]
        self.put_secret(into, {"accounts": entries})

    def trust(self, *authorities: str) -> None:
        """Lets the check pay at servers on loopback."""
        trusted = frozenset(authorities)
        settings = replace(self.wiring.settings, trusted_hosts=trusted)
        self.wiring = replace(self.wiring, settings=settings)

    def deliver_to(self, *authorities: str) -> None:
        """Lets the check deliver to the real topic, and to webhooks on loopback."""
        self.trust(*authorities)
        self.wiring = replace(self.wiring, make_store=lambda _: self.store)
        self.deliver = self.wiring.deliver

    def scan(self) -> list[Any]:
        """Returns every item of the table."""
        client = self.wiring.client("dynamodb")
        items: list[Any] = client.scan(TableName=self.wiring.settings.table_name)["Items"]
        return items

    def put_secret(self, name: str, content: dict[str, Any] | str) -> None:
        self.aws.put_secret(PREFIX + name, content)
