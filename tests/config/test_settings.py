"""Settings: everything that is missing or wrong is told at once, and an empty variable is none."""

import pytest

from balance_watch.config.settings import Settings
from balance_watch.errors import SettingsError
from tests.support.canaries import CORE, key

HEARTBEAT = f"https://hc.example/{key()}"
NEEDED = {"TABLE_NAME": "history", "TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:alerts"}


def settings(**environment: str) -> Settings:
    return Settings.from_environment({**NEEDED, **environment})


def faults(**environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(**environment)
    return str(caught.value)


def test_table_and_topic_are_all_it_needs() -> None:
    found = settings()
    assert (found.table_name, found.topic_arn) == tuple(NEEDED.values())
    assert (found.secrets_prefix, found.policy_parameter) == ("balance-watch/", "")
    assert (found.log_level, found.heartbeat_url) == ("INFO", "")
    assert (found.trusted_hosts, found.history_days) == (frozenset(), 400)


def test_every_setting_is_read() -> None:
    found = settings(
        SECRETS_PREFIX="team/",
        POLICY_PARAMETER="/team/policy",
        LOG_LEVEL="debug",
        HEARTBEAT_URL=HEARTBEAT,
        TRUSTED_HOSTS="127.0.0.1:8080",
        HISTORY_DAYS="30",
    )
    assert found == Settings(
        **{name.lower(): value for name, value in NEEDED.items()},
        secrets_prefix="team/",
        policy_parameter="/team/policy",
        log_level="DEBUG",
        heartbeat_url=HEARTBEAT,
        trusted_hosts=frozenset({"127.0.0.1:8080"}),
        history_days=30,
    )


@pytest.mark.parametrize(
    "name", ["SECRETS_PREFIX", "POLICY_PARAMETER", "LOG_LEVEL", "TRUSTED_HOSTS", "HISTORY_DAYS"]
)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_not_set(name: str, empty: str) -> None:
    assert settings(**{name: empty}) == settings()


def test_everything_that_is_missing_or_wrong_is_told_at_once() -> None:
    told = faults(
        TABLE_NAME="", TOPIC_ARN=" ", LOG_LEVEL="LOUD", TRUSTED_HOSTS="x", HISTORY_DAYS="soon"
    )
    assert told == (
        "The environment is not in order: TABLE_NAME is not set; TOPIC_ARN is not set; "
        "TRUSTED_HOSTS must be host:port, separated by commas; "
        "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL; "
        "HISTORY_DAYS must be a number of days, 1 or more."
    )


def test_an_environment_without_anything_names_what_is_needed() -> None:
    with pytest.raises(SettingsError, match="TABLE_NAME is not set; TOPIC_ARN is not set"):
        Settings.from_environment({})


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("127.0.0.1:8080", {"127.0.0.1:8080"}),
        ("localhost:1, gateway.internal:65535 ,", {"localhost:1", "gateway.internal:65535"}),
        ("[::1]:8080", {"[::1]:8080"}),
        (",", set()),
    ],
)
def test_trusted_hosts_are_hosts_with_ports(text: str, hosts: set[str]) -> None:
    assert settings(TRUSTED_HOSTS=text).trusted_hosts == hosts


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "localhost:",
        ":80",
        "localhost:http",
        "http://localhost:80",
        "localhost:80/path",
        "localhost:80 other:80",
        "::1:80",
        "good:80,bad",
        "*",
    ],
)
def test_a_trusted_host_of_another_form_is_refused(text: str) -> None:
    assert "TRUSTED_HOSTS must be host:port" in faults(TRUSTED_HOSTS=text)


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "400d", "²"])
def test_history_is_kept_for_a_whole_number_of_days(days: str) -> None:
    assert "HISTORY_DAYS" in faults(HISTORY_DAYS=days)


def test_no_value_is_in_what_is_told() -> None:
    told = faults(LOG_LEVEL=key(), TRUSTED_HOSTS=key(), HISTORY_DAYS=key())
    assert CORE not in told


def test_the_heartbeats_address_is_in_no_repr() -> None:
    assert CORE not in repr(settings(HEARTBEAT_URL=HEARTBEAT))
