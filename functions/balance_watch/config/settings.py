"""Settings from environment variables. No other module reads the environment."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from msgspec.structs import fields

from balance_watch.domain.confidential import Confidential
from balance_watch.errors import SettingsError

_TRUSTED_HOST = re.compile(r"[^\s:,/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")
_NOTHING: Mapping[str, str] = {}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _parse_level(text: str) -> str:
    if text.upper() not in _LEVELS:
        raise SettingsError(f"must be one of {', '.join(_LEVELS)}")
    return text.upper()


def _parse_days(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError("must be a number of days, 1 or more")
    return int(text)


def _parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError("must be a number, 1 or more")
    return int(text)


def _parse_hosts(text: str) -> frozenset[str]:
    hosts = frozenset(host.strip() for host in text.split(",") if host.strip())
    if not all(_TRUSTED_HOST.fullmatch(host) for host in hosts):
        raise SettingsError("must be host:port, separated by commas")
    return hosts


def _parse_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise SettingsError("must be true or false")
    return text == "true"


Flag = Annotated[bool, _parse_flag]
Level = Annotated[str, _parse_level]
Days = Annotated[int, _parse_days]
Count = Annotated[int, _parse_count]
Hosts = Annotated[frozenset[str], _parse_hosts]


class Settings(Confidential, frozen=True, kw_only=True):
    """Reads its fields from the environment. A subclass only declares fields.

    The field `table_name` is read from the variable TABLE_NAME, which is required unless the field
    has a default. A field's type is `str`, or one of the types above, which name their parser.
    """

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] = os.environ,
        otherwise: Mapping[str, str] = _NOTHING,
    ) -> Self:
        """Reads every field; an empty variable counts as not set.

        Args:
            environment: the variables.
            otherwise: the values of the variables that are not set.

        Raises:
            SettingsError: names every variable that is missing or invalid.
        """
        values: dict[str, Any] = {}
        missing: list[str] = []
        invalid: list[str] = []
        for setting in fields(cls):
            variable = setting.name.upper()
            parse = getattr(setting.type, "__metadata__", (str,))[0]
            text = environment.get(variable, "").strip() or otherwise.get(variable, "").strip()
            if text:
                try:
                    values[setting.name] = parse(text)
                except SettingsError as error:
                    invalid.append(f"{variable} {error}")
            elif setting.required:
                missing.append(variable)
        if missing:
            invalid.insert(0, f"The environment is missing {_listed(missing)}")
        if invalid:
            raise SettingsError(f"{'; '.join(invalid)}.")
        return cls(**values)


class FunctionSettings(Settings, frozen=True, kw_only=True):
    """The settings of every function."""

    log_level: Level = "INFO"


class TableSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of a function that needs the table and nothing else."""

    table_name: str


class PolicySettings(TableSettings, frozen=True, kw_only=True):
    """The settings of a function that needs the table and the policy: of ShowReport."""

    policy_parameter: str = ""


class WorkerSettings(PolicySettings, frozen=True, kw_only=True):
    """The settings of CheckAccounts."""

    topic_arn: str
    secrets_prefix: str = "balance-watch/"
    history_days: Days = 400
    event_bus: str = ""
    dashboard_url: str = ""
    slack_actions: Flag = False
    trusted_hosts: Hosts = frozenset()
    schedule_minutes: Count = 5
    heartbeat_url: str = ""


class CheckSettings(WorkerSettings, frozen=True, kw_only=True):
    """The settings of CheckBalances and of the command line."""

    batch_queue_url: str = ""
    accounts_per_batch: Count = 500
    worker_concurrency: Count = 10


class SlackActionsSettings(TableSettings, frozen=True, kw_only=True):
    """The settings of SlackActions. `check_function` is the function that checks the balances."""

    check_function: str
    secrets_prefix: str = "balance-watch/"
    trusted_hosts: Hosts = frozenset()


def is_complete(settings: type[Settings], environment: Mapping[str, str] = os.environ) -> bool:
    """Tells whether the environment has every variable that these settings require."""
    required = (it.name.upper() for it in fields(settings) if it.required)
    return all(environment.get(variable, "").strip() for variable in required)


class _TransportSettings(Settings, frozen=True, kw_only=True):
    trusted_hosts: Hosts = frozenset()


def trusted_hosts(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Returns TRUSTED_HOSTS alone, for a command that needs no AWS.

    Raises:
        SettingsError: the variable is invalid.
    """
    return _TransportSettings.from_environment(environment).trusted_hosts


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
