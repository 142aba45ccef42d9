"""`status ACCOUNT`, `--firing` and `--exit-code`."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from balance_watch.domain.formatting import format_time
from balance_watch.domain.reading import Reading
from balance_watch.domain.spending import Day
from local.trouble import FINE, KEY_REJECTED, OUTAGE
from tests.cli.test_status import FIVE, at_a_terminal, change, check_before
from tests.support.canaries import key

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

SILENCE = ("silence", "add", "--for", "2h", "--reason", "known", "--match")


def facts(run: "Run", *words: str) -> dict[str, list[str]]:
    """Returns what a pipe gets of one account: the values by name."""
    found: dict[str, list[str]] = {}
    for line in run("status", *words).out.splitlines():
        name, value = line.split("\t")
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def labelled(stage: "Stage", run: "Run") -> "Run":
    """The command, after a check of an account that is low and of one that is fine."""
    stage.accounts(
        stage.entry("search", "you", alert_below="8000", labels={"team": "search", "env": "prod"}),
        stage.entry("sms", "vonage", variables={"trx": "t"}),
        {**stage.entry("old", "you"), "enabled": False},
    )
    check_before(10)
    return run


def test_one_account_is_shown_in_detail(labelled: "Run") -> None:
    found = facts(labelled, "search")
    assert next(iter(found)) == "state"
    assert found["state"] == ["alert_below"]
    assert found["provider"] == ["You.com, you"]
    assert found["balance"] == ["7,189.245 USD"]
    (fires,) = found["fires"]
    assert fires.startswith("alert_below, critical, since ")
    assert fires.endswith(" ago")
    assert found["limit"] == [
        "alert_below: balance below 8,000.00 USD, critical",
        "empty: nothing is left, critical",
        "runs_dry: runway below 3 d, warning; below 1 d, critical",
        "expires: expiry below 14 d, warning; below 3 d, critical",
    ]
    assert found["label"] == ["team=search", "env=prod"]
    assert found["last failure"] == ["none in the last 7 days, as far as it was told"]
    assert found["more"] == ["balance-watch history search", "balance-watch explain search"]


def test_the_billing_page_of_the_catalogue_is_linked(labelled: "Run") -> None:
    assert facts(labelled, "sms")["billing page"] == ["https://dashboard.nexmo.com"]


def test_what_the_provider_tells_is_among_the_limits(labelled: "Run") -> None:
    assert "auto-reload at the provider: on" in facts(labelled, "sms")["limit"]


def test_how_long_it_lasts_is_told_with_its_end(labelled: "Run") -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    reading = Reading(now, Decimal(100), "USD")
    day = Day(now.date(), Decimal(10), timedelta(days=1))
    change("search", reading=reading, days=(day,), checked_at=now)
    found = facts(labelled, "search")
    (lasts,) = found["lasts"]
    end = now + timedelta(days=10)
    assert lasts.startswith("9 d 23 h, until ")
    assert f"{end.day} {end:%b %Y %H:%M} UTC" in lasts
    assert found["spends"] == ["about 10 USD a day"]


def test_a_failure_tells_its_reason_and_since_when(stage: "Stage", labelled: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    check_before(0)
    found = facts(labelled, "search")
    (failure,) = found["last failure"]
    assert failure.startswith("Key rejected: HTTP 401: the key is invalid. Failed once, since ")
    assert any(it.startswith("unreadable, critical, since ") for it in found["fires"])


def test_a_failure_that_is_over_tells_when_it_was(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("search", "you"))
    check_before(30)
    stage.you.trouble = KEY_REJECTED
    failed_at = check_before(20)
    stage.you.trouble = FINE
    read_at = check_before(10)
    (failure,) = facts(run, "search")["last failure"]
    assert failure == f"key rejected, from {format_time(failed_at)} until {format_time(read_at)}"


def test_only_the_silences_that_apply_are_shown(labelled: "Run") -> None:
    labelled(*SILENCE, "labels.team=search")
    labelled(*SILENCE, "account=sms")
    labelled(*SILENCE, "severity=info")
    silenced = " ".join(facts(labelled, "search")["silenced"])
    assert "labels.team=search until " in silenced
    assert "severity=info" in silenced
    assert "account=sms" not in silenced


def test_a_disabled_account_is_said_to_be_one(labelled: "Run") -> None:
    assert facts(labelled, "old")["state"] == ["disabled: it is not watched"]


def test_a_check_that_is_overdue_stands_out(labelled: "Run") -> None:
    late = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    change("search", checked_at=late, gaps=(FIVE, FIVE))
    (check,) = facts(labelled, "search")["last check"]
    assert check.endswith(" 2 h ago: the next one is overdue, usually every 5 min")


@pytest.mark.usefixtures("labelled")
def test_a_terminal_shows_the_same_facts_within_eighty_columns() -> None:
    screen = at_a_terminal("search")
    assert screen.startswith("state         alert_below\naccount       search\n")
    assert max(map(len, screen.splitlines())) <= 80
    assert "more          balance-watch explain search\n" in screen


def test_json_has_the_one_account_in_the_same_form(labelled: "Run") -> None:
    every = labelled("status", "--json").json
    assert labelled("status", "search", "--json").json == every[:1]


@pytest.mark.parametrize("name", ["serch", "SEARCH", "sear"])
def test_an_unknown_name_gets_a_suggestion(labelled: "Run", name: str) -> None:
    output = labelled("status", name, "--exit-code")
    assert (output.code, output.out) == (1, "")
    assert output.err == "balance-watch: There is no such account. Did you mean search?\n"


def test_firing_shows_only_what_fires_or_cannot_be_read(stage: "Stage", labelled: "Run") -> None:
    assert [it["account"] for it in labelled("status", "--firing", "--json").json] == ["search"]
    stage.vonage.trouble = OUTAGE
    check_before(0)
    assert labelled("status", "sms", "--json").json[0]["alerts"][0]["state"] == "pending"
    lines = labelled("status", "--firing").out.splitlines()
    assert [line.split("\t")[:2] for line in lines[1:]] == [
        ["critical", "search"],
        ["unreadable", "sms"],
    ]
    screen = at_a_terminal("--firing")
    assert "Total" not in screen
    assert "sms, unreadable" in screen


def test_firing_says_so_if_nothing_does(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("search", "you"))
    run("check", "--json")
    assert "No alert fires, and every account can be read." in at_a_terminal("--firing")
    assert run("status", "--firing", "--json").json == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 3),
        (["--json"], 3),
        (["--firing"], 3),
        (["search"], 3),
        (["search", "--json"], 3),
        (["sms"], 0),
        (["sms", "--json"], 0),
    ],
)
def test_the_exit_code_is_3_if_an_alert_fires(labelled: "Run", words: list[str], code: int) -> None:
    assert labelled("status", *words, "--exit-code").code == code
    assert labelled("status", *words).code == 0


def test_the_exit_code_is_0_while_a_rule_is_only_pending(stage: "Stage", run: "Run") -> None:
    stage.aws.put_policy('[[rules]]\nname = "slow"\nbelow = 10000\nfor = "2h"\n')
    stage.accounts(stage.entry("search", "you"))
    run("check", "--json")
    assert run("status", "--exit-code").out.splitlines()[1].startswith("pending\tsearch\t")
    assert run("status", "--exit-code").code == 0


def test_the_exit_code_counts_the_alert_about_the_configuration(stage: "Stage", run: "Run") -> None:
    stage.accounts(stage.entry("search", "you"), stage.entry("nope", "nope"))
    run("check", "--json")
    assert run("status", "--exit-code").code == 3
    assert run("status", "search", "--exit-code").code == 0


def test_no_key_is_shown(stage: "Stage", labelled: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    check_before(0)
    output = labelled("status", "search")
    assert key("search") not in output.out + output.err
