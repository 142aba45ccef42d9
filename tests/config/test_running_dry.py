"""How `runs_dry`, `empty` and `expires_at` are written, in the policy and for an account."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.config.policy import parse_policy
from balance_watch.domain.account import Account
from balance_watch.domain.metrics import METRICS
from balance_watch.domain.policy import Defaults, Policy
from balance_watch.domain.rules import Metric
from balance_watch.validation import Faults
from tests.support.secret_texts import account, names, parse_entries

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TIERS = 'must be one or two durations, the longer first, such as ["3d", "1d"], or "never"'
TIMES = 'must be a time such as "2027-01-31T18:00:00Z", or a date such as "2027-01-31"'

VALID: list[tuple[object, tuple[timedelta, ...]]] = [
    (["3d", "1d"], (3 * DAY, DAY)),
    (["1w", "36h"], (7 * DAY, 36 * HOUR)),
    (["5d"], (5 * DAY,)),
    (["90m", "30m"], (90 * HOUR / 60, HOUR / 2)),
    ("never", ()),
]
INVALID: list[object] = [
    [],
    ["1d", "3d"],
    ["1d", "1d"],
    ["24h", "1d"],
    ["3d", "2d", "1d"],
    ["3d", "0d"],
    ["0m"],
    ["never"],
    ["3d", "never"],
    ["3d", 1],
    ["3"],
    "3d",
    "Never",
    "",
    3,
    True,
    False,
]


def toml(value: object) -> str:
    """Writes a value as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def policy_of(text: str) -> tuple[Policy | None, list[str]]:
    """Returns the policy with this in its defaults, and its faults."""
    faults = Faults()
    parsed = parse_policy(f"[defaults]\n{text}\n", "policy", faults)
    return parsed and parsed.policy, faults


def only(**changes: object) -> Account:
    """Returns the account that a secret has."""
    watched = parse_entries(account(**changes))
    assert not watched.faults
    ((one, _),) = watched.accounts
    return one


def faults_of(**changes: object) -> list[str]:
    """Returns the faults of an account; another one beside it is watched all the same."""
    watched = parse_entries(account(**changes), account(name="other"))
    assert names(watched) == ["other"]
    return list(watched.faults)


def test_without_a_word_it_is_three_days_and_one_and_empty_is_on() -> None:
    policy, _ = policy_of("")
    assert policy is not None
    assert policy.defaults == Defaults(runs_dry=(3 * DAY, DAY), empty=True)


@pytest.mark.parametrize(("value", "tiers"), VALID)
def test_runs_dry_is_one_or_two_durations_or_never(
    value: object, tiers: tuple[timedelta, ...]
) -> None:
    policy, faults = policy_of(f"runs_dry = {toml(value)}")
    assert policy is not None, faults
    assert policy.defaults.runs_dry == tiers
    assert only(runs_dry=value).runs_dry == tiers


@pytest.mark.parametrize("value", INVALID)
def test_any_other_runs_dry_is_a_fault_that_repeats_no_value(value: object) -> None:
    fault = f"policy [defaults], runs_dry: {TIERS}"
    assert policy_of(f"runs_dry = {toml(value)}") == (None, [fault])
    where = "secret balance-watch/accounts, account search"
    assert faults_of(runs_dry=value) == [f"{where}, runs_dry: {TIERS}"]


@pytest.mark.parametrize("value", [True, False])
def test_empty_is_true_or_false(*, value: bool) -> None:
    policy, _ = policy_of(f"empty = {toml(value)}")
    assert policy is not None
    assert policy.defaults.empty is value
    assert only(empty=value).empty is value


@pytest.mark.parametrize("value", ["never", "no", 0, 1, [], {}])
def test_any_other_empty_is_a_fault(value: object) -> None:
    where = "secret balance-watch/accounts, account search"
    (fault,) = faults_of(empty=value)
    assert fault.startswith(f"{where}, empty: must be a boolean")


def test_empty_in_the_policy_is_a_boolean_too() -> None:
    _, faults = policy_of('empty = "never"')
    assert [fault.partition(" must")[0] for fault in faults] == ["policy [defaults], empty:"]


@pytest.mark.parametrize("field", ["runs_dry", "empty", "expires_at"])
def test_null_is_as_if_the_field_were_absent(field: str) -> None:
    assert only(**{field: None}) == only()
    assert getattr(only(), field) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2027-01-31", datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2027-01-31T18:00:00Z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31t18:00:00z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31 18:00:00+01:00", datetime(2027, 1, 31, 17, tzinfo=UTC)),
        ("2027-01-31T18:00:00-08:00", datetime(2027, 2, 1, 2, tzinfo=UTC)),
        ("2027-01-31T18:00:00.123456Z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
    ],
)
def test_expires_at_is_a_time_or_the_end_of_a_day_in_utc(text: str, at: datetime) -> None:
    assert only(expires_at=text).expires_at == at


@pytest.mark.parametrize(
    "value",
    [
        "2027-02-30",
        "2027-13-01",
        "2027-01-31T25:00:00Z",
        "2027-01-31T18:00:00",
        "2027-01-31T18:00Z",
        "2027-01-31T18:00:00Z ",
        "9999-12-31T23:59:59-01:00",
        "31.01.2027",
        "20270131",
        "\u0662\u0660\u0662\u0667-01-31",
        "soon",
        "",
        1801353599,
        True,
        [],
    ],
)
def test_any_other_expires_at_is_a_fault_that_repeats_no_value(value: object) -> None:
    where = "secret balance-watch/accounts, account search"
    assert faults_of(expires_at=value) == [f"{where}, expires_at: {TIMES}"]


@pytest.mark.parametrize("name", ["empty", "runs_dry", "expires"])
def test_a_policy_that_has_a_rule_of_such_a_name_stays_valid(name: str) -> None:
    faults = Faults()
    text = f'[[rules]]\nname = "{name}"\nbelow = 5\n'
    parsed = parse_policy(text, "policy", faults)
    assert parsed is not None, faults
    (of_that_name,) = (rule for rule in parsed.policy.rules_for(only()) if rule.name == name)
    assert of_that_name.metric is Metric.BALANCE


def test_two_rules_of_such_a_name_are_a_fault_as_with_any_other() -> None:
    faults = Faults()
    text = '[[rules]]\nname = "empty"\nbelow = 5\n' * 2
    assert parse_policy(text, "policy", faults) is None
    assert faults == ["policy rules[1], name: is taken by another rule or a built-in one"]


def test_a_rule_may_ask_how_soon_credit_expires() -> None:
    faults = Faults()
    text = '[[rules]]\nname = "a month"\nmetric = "expiry"\nbelow = "30d"\n'
    parsed = parse_policy(text, "policy", faults)
    assert parsed is not None, faults
    (rule,) = parsed.policy.rules
    assert rule.metric is Metric.EXPIRY
    assert rule.below == 30 * 86400


def test_a_rule_on_the_expiry_pays_nothing_in_and_none_can_name_empty() -> None:
    assert not METRICS[Metric.EXPIRY].may_top_up
    assert not METRICS[Metric.EMPTY].in_policy


plain: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=30)
    | st.sampled_from(["3d", "never"])
)


@given(plain | st.lists(plain, max_size=3), plain, plain)
def test_whatever_is_written_the_accounts_beside_it_are_watched(
    runs_dry: object, empty: object, expires_at: object
) -> None:
    odd = account(runs_dry=runs_dry, empty=empty, expires_at=expires_at)
    watched = parse_entries(odd, account(name="other"))
    assert "other" in names(watched)
    assert bool(watched.faults) is ("search" not in names(watched))
