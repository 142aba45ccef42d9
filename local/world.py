"""Everything that a function talks to, started together: AWS, four providers, a Slack inbox.

with World() as world:
    world.show(states_at(tick), tick)
    os.environ |= world.environment
    ...                                       # invoke the handler
    world.slack.messages, world.aws.published()
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from local.aws import EmbeddedAws
from local.loopback import LOOPBACK, Address
from local.provider_server import ProviderAccount, ProviderServer
from local.providers import AimlapiServer, LegnextServer, VonageServer, YouServer
from local.running import Running
from local.scenario import ACCOUNTS, START, ScenarioAccount, State, spent_between, states_at
from local.slack_inbox import SlackInbox
from local.stack import TEMPLATE

# A canary (tests/support/canaries.py): the tests search all output for it.
_KEY = "Canary9Qx/+=&"


class World(Running):
    """The parts, from `start()` to `stop()`, or inside a `with`, at the scenario's first tick.

    The servers bind to `host`. A function reaches them under `advertised`, if that is another name.
    """

    def __init__(
        self, template: Path = TEMPLATE, *, host: str = LOOPBACK, advertised: str | None = None
    ) -> None:
        address = Address(host=host, advertised=advertised)
        self.aws = EmbeddedAws(template, host=host, advertised=advertised)
        self.legnext = LegnextServer(**address)
        self.you = YouServer(**address)
        self.aimlapi = AimlapiServer(**address)
        self.vonage = VonageServer(**address)
        self.slack = SlackInbox(**address)
        self._running = ExitStack()
        self._stored_entries: list[dict[str, Any]] = []

    def spare(self) -> dict[str, Any]:
        """Returns an account that no secret has: one of You, with 250 USD, for whoever adds it."""
        credential = f"{_KEY}spare"
        self.you.accounts.setdefault(credential, ProviderAccount(Decimal(250)))
        return {"credentials": {"api_key": credential}, "base_url": self.you.url}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of CheckBalances and of the command line, with trust in these servers."""
        return self._trusting(self.aws.environment)

    def environment_of(self, function: str) -> dict[str, str]:
        """Returns a function's environment, by its logical id, with trust in these servers."""
        return self._trusting(self.aws.environment_of(function))

    def _trusting(self, environment: dict[str, str]) -> dict[str, str]:
        servers = [self.legnext, self.you, self.aimlapi, self.vonage, self.slack]
        trusted = ",".join(server.authority for server in servers)
        return {
            name: trusted if name == "TRUSTED_HOSTS" else value
            for name, value in environment.items()
        }

    def start(self) -> Self:
        """Starts every part, stores the two secrets, shows the scenario's first tick."""
        with ExitStack() as starting:
            for part in (self.aws, self.legnext, self.you, self.aimlapi, self.vonage, self.slack):
                starting.enter_context(part)
            self._put_secret("slack", {"webhooks": self.slack.webhooks})
            self.show(states_at(START), START)
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Stops every part."""
        self._running.close()

    def server_of(self, provider: str) -> ProviderServer:
        """Returns the server of a provider's slug; the three slugs of AIMLAPI share one."""
        servers = {"legnext": self.legnext, "you": self.you, "vonage": self.vonage}
        return servers.get(provider, self.aimlapi)

    def show(self, states: Mapping[str, State], now: datetime) -> None:
        """Gives the providers these states, as of `now`, and stores the keys that are in use."""
        self.aimlapi.now = lambda: now
        for account in ACCOUNTS:
            state = states[account.name]
            accounts = self.server_of(account.provider).accounts
            accounts.pop(_key(account, state.accepted_key - 1), None)  # the revoked key
            accounts[_key(account, state.accepted_key)] = ProviderAccount(
                balance=state.balance,
                threshold=state.threshold,
                flag=state.flag,
                auto_reload=state.auto_reload,
                updated_at=now,
                trouble=state.trouble,
            )
        self._store([self._entry(account, states[account.name].stored_key) for account in ACCOUNTS])

    def pass_time(self, start: datetime, since: datetime, until: datetime) -> None:
        """Lets every account spend as in the scenario; what was topped up in between stays.

        Args:
            start: the time of the scenario's first tick.
            since: when it begins: the time that was shown, or to which time has passed.
            until: when it ends.
        """
        states = states_at(since, start)
        for account in ACCOUNTS:
            state = states[account.name]
            kept = self.server_of(account.provider).accounts[_key(account, state.accepted_key)]
            spent = spent_between(account.name, start, since, until)
            kept.balance = max(kept.balance - spent, Decimal(0))
            if kept.auto_reload and kept.balance < kept.threshold:
                kept.balance += kept.auto_reload_amount
            kept.updated_at = until
        self.aimlapi.now = lambda: until

    def _store(self, entries: list[dict[str, Any]]) -> None:
        if entries != self._stored_entries:
            self._put_secret("accounts", {"accounts": entries})
            self._stored_entries = entries

    def _put_secret(self, name: str, content: dict[str, Any]) -> None:
        self.aws.put_secret(self.aws.environment["SECRETS_PREFIX"] + name, content)

    def _entry(self, account: ScenarioAccount, key_number: int) -> dict[str, Any]:
        entry = {
            "name": account.name,
            "provider": account.provider,
            "credentials": _credentials(account, key_number),
            "alert_below": account.alert_below,
            "auth": account.auth,
            "labels": dict(account.labels),
            "base_url": self.server_of(account.provider).url,
        }
        return {field: value for field, value in entry.items() if value}


def _credentials(account: ScenarioAccount, key_number: int) -> dict[str, str]:
    if account.provider == "vonage":
        return {
            "api_key": f"{_KEY}{account.name}",
            "api_secret": f"{_KEY}{account.name}-{key_number}",
        }
    return {"api_key": f"{_KEY}{account.name}-{key_number}"}


def _key(account: ScenarioAccount, key_number: int) -> str:
    return ":".join(_credentials(account, key_number).values())
