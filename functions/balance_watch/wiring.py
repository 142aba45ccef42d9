"""Builds everything out of the settings: the one place that does."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import boto3
from botocore.config import Config

from balance_watch.config.accounts import Configuration, parse_secrets
from balance_watch.config.settings import CheckSettings
from balance_watch.config.sources import read_parameter, read_secrets
from balance_watch.domain.account import Account
from balance_watch.domain.notification import OutboxEntry
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.policy import DEFAULT_WEBHOOK, SLACK, TOPIC
from balance_watch.domain.reading import ReadResult
from balance_watch.notifiers.slack import SlackChannel
from balance_watch.notifiers.sns import SnsChannel
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.parallel import PER_HOST, read_all
from balance_watch.providers.registry import resolve
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.store.payments import Payments
from balance_watch.store.silences import Silences
from balance_watch.store.table import Table
from balance_watch.transport import Transport
from balance_watch.usecases.check import Check
from balance_watch.usecases.delivery import Channel, DeliveryReport, deliver
from balance_watch.usecases.payments import Pay
from balance_watch.validation import Faults

logging.getLogger("botocore").setLevel(logging.WARNING)  # at INFO, noise


def _holds_no_secret(record: logging.LogRecord) -> bool:
    """Drops what botocore writes at DEBUG of a reply, or of a request that is signed already.

    Secrets Manager's replies are the keys; beside a signature stands AWS's own session token. A
    filter, not a level: a level would end where somebody sets another.
    """
    is_unsigned = record.name == "botocore.endpoint" and "http request" not in str(record.msg)
    return record.levelno > logging.DEBUG or is_unsigned


for _logger in ("botocore.auth", "botocore.endpoint", "botocore.parsers"):
    logging.getLogger(_logger).addFilter(_holds_no_secret)

_AWS = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
)


# A publish that outlasts the run would be counted as not accepted, and repeated by the next one.
_BRIEF = _AWS.merge(Config(read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}))


@dataclass(frozen=True)
class Wiring:
    """Everything, built when it is first asked for and kept for the next invocation."""

    settings: CheckSettings

    @cached_property
    def transport(self) -> Transport:
        """HTTP to providers, its connections kept."""
        return self.new_transport()

    def new_transport(self) -> Transport:
        """Returns HTTP with no connection yet."""
        return Transport(self.settings.trusted_hosts, connections_per_host=PER_HOST)

    @cached_property
    def providers(self) -> ProviderClient:
        """Asks providers."""
        return ProviderClient(self.transport)

    @cached_property
    def store(self) -> Store:
        """The table."""
        return Store(
            self._dynamodb, self.settings.table_name, history_days=self.settings.history_days
        )

    @cached_property
    def sns(self) -> SnsChannel:
        """The topic."""
        return SnsChannel(self.aws("sns"), self.settings.topic_arn)

    def aws(self, service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        """Returns a client of an AWS service, bounded in time and tries."""
        return boto3.client(service, config=_BRIEF if service == "sns" else _AWS)  # type: ignore[call-overload]

    @cached_property
    def _dynamodb(self) -> Any:  # noqa: ANN401 (as aws)
        return self.aws("dynamodb")

    @cached_property
    def _secrets_manager(self) -> Any:  # noqa: ANN401 (as aws)
        return self.aws("secretsmanager")

    @cached_property
    def _ssm(self) -> Any:  # noqa: ANN401 (as aws)
        return self.aws("ssm")

    def watched(self, own: Mapping[str, Spec]) -> Configuration[Spec]:
        """What the secrets say now; `own` are the providers of the policy."""
        prefix = self.settings.secrets_prefix
        secrets = read_secrets(self._secrets_manager, prefix)
        return parse_secrets(secrets.texts, prefix, partial(resolve, own), secrets.faults)

    def policy_text(self, faults: Faults) -> str | None:
        """The policy's text now; without a parameter, the empty one."""
        if not self.settings.policy_parameter:
            return ""
        return read_parameter(self._ssm, self.settings.policy_parameter, faults)

    @cached_property
    def payments(self) -> Payments:
        """The payments in the table."""
        table = Table(self._dynamodb, self.settings.table_name, time.sleep)
        return Payments(self._dynamodb, table)

    @cached_property
    def silences(self) -> Silences:
        """The silences in the table."""
        return Silences(self._dynamodb, self.settings.table_name)

    def top_up(self, spec: Spec, account: Account) -> PaymentOutcome:
        """Pays in. Whoever calls it has claimed the payment before."""
        # A connection kept since the last run may be dead, and a payment is not tried again.
        return ProviderClient(self.new_transport()).top_up(spec, account)

    def deliver(
        self,
        owed: Sequence[OutboxEntry],
        *,
        watched: Configuration[Spec],
        shut: AbstractSet[str],
        deadline: float,
    ) -> DeliveryReport:
        """Sends what is owed to the topic and to the webhooks that are not shut."""
        # A connection kept since the last alert may be dead after Lambda's freeze, and a post is
        # not repeated: so each delivery has connections of its own.
        transport = self.new_transport()
        channels: dict[str, Channel] = {TOPIC: self.sns}
        for name, url in watched.webhooks.items():
            channels[f"{SLACK}{name}"] = SlackChannel(transport, url)
        return deliver(
            owed,
            channels={name: it for name, it in channels.items() if name not in shut},
            outbox=self.store,
            deadline=deadline,
            # While the webhooks are not known, what is owed to one stays owed to it.
            fallbacks=(DEFAULT_WEBHOOK, TOPIC) if watched.webhooks_known else (),
        )

    def check(
        self,
        on_read: Callable[[Account, ReadResult, int], None] = lambda *_: None,
    ) -> Check:
        """The check, ready to run."""
        return Check(
            store=self.store,
            watched=self.watched,
            policy_text=self.policy_text,
            read=partial(read_all, self.providers),
            deliver=self.deliver,
            pay=Pay(self.store, self.payments, self.top_up),
            on_read=on_read,
        )
