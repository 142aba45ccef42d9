"""Builds every part from the settings. No other module does."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cached_property, partial
from http import HTTPStatus
from math import inf
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, field
from msgspec.structs import replace

from balance_watch.config.loading import Configuration, load
from balance_watch.config.policy import PolicyFile, policy_in_force
from balance_watch.config.settings import (
    CheckSettings,
    PolicySettings,
    SlackActionsSettings,
    TableSettings,
    WorkerSettings,
)
from balance_watch.config.sources import (
    Secrets,
    read_parameter,
    read_secrets,
    read_signing_secret,
)
from balance_watch.domain.account import Account
from balance_watch.domain.channels import EVENTS, TOPIC, AvailableChannels
from balance_watch.domain.inventory import Inventory
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.notifiers.channels import (
    KINDS,
    ConfiguredChannel,
    Connections,
    Kind,
    connect_all,
    default_channels,
)
from balance_watch.notifiers.heartbeat import HEARTBEAT
from balance_watch.notifiers.subscribers import ConfirmedSubscribers, confirmed_subscribers
from balance_watch.providers.client import ProviderClient
from balance_watch.providers.parallel import PER_HOST, read_all
from balance_watch.providers.spec import Spec
from balance_watch.store.dynamodb import Store
from balance_watch.transport import Request, Transport, TransportError
from balance_watch.usecases.check import Check, Load
from balance_watch.usecases.configuration_faults import examine
from balance_watch.usecases.payments import Pay
from balance_watch.usecases.reading import OnRead, Read
from balance_watch.validation import Faults

if TYPE_CHECKING:
    from balance_watch.usecases.batch_check import CheckBatch
    from balance_watch.usecases.delivery import DeliveryReport
    from balance_watch.usecases.finishing import Finish
    from balance_watch.usecases.planning import Planner
    from balance_watch.usecases.pressing import Pressing

Client = Any
"""A boto3 client: boto3 makes its classes at run time."""

_AWS = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
)

_SIGNING_SECRET_SECONDS = 60.0
"""For so long, the signing secret is not read again."""

_log = logging.getLogger(__name__)

_PATIENT = frozenset({"cloudformation", "dynamodb", "secretsmanager", "ssm"})
"""The services that a run reads from and stores in. All others belong to channels."""

# A publish that outlasts the run would count as rejected, and the next run would repeat it.
_BRIEF = _AWS.merge(Config(read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}))


def _none() -> None:
    return None


def new_client(service: str, session: boto3.Session | None = None) -> Client:
    """Returns a client of an AWS service, bounded in time and tries.

    Args:
        service: the service.
        session: whose access it uses; None: the environment's.
    """
    config = _AWS if service in _PATIENT else _BRIEF
    make = boto3.client if session is None else session.client
    return make(service, config=config)  # type: ignore[call-overload]


class TableWiring(Struct, frozen=True, dict=True):
    """The table and the clients of AWS: what every function needs.

    Each part is built when it is first asked for, and kept for the next invocation.

    Args:
        settings: from the environment.
        make_client: makes the client of an AWS service by its name.
        make_store: makes the table; None: as the settings say.
    """

    settings: TableSettings
    make_client: Callable[[str], Client] = new_client
    make_store: Callable[[Client], Store] | None = None

    @cached_property
    def _clients(self) -> dict[str, Client]:
        return {}

    def client(self, service: str) -> Client:
        """Returns the client of an AWS service; it is kept."""
        if service not in self._clients:
            self._clients[service] = self.make_client(service)
        return self._clients[service]

    @cached_property
    def store(self) -> Store:
        """The table."""
        return (self.make_store or self.new_store)(self.client("dynamodb"))

    def new_store(self, client: Client) -> Store:
        """Returns the table as the settings say."""
        return Store(client, self.settings.table_name)


class _AlreadyRead(Struct, frozen=True):
    """Sources whose secrets were read before."""

    read: Secrets
    policy: Callable[[Faults], str | None]

    def secrets(self) -> Secrets:
        """Returns the secrets."""
        return self.read


class PolicyWiring(TableWiring, frozen=True, dict=True):
    """The table and the policy: what a report needs.

    Args:
        kinds: the kinds of channels, which routes of the policy name.
    """

    settings: PolicySettings
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)

    def policy(self, faults: Faults) -> str | None:
        """Reads the policy's text; without a parameter, it is empty."""
        if not self.settings.policy_parameter:
            return ""
        return read_parameter(self.client("ssm"), self.settings.policy_parameter, faults)

    def policy_file(self) -> PolicyFile:
        """Returns the policy that the next run uses, with its providers; reads no secret."""
        faults = Faults()
        text = self.policy(faults)
        file, _ = policy_in_force(text, self.store.policies.last_good, faults, self.kinds)
        return file


class SlackActionsWiring(TableWiring, frozen=True, dict=True):
    """What presses of buttons need: the table, one secret, and a check that begins at once.

    Args:
        make_transport: makes HTTP with no connection yet; None: as the settings say.
        clock: seconds, for how long the secret is kept.
    """

    settings: SlackActionsSettings
    make_transport: Callable[[], Transport] | None = None
    clock: Callable[[], float] = time.monotonic

    @cached_property
    def _signing_secrets(self) -> dict[str, tuple[float, str | None]]:
        return {}

    def signing_secret(self) -> str | None:
        """Returns what Slack signs with, as it was a minute ago at most; None: there is nothing.

        Anybody may send requests to the function, and each read of the secret costs.
        """
        read_at, text = self._signing_secrets.get("latest", (-inf, None))
        if self.clock() - read_at >= _SIGNING_SECRET_SECONDS:
            client = self.client("secretsmanager")
            text = read_signing_secret(client, self.settings.secrets_prefix)
            self._signing_secrets["latest"] = self.clock(), text
        return text

    @property
    def pressing(self) -> "Pressing":
        """Does what buttons say."""
        from balance_watch.usecases.pressing import Pressing  # SlackActions' alone

        return Pressing(self.store, self.start_check)

    def start_check(self) -> bool:
        """Has a check begin, without waiting for it; False if it cannot be begun now."""
        try:
            self.client("lambda").invoke(
                FunctionName=self.settings.check_function, InvocationType="Event", Payload=b"{}"
            )
        except (BotoCoreError, ClientError) as error:
            why = type(error).__name__
            _log.error("no check was begun: the next one makes the payment", extra={"why": why})
            return False
        return True

    def answer(self, url: str, message: Mapping[str, Any], *, timeout: float) -> bool:
        """Posts an answer to Slack; False if Slack did not take it in time."""
        make = self.make_transport or partial(Transport, self.settings.trusted_hosts)
        request = Request("POST", url, json=message)
        try:
            reply = make().exchange(request, timeout=timeout)
        except TransportError as error:
            _log.error("the message was not updated", extra={"why": error.kind.value})
            return False
        if reply.status != HTTPStatus.OK:
            _log.error("the message was not updated", extra={"status": reply.status})
        return reply.status == HTTPStatus.OK


class Wiring(PolicyWiring, frozen=True, dict=True):
    """Everything that a check and the command need.

    Args:
        make_transport: makes HTTP with no connection yet; None: as the settings say.
    """

    settings: WorkerSettings
    make_transport: Callable[[], Transport] | None = None

    def new_store(self, client: Client) -> Store:
        """Returns the table as the settings say, with the time for which readings are kept."""
        settings = self.settings
        return Store(client, settings.table_name, history_days=settings.history_days)

    @cached_property
    def transport(self) -> Transport:
        """HTTP to providers; its connections are kept."""
        return self.new_transport()

    def new_transport(self) -> Transport:
        """Returns HTTP with no connection yet."""
        if self.make_transport is not None:
            return self.make_transport()
        return Transport(self.settings.trusted_hosts, connections_per_host=PER_HOST)

    @cached_property
    def providers(self) -> ProviderClient:
        """Asks providers for balances."""
        return ProviderClient(self.transport, paced=True)

    def secrets(self) -> Secrets:
        """Reads the secrets of accounts and channels."""
        client = self.client("secretsmanager")
        return read_secrets(client, self.settings.secrets_prefix, self.kinds)

    def channels_of(self, inventory: Inventory) -> AvailableChannels:
        """Returns the channels that alerts can be routed to, by the inventory of the latest run."""
        return AvailableChannels(
            frozenset(inventory.channels),
            frozenset(inventory.unread_kinds),
            default_channels(self.kinds),
        )

    def load(
        self,
        policy: str | None = None,
        *,
        policy_was_kept: bool = True,
        secrets: Secrets | None = None,
    ) -> Configuration:
        """Loads what the operator configured.

        Args:
            policy: takes the place of the parameter's text.
            policy_was_kept: False if no run has kept a valid policy, so that there is none to ask
                the table for.
            secrets: those that were read already.
        """
        configuration = load(
            self if secrets is None else _AlreadyRead(secrets, self.policy),
            prefix=self.settings.secrets_prefix,
            stack_channels=self._stack_channels,
            last_good_policy=self.store.policies.last_good if policy_was_kept else _none,
            kinds=self.kinds,
            policy=policy,
        )
        if configuration.heartbeat_is_read:
            self._heartbeats["latest"] = configuration.heartbeat
        return configuration

    @property
    def _stack_channels(self) -> dict[str, str]:
        """The addresses of the channels that belong to the stack, by kind."""
        bus = self.settings.event_bus
        return {TOPIC: self.settings.topic_arn, **({EVENTS: bus} if bus else {})}

    @cached_property
    def _heartbeats(self) -> dict[str, str | None]:
        return {}

    @property
    def heartbeat_url(self) -> str | None:
        """The address to ping after a run: of the environment, or of the latest configuration."""
        return self.settings.heartbeat_url or self._heartbeats.get("latest")

    def top_up(self, spec: Spec, account: Account) -> PaymentOutcome:
        """Pays in. The caller has to claim the payment first."""
        # A connection kept since the last run may be dead, and a payment is not tried again.
        return ProviderClient(self.new_transport()).top_up(spec, account)

    def new_connections(self) -> Connections:
        """Returns the connections of one delivery to channels.

        A connection kept since the last alert may be dead after Lambda's freeze, and a post is not
        repeated: so each delivery has connections of its own.
        """
        return Connections(self.new_transport(), self.client, self.settings.dashboard_url)

    def connections_of(self, configuration: Configuration) -> Connections:
        """Returns the connections of one delivery; alerts have buttons if presses are heard."""
        buttons = self.settings.slack_actions and configuration.has_signing_secret
        return replace(self.new_connections(), buttons=buttons)

    def deliver(
        self,
        entries: Sequence[OutboxEntry],
        *,
        channels: Sequence[ConfiguredChannel],
        configuration: Configuration,
        deadline: float,
        refusing: AbstractSet[str] = frozenset(),
    ) -> "DeliveryReport":
        """Sends pending entries to these channels."""
        from balance_watch.usecases.delivery import deliver  # a quiet run's not

        return deliver(
            entries,
            channels=connect_all(channels, self.connections_of(configuration)),
            outbox=self.store.outbox,
            deadline=deadline,
            fallbacks=configuration.fallbacks,
            unread_kinds=configuration.unread_kinds,
            renamed=configuration.renamed,
            refusing=refusing,
        )

    def load_channels(self) -> Configuration:
        """Loads the policy and the channels, without an account."""
        prefix = self.settings.secrets_prefix
        names = [prefix + it.name for it in self.kinds.values() if it.parse_secret is not None]
        return self.load_part([*names, prefix + HEARTBEAT])

    def load_part(self, names: Sequence[str]) -> Configuration:
        """Loads the policy, and the secrets of these names; one that does not exist is left out."""
        client = self.client("secretsmanager")
        secrets = read_secrets(client, self.settings.secrets_prefix, self.kinds, names)
        return self.load(secrets=secrets)

    def check(
        self,
        on_read: OnRead = lambda *_: None,
        load: Load | None = None,
    ) -> Check:
        """Returns the check, ready to run.

        Args:
            on_read: is called for each account that was read.
            load: loads the configuration, instead of `self.load`.
        """
        planner = self._planner()
        return Check(
            store=self.store,
            load=load or self.load,
            read=partial(read_all, self.providers, every=self._every),
            deliver=self.deliver,
            pay=self._pay,
            on_read=on_read,
            ask_topic=self.confirmed_subscribers,
            planner=planner,
            finish=None if planner is None else self._finish(),
        )

    def check_batch(self) -> "CheckBatch":
        """Returns the check of a batch, ready to run."""
        from balance_watch.usecases.batch_check import CheckBatch  # a worker's alone

        def read_at(hosts: Mapping[str, int]) -> Read:
            return partial(read_all, self.providers, shares=hosts, every=self._every)

        return CheckBatch(self.store, self.load_part, read_at, self._pay, self._finish())

    @property
    def _every(self) -> float:
        """The seconds from one check to the next."""
        return 60.0 * self.settings.schedule_minutes

    @property
    def _pay(self) -> Pay:
        return Pay(self.store, self.top_up)

    def _planner(self) -> "Planner | None":
        """Returns what splits a tick; None where there are no workers."""
        settings = self.settings
        if not isinstance(settings, CheckSettings) or not settings.batch_queue_url:
            return None
        from balance_watch.store.batch_queue import BatchQueue
        from balance_watch.usecases.planning import Planner  # only with workers

        queue = BatchQueue(self.client("sqs"), settings.batch_queue_url)
        return Planner(self.store, queue, settings.accounts_per_batch, settings.worker_concurrency)

    def _finish(self) -> "Finish":
        from balance_watch.usecases.finishing import Finish  # only with workers

        return Finish(
            self.store,
            self.load_channels,
            lambda: self.load().accounts,
            self.deliver,
            self._pay,
        )

    def confirmed_subscribers(self) -> ConfirmedSubscribers:
        """Asks SNS how many subscribers of the topic have confirmed."""
        return confirmed_subscribers(self.client("sns"), self.settings.topic_arn)

    def faults(self, configuration: Configuration, now: datetime) -> list[str]:
        """Returns every fault of a configuration, compared with the record of the latest run."""
        latest = self.store.runs.latest(now)
        return examine(configuration, latest.record, now).faults(latest.silences)
