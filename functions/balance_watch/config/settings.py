"""Settings from the environment, read once: the one place that knows its names."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from balance_watch.errors import SettingsError

_TRUSTED = re.compile(r"[^\s:,/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is. `heartbeat_url` is a secret and stays out of the repr."""

    table_name: str
    topic_arn: str
    secrets_prefix: str = "balance-watch/"
    policy_parameter: str = ""
    log_level: str = "INFO"
    heartbeat_url: str = field(default="", repr=False)
    trusted_hosts: frozenset[str] = frozenset()
    history_days: int = 400

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Reads the settings; an empty variable counts as not set.

        Raises:
            SettingsError: naming every variable that is missing or wrong, at once.
        """
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        faults = [f"{name} is not set" for name in ("TABLE_NAME", "TOPIC_ARN") if name not in given]
        hosts = _hosts(given.get("TRUSTED_HOSTS", ""), faults)
        level = given.get("LOG_LEVEL", "INFO").upper()
        if level not in _LEVELS:
            faults.append(f"LOG_LEVEL must be one of {', '.join(_LEVELS)}")
        days = given.get("HISTORY_DAYS", "400")
        if not days.isdecimal() or int(days) < 1:
            faults.append("HISTORY_DAYS must be a number of days, 1 or more")
        if faults:
            raise SettingsError(f"The environment is not in order: {'; '.join(faults)}.")
        return cls(
            table_name=given["TABLE_NAME"],
            topic_arn=given["TOPIC_ARN"],
            secrets_prefix=given.get("SECRETS_PREFIX", "balance-watch/"),
            policy_parameter=given.get("POLICY_PARAMETER", ""),
            log_level=level,
            heartbeat_url=given.get("HEARTBEAT_URL", ""),
            trusted_hosts=hosts,
            history_days=int(days),
        )


def trusted_hosts(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Reads TRUSTED_HOSTS alone, for what needs no AWS.

    Raises:
        SettingsError: it has not the form that it must have.
    """
    faults: list[str] = []
    hosts = _hosts(environment.get("TRUSTED_HOSTS", ""), faults)
    if faults:
        raise SettingsError(f"{faults[0]}.")
    return hosts


def _hosts(text: str, faults: list[str]) -> frozenset[str]:
    hosts = frozenset(each.strip() for each in text.split(",") if each.strip())
    if not all(_TRUSTED.fullmatch(host) for host in hosts):
        faults.append("TRUSTED_HOSTS must be host:port, separated by commas")
    return hosts
