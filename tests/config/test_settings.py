"""Settings: one error names every missing or invalid variable; an empty variable is not set."""

from typing import Any

import pytest

from balance_watch.config.settings import CheckSettings, Days, FunctionSettings, trusted_hosts
from balance_watch.errors import SettingsError
from tests.support.canaries import CORE, key

HEARTBEAT = f"https://hc.example/{key()}"
REQUIRED = {"TABLE_NAME": "history", "TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:alerts"}


def lower(variables: dict[str, str]) -> dict[str, Any]:
    """Returns these variables by the names of their fields."""
    return {name.lower(): value for name, value in variables.items()}


def settings(**environment: str) -> CheckSettings:
    return CheckSettings.from_environment({**REQUIRED, **environment})


def faults(**environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(**environment)
    return str(caught.value)


def test_table_and_topic_alone_are_required() -> None:
    defaults = settings()
    assert (defaults.table_name, defaults.topic_arn) == tuple(REQUIRED.values())
    assert (defaults.secrets_prefix, defaults.policy_parameter) == ("balance-watch/", "")
    assert (defaults.log_level, defaults.heartbeat_url) == ("INFO", "")
    assert (defaults.trusted_hosts, defaults.history_days) == (frozenset(), 400)


def test_every_setting_is_read() -> None:
    parsed = settings(
        SECRETS_PREFIX="team/",
        POLICY_PARAMETER="/team/policy",
        LOG_LEVEL="debug",
        HEARTBEAT_URL=HEARTBEAT,
        TRUSTED_HOSTS="127.0.0.1:8080",
        HISTORY_DAYS="30",
    )
    assert parsed == CheckSettings(
        **lower(REQUIRED),
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


def test_one_error_names_every_missing_or_invalid_variable() -> None:
    message = faults(
        TABLE_NAME="", TOPIC_ARN=" ", LOG_LEVEL="LOUD", TRUSTED_HOSTS="x", HISTORY_DAYS="soon"
    )
    assert message == (
        "The environment is missing TABLE_NAME and TOPIC_ARN; "
        "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL; "
        "HISTORY_DAYS must be a number of days, 1 or more; "
        "TRUSTED_HOSTS must be host:port, separated by commas."
    )


def test_an_empty_environment_is_missing_the_required_variables() -> None:
    with pytest.raises(SettingsError, match=r"^The environment is missing TABLE_NAME and TOPIC_"):
        CheckSettings.from_environment({})


def test_an_invalid_variable_is_named_alone_if_none_is_missing() -> None:
    message = faults(HISTORY_DAYS="soon")
    assert message == "HISTORY_DAYS must be a number of days, 1 or more."


class OtherSettings(FunctionSettings, frozen=True, kw_only=True):
    """The settings of another handler, which declares its own fields."""

    batch_queue_url: str
    table_name: str
    keep_for: Days = 7
    topic_arn: str


def test_another_handler_declares_its_fields_and_reads_no_others() -> None:
    other = OtherSettings.from_environment(
        {**REQUIRED, "BATCH_QUEUE_URL": "queue", "KEEP_FOR": "3", "HISTORY_DAYS": "soon"}
    )
    assert other == OtherSettings(
        batch_queue_url="queue", keep_for=3, log_level="INFO", **lower(REQUIRED)
    )


def test_the_variables_that_another_handler_lacks_are_named_in_its_order() -> None:
    with pytest.raises(SettingsError) as caught:
        OtherSettings.from_environment({"KEEP_FOR": "0"})
    assert str(caught.value) == (
        "The environment is missing BATCH_QUEUE_URL, TABLE_NAME and TOPIC_ARN; "
        "KEEP_FOR must be a number of days, 1 or more."
    )


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
def test_an_invalid_trusted_host_is_an_error(text: str) -> None:
    assert "TRUSTED_HOSTS must be host:port" in faults(TRUSTED_HOSTS=text)


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "400d", "²"])
def test_history_is_kept_for_a_whole_number_of_days(days: str) -> None:
    assert "HISTORY_DAYS" in faults(HISTORY_DAYS=days)


def test_trusted_hosts_can_be_read_without_the_rest() -> None:
    environment = {"TRUSTED_HOSTS": "localhost:1", "LOG_LEVEL": "LOUD"}
    assert trusted_hosts(environment) == {"localhost:1"}
    assert trusted_hosts({}) == frozenset()


def test_an_invalid_trusted_host_is_an_error_without_the_rest_too() -> None:
    with pytest.raises(SettingsError, match=r"^TRUSTED_HOSTS must be host:port"):
        trusted_hosts({"TRUSTED_HOSTS": "localhost"})


def test_the_error_contains_no_value() -> None:
    message = faults(LOG_LEVEL=key(), TRUSTED_HOSTS=key(), HISTORY_DAYS=key())
    assert CORE not in message


def test_the_repr_does_not_contain_the_heartbeat_url() -> None:
    assert CORE not in repr(settings(HEARTBEAT_URL=HEARTBEAT))
