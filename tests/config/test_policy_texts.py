"""Wrong types, many faults at once, and text that is not TOML, in a policy."""

import pytest

from balance_watch.config.policy import parse_policy
from balance_watch.validation import Faults
from tests.support.canaries import CORE
from tests.support.policies import faults_of

CANARY = CORE

FIELDS = ("name", "match", "metric", "below", "above", "recover", "for", "severity")


WRONG = (
    "5",
    '""',
    f'"{CANARY}"',
    "true",
    "[]",
    "[{}]",
    "{ x = 5 }",
    "nan",
    "2026-11-22",
    "07:32:00",
)


@pytest.mark.parametrize("field", [*FIELDS, "channels"])
@pytest.mark.parametrize("value", WRONG)
def test_a_field_of_another_type_is_reported_without_its_value_or_parsed(
    field: str, value: str
) -> None:
    kind, rest = (
        ("routes", {}) if field == "channels" else ("rules", {"name": '"low"', "below": "5"})
    )
    table = "\n".join(f"{name} = {text}" for name, text in {**rest, field: value}.items())
    faults = Faults()
    policy = parse_policy(f"[[{kind}]]\n{table}", "policy", faults)
    assert (policy is None) is bool(faults)
    assert all(fault.startswith(f"policy {kind}[0]") for fault in faults)
    assert CANARY not in "".join(faults)


WRONG_IN_EVERY_PART = f"""
[defaults]
reminder = "{CANARY}"
minimum_gap = ["{CANARY}"]
unreadable_after = "{CANARY}"
[extra]
value = "{CANARY}"
[[rules]]
name = "low"
below = "{CANARY}"
recover = "{CANARY}"
for = "{CANARY}"
metric = "{CANARY}"
severity = "{CANARY}"
match = "{CANARY}"
[[rules]]
name = ["{CANARY}"]
[[rules]]
name = "low"
match = {{ place = "{CANARY}" }}
below = 5
above = 9
[[routes]]
channels = ["{CANARY}"]
match = {{ place = "{CANARY}" }}
[[routes]]
channels = "{CANARY}"
"""


def test_every_fault_is_reported_at_once_and_none_contains_a_value() -> None:
    faults = faults_of(WRONG_IN_EVERY_PART)
    assert CANARY not in "".join(faults)
    places = [fault.partition(": ")[0] for fault in faults]
    assert places == [
        "policy",
        "policy [defaults], reminder",
        "policy [defaults], minimum_gap",
        "policy [defaults], unreadable_after",
        "policy rules[0], match",
        "policy rules[0], metric",
        "policy rules[0], below",
        "policy rules[0], recover",
        "policy rules[0], for",
        "policy rules[0], severity",
        "policy rules[1], name",
        "policy rules[1]",
        "policy rules[2], name",
        "policy rules[2], match",
        "policy rules[2]",
        "policy routes[0], match",
        "policy routes[0], channels",
        "policy routes[1], channels",
    ]


@pytest.mark.parametrize(
    "text",
    [
        f'name = "{CANARY}',
        f"{CANARY} {CANARY}",
        f'[[rules]]\nbelow = {CANARY}"',
        f"[{CANARY}",
        f'x = "{CANARY}\\q"',
    ],
)
def test_text_that_is_not_toml_is_reported_by_its_line_and_not_repeated(text: str) -> None:
    (fault,) = faults_of(text)
    assert fault.startswith("policy: is not TOML (at ")
    assert "line" in fault or "end of document" in fault
    assert CANARY not in fault


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 4000, "x = " + "9" * 5000, "x = 1e99999999999999999999", "x = 1e-" + "9" * 40],
    ids=["deep", "long", "a huge exponent", "a tiny one"],
)
def test_text_that_breaks_the_toml_parser_is_a_fault(text: str) -> None:
    (fault,) = faults_of(text)
    assert fault.startswith("policy: ")
