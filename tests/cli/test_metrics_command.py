"""`metrics` prints what the parser of Prometheus reads, with exact numbers, and no key."""

import os
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from balance_watch.cli.account_row import AccountRow
from balance_watch.cli.metrics import FAMILIES, openmetrics
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.domain.state import AccountState
from tests.support.canaries import CORE
from tests.support.examples import TICK

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

Samples = dict[tuple[str, str], tuple[dict[str, str], float]]


def parsed(text: str) -> Samples:
    """Returns labels and number of each sample by its name and its account."""
    parser: Any = pytest.importorskip("prometheus_client.openmetrics.parser")
    families = list(parser.text_string_to_metric_families(text))
    assert [family.name for family in families] == [family.name for family in FAMILIES]
    return {
        (it.name, it.labels["account"]): (it.labels, it.value)
        for family in families
        for it in family.samples
        if it.labels.get("severity", "critical") == "critical"
    }


def rows(*states: AccountState) -> Sequence[AccountRow]:
    return [AccountRow(state, "vonage") for state in states]


def read(name: str = "sms", balance: str = "8.20") -> AccountState:
    reading = Reading(TICK, Decimal(balance), "EUR")
    return AccountState(name, reading=reading, checked_at=TICK)


def test_the_parser_of_prometheus_reads_it() -> None:
    samples = parsed(openmetrics(rows(read())))
    labels = {"account": "sms", "provider": "vonage", "currency": "EUR"}
    assert samples["balance_watch_balance", "sms"] == (labels, 8.2)
    assert samples["balance_watch_firing", "sms"][1] == 0
    assert samples["balance_watch_unreadable", "sms"][1] == 0
    checked = samples["balance_watch_last_check_timestamp_seconds", "sms"]
    assert checked[1] == TICK.timestamp()


def test_a_balance_has_every_digit() -> None:
    text = openmetrics(rows(read(balance="12345678901234567890.123456789")))
    assert " 12345678901234567890.123456789\n" in text


def test_an_account_that_was_never_read_has_no_balance() -> None:
    samples = parsed(openmetrics(rows(AccountState("new"))))
    assert ("balance_watch_balance", "new") not in samples
    assert ("balance_watch_last_check_timestamp_seconds", "new") not in samples


def test_an_account_that_cannot_be_read_says_so_and_keeps_its_balance() -> None:
    failure = ReadFailure(FailureKind.TIMED_OUT, "No reply.")
    state = replace(read(), failure=failure)
    samples = parsed(openmetrics(rows(state)))
    assert samples["balance_watch_unreadable", "sms"][1] == 1
    assert samples["balance_watch_balance", "sms"][1] == 8.2


@pytest.mark.parametrize(
    "name", ['a"b', "a\\b", "a\\n", "a\nb", "é漢🔴", "a{b}", 'a",x="1', "a\u202eb", "# EOF"]
)
def test_any_name_is_a_label(name: str) -> None:
    assert parsed(openmetrics(rows(read(name))))["balance_watch_balance", name][1] == 8.2


def test_names_that_look_alike_are_two_series() -> None:
    names = ("a\u200bb", "a\u202eb", "ab")
    samples = parsed(openmetrics(rows(*map(read, names))))
    assert {account for _, account in samples} == set(names)


def test_without_accounts_every_metric_is_named_and_has_no_number() -> None:
    assert parsed(openmetrics([])) == {}


def test_the_command_prints_what_the_latest_check_stored_and_no_key(run: "Run") -> None:
    run("check")
    output = run("metrics")
    assert output.code == 0
    assert CORE not in output.out
    assert ("balance_watch_balance", "search") in parsed(output.out)


def test_the_output_is_utf_8_whatever_the_locale_is(stage: "Stage", run: "Run") -> None:
    stage.accounts({**stage.entry("search", "you"), "name": "é漢🔴"})
    run("check")
    done = subprocess.run(
        [sys.executable, "-m", "balance_watch.cli.main", "metrics"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=True,
    )
    assert ("balance_watch_balance", "é漢🔴") in parsed(done.stdout.decode())
