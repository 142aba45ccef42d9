"""`check --dry-run` tells what a check would say, and writes, sends and pays nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.model import OperationModel

from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from local.slack_inbox import ROLLUP_ERROR
from local.trouble import KEY_REJECTED, OUTAGE
from tests.support.canaries import key

if TYPE_CHECKING:
    from tests.cli.conftest import Output, Run, Stage

_READS = {
    "BatchGetItem",
    "BatchGetSecretValue",
    "DescribeStacks",
    "GetItem",
    "GetParameter",
    "GetTopicAttributes",
    "Query",
}
"""The operations of AWS that a dry run may call."""


class WriteError(Exception):
    """A dry run called something that may write."""


@pytest.fixture
def dry(stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch) -> Iterator["Run"]:
    """Runs a command with clients that refuse every write, and sees that nothing has changed."""

    def refuse(model: OperationModel, **_: object) -> None:
        if model.name not in _READS:
            raise WriteError(model.name)

    def run_dry(*words: str) -> "Output":
        session = boto3.Session()
        session.events.register("before-call", refuse)
        stage.aws.published()
        before = everything(stage)
        with monkeypatch.context() as patched:
            patched.setattr(boto3, "DEFAULT_SESSION", session)
            output = run("check", "--dry-run", *words)
        assert everything(stage) == before
        return output

    yield run_dry
    paid = [request for request in stage.vonage.requests if request.method != "GET"]
    assert not paid


def everything(stage: "Stage") -> Any:  # noqa: ANN401 (only compared)
    """Returns what a check could change: the table, the policy, what Slack and the topic got."""
    table = stage.aws.environment["TABLE_NAME"]
    items = stage.aws.client("dynamodb").scan(TableName=table)["Items"]
    messages = {name: len(got) for name, got in stage.slack.messages.items()}
    return items, messages, len(stage.slack.rejected), stage.aws.published()


def check_before(minutes: int) -> None:
    """Runs a check of some minutes ago."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    Wiring(CheckSettings.from_environment()).check().run(at, seconds=60)


def said(output: "Output") -> set[tuple[str, str, str, tuple[str, ...]]]:
    return {
        (it["account"], it["event"], it["rule"], tuple(it["channels"]))
        for it in output.json["events"]
    }


def events_of(run: "Run", account: str) -> set[tuple[str, str, str, tuple[str, ...]]]:
    return {
        (account, it["event"], it["rule"], tuple(it["channels"]))
        for it in run("history", account, "--events", "--json").json
    }


def test_it_shows_what_was_read_and_what_a_check_would_say(dry: "Run") -> None:
    output = dry()
    assert output.code == 0
    assert "\tsearch\t7189.245\tUSD\t" in output.out
    assert "search is at 7,189.245 USD, below 8,000.00 USD  → sns, slack:default" in output.err
    assert "This was a dry run: nothing was stored, sent or paid." in output.err


def test_a_check_says_just_that(run: "Run", dry: "Run") -> None:
    foretold = said(dry("--json"))
    assert foretold == {("search", "fired", "alert_below", ("sns", "slack:default"))}
    run("check")
    assert events_of(run, "search") == foretold


def test_it_prints_the_counts_the_accounts_and_the_events_as_json(dry: "Run") -> None:
    shown = dry("--json").json
    assert shown["dry_run"] is True
    counts = {name: shown[name] for name in ("accounts", "read", "fired", "delivered", "skipped")}
    assert counts == {"accounts": 2, "read": 2, "fired": 1, "delivered": 0, "skipped": False}
    assert [(it["account"], it["balance"]) for it in shown["status"]] == [
        ("search", "7189.245"),
        ("sms", "10.171275"),
    ]
    assert shown["top_ups"] == []


def test_what_fires_already_is_not_said_again(dry: "Run") -> None:
    check_before(5)
    output = dry()
    assert "A check would say nothing." in output.err
    assert dry("--json").json["fired"] == 0


def test_it_tells_what_would_be_resolved(stage: "Stage", run: "Run", dry: "Run") -> None:
    check_before(5)
    stage.you.accounts[key("search")].balance = Decimal(9000)
    foretold = said(dry("--json"))
    assert ("search", "resolved", "alert_below", ("sns", "slack:default")) in foretold
    run("check")
    assert foretold < events_of(run, "search")


def test_it_tells_of_a_rejected_key(stage: "Stage", dry: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    assert ("search", "unreadable", "unreadable", ("sns", "slack:default")) in said(dry("--json"))


def test_it_tells_of_an_outage(stage: "Stage", dry: "Run") -> None:
    for name in ("one", "two", "three"):
        stage.you.accounts[key(name)] = stage.you.accounts[key("search")]
    stage.accounts(*(stage.entry(name, "you") for name in ("one", "two", "three")))
    stage.you.trouble = OUTAGE
    check_before(10)
    check_before(5)
    outages = [it for it in dry("--json").json["events"] if it["rule"] == "outage"]
    assert [it["event"] for it in outages] == ["fired"]


def test_it_tells_of_a_fault_in_the_configuration(stage: "Stage", dry: "Run") -> None:
    stage.accounts(stage.entry("search", "yuo"))
    output = dry("--json").json
    assert [it["rule"] for it in output["events"]] == ["configuration"]
    assert any("provider is neither in" in fault for fault in output["faults"])


def test_it_tells_what_an_earlier_check_could_not_send(
    stage: "Stage", run: "Run", dry: "Run"
) -> None:
    stage.slack.script("default", ROLLUP_ERROR, ROLLUP_ERROR, ROLLUP_ERROR)
    assert run("check").code == 1
    assert said(dry("--json")) == {("search", "fired", "alert_below", ("slack:default",))}


def test_it_tells_of_a_payment_and_makes_none(stage: "Stage", dry: "Run") -> None:
    stage.aws.put_policy(
        '[[rules]]\nname = "low"\nmatch = { account = "sms" }\nbelow = 20\n'
        "top_up = { max_per_day = 1 }\n"
    )
    assert "It would top up sms, for the rule low, if its limits allow it." in dry().err
    assert dry("--json").json["top_ups"] == [{"account": "sms", "rule": "low"}]


def test_it_tells_that_a_digest_is_due(stage: "Stage", dry: "Run") -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    stage.aws.put_policy(f'[digest]\nat = "{at:%H:%M}"\n')
    check_before(5)
    assert ("digest", "digest", "digest", ("sns", "slack:default")) in said(dry("--json"))
    assert "digest: 1 alert fires  → sns, slack:default" in dry().err


def test_a_silence_holds_in_a_dry_run_too(run: "Run", dry: "Run") -> None:
    run("silence", "add", "--match", "account=search", "--for", "1h", "--reason", "test")
    assert "A check would say nothing." in dry().err


def test_no_key_is_shown(stage: "Stage", dry: "Run") -> None:
    stage.you.trouble = KEY_REJECTED
    for output in (dry(), dry("--json")):
        assert key() not in output.out + output.err
