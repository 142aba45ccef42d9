"""Untrusted tables become typed values. Every fault names its place, and none repeats a value."""

from decimal import Decimal
from typing import Literal

import msgspec
import pytest

from balance_watch.validation import (
    Amount,
    Faults,
    convert,
    convert_each,
)
from tests.support.canaries import key

SECRET = key()


class Rule(msgspec.Struct, frozen=True):
    """A table with every kind of field."""

    name: str
    below: Amount
    severity: Literal["critical", "warning"] = "warning"
    labels: dict[str, str] = {}
    enabled: bool = True


def converted(raw: object) -> tuple[Rule | None, Faults]:
    faults = Faults()
    return convert(Rule, raw, "rule 1", faults), faults


def test_a_valid_table_is_returned_without_a_fault() -> None:
    rule, faults = converted({"name": "low", "below": "20", "labels": {"team": "sms"}})
    assert rule == Rule("low", Amount("20"), labels={"team": "sms"})
    assert faults == []


def test_all_faults_of_a_table_are_reported_together() -> None:
    _, faults = converted({"below": "x", "severity": "grave", "enabled": "yes", "typo": 1})
    assert len(faults) == 5


def test_a_fault_names_its_place() -> None:
    _, faults = converted({"name": "low", "below": "x"})
    assert len(faults) == 1
    assert faults[0].startswith("rule 1, below: ")


def test_a_missing_required_field_is_a_fault() -> None:
    rule, faults = converted({"name": "low"})
    assert (rule, faults) == (None, ["rule 1, below: is missing"])


def test_an_unknown_field_is_a_fault() -> None:
    rule, faults = converted({"name": "low", "below": 1, "sevrity": "critical"})
    assert rule is not None
    assert "'sevrity'" in faults[0]
    assert "severity" in faults[0]


def test_an_invalid_optional_field_gets_its_default_and_is_a_fault() -> None:
    rule, faults = converted({"name": "low", "below": 1, "severity": "grave"})
    assert rule is not None
    assert rule.severity == "warning"
    assert faults == ["rule 1, severity: must be one of critical, warning"]


@pytest.mark.parametrize("raw", [None, 1, True, "text", [], Decimal(1)])
def test_a_value_that_is_not_a_table_is_a_fault(raw: object) -> None:
    rule, faults = converted(raw)
    assert rule is None
    assert "must be a table" in faults[0]


@pytest.mark.parametrize(
    "raw",
    [
        SECRET,
        {SECRET: SECRET},
        {"name": [SECRET], "below": SECRET},
        {"name": {SECRET: SECRET}, "below": {SECRET: SECRET}},
        {"name": "low", "below": 1, "severity": SECRET, "enabled": SECRET, "labels": SECRET},
        {"name": "low", "below": 1, "labels": {SECRET: 5}},
        {"name": "low", "below": 1, "labels": [SECRET]},
    ],
)
def test_no_fault_repeats_a_value(raw: object) -> None:
    _, faults = converted(raw)
    assert faults
    assert SECRET not in " ".join(faults)


def test_the_tables_of_a_list_are_named_by_their_index() -> None:
    faults = Faults()
    raw = [{"name": "a", "below": 1}, {"name": "b"}, {"name": "c", "below": 1, "enabled": 0}]
    tables = list(convert_each(Rule, raw, "rules", faults))
    assert [(place, table.name, valid) for place, table, valid in tables] == [
        ("rules[0]", "a", True),
        ("rules[2]", "c", False),
    ]
    assert [fault.partition(":")[0] for fault in faults] == ["rules[1], below", "rules[2], enabled"]


def test_a_value_that_is_not_a_list_is_a_fault() -> None:
    faults = Faults()
    assert list(convert_each(Rule, {"name": SECRET}, "rules", faults)) == []
    assert faults == ["rules: must be a list, not a table"]


@pytest.mark.parametrize(("value", "text"), [("50", "50"), (50, "50"), (Decimal("0.10"), "0.1")])
def test_an_amount_is_a_number_or_a_string_that_holds_one(value: object, text: str) -> None:
    assert Amount.parse(value) == text
    assert Amount.parse(value).exact == Decimal(text)


@pytest.mark.parametrize("value", [True, False, None, 0.1, [], {}, "", "x", "NaN", "1e400", "1_0"])
def test_a_value_that_is_not_an_exact_number_is_not_an_amount(value: object) -> None:
    with pytest.raises(ValueError, match="number"):
        Amount.parse(value)
