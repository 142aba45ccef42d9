"""Builds everything out of the settings: the one place that does."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import boto3
from botocore.config import Config

from balance_watch.checking import Check
from balance_watch.config import Settings
from balance_watch.delivery import Channel, Delivered, deliver
from balance_watch.domain.account import Account
from balance_watch.domain.notification import Owed
from balance_watch.domain.policy import DEFAULT_WEBHOOK, TOPIC
from balance_watch.domain.reading import ReadFailure, Reading
from balance_watch.notifiers.slack import SlackChannel
from balance_watch.notifiers.sns import SnsChannel
from balance_watch.policy import read_parameter
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.parallel import PER_HOST, read_all
from balance_watch.providers.spec import Spec, provider
from balance_watch.secrets.accounts import Watched, understand_secrets
from balance_watch.secrets.secrets_manager import read_secrets
from balance_watch.store.dynamodb import Store
from balance_watch.transport import Transport
from balance_watch.validation import Faults

# At DEBUG botocore writes every reply of AWS whole, those of Secrets Manager too; at INFO, noise.
logging.getLogger("botocore").setLevel(logging.WARNING)

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

    settings: Settings

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
            self.aws("dynamodb"), self.settings.table_name, history_days=self.settings.history_days
        )

    @cached_property
    def sns(self) -> SnsChannel:
        """The topic."""
        return SnsChannel(self.aws("sns"), self.settings.topic_arn)

    def aws(self, service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        """Returns a client of an AWS service, bounded in time and tries."""
        return boto3.client(service, config=_BRIEF if service == "sns" else _AWS)  # type: ignore[call-overload]

    @cached_property
    def _secrets_manager(self) -> Any:  # noqa: ANN401 (as aws)
        return self.aws("secretsmanager")

    @cached_property
    def _ssm(self) -> Any:  # noqa: ANN401 (as aws)
        return self.aws("ssm")

    def watched(self) -> Watched[Spec]:
        """What the secrets say now."""
        prefix = self.settings.secrets_prefix
        secrets = read_secrets(self._secrets_manager, prefix)
        return understand_secrets(secrets.texts, prefix, provider, secrets.faults)

    def policy_text(self, faults: Faults) -> str | None:
        """The policy's text now; without a parameter, the empty one."""
        if not self.settings.policy_parameter:
            return ""
        return read_parameter(self._ssm, self.settings.policy_parameter, faults)

    def deliver(
        self, owed: Sequence[Owed], *, watched: Watched[Spec], deadline: float
    ) -> Delivered:
        """Sends what is owed to the topic and to the webhooks."""
        # A connection kept since the last alert may be dead after Lambda's freeze, and a post is
        # not repeated: so each delivery has connections of its own.
        transport = self.new_transport()
        channels: dict[str, Channel] = {TOPIC: self.sns}
        for name, url in watched.webhooks.items():
            channels[f"slack:{name}"] = SlackChannel(transport, url)
        # While the webhooks are not known, what is owed to one stays owed to it.
        default = DEFAULT_WEBHOOK if DEFAULT_WEBHOOK in channels else TOPIC
        return deliver(
            owed,
            channels=channels,
            outbox=self.store,
            deadline=deadline,
            stand_in=default if watched.webhooks_known else None,
        )

    def check(
        self,
        on_read: Callable[[Account, Reading | ReadFailure, int], None] = lambda *_: None,
    ) -> Check:
        """The check, ready to run."""
        return Check(
            store=self.store,
            watched=self.watched,
            policy_text=self.policy_text,
            read=partial(read_all, self.providers),
            deliver=self.deliver,
            on_read=on_read,
        )
