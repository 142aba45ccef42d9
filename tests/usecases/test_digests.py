"""A digest is told once for each time of the policy, with what happened since the one before."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.digest import Digest, FiringLine, LeapLine, Sum, TopUpLine
from balance_watch.domain.digest_plan import DigestMark
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.domain.rules import Severity
from balance_watch.store.items import RUN_KEY
from balance_watch.store.table import serialize
from local.loopback import Reply
from local.slack_inbox import NO_SERVICE, NOT_OK, SlackInbox
from tests.support.canaries import key
from tests.support.check_bench import SECONDS, Bench
from tests.support.dynamodb_clients import Wrapped, failing, never_answered, refusal
from tests.support.examples import reading
from tests.support.inboxes import INBOXES

FIRST = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
"""A Sunday."""
NINE = FIRST + timedelta(hours=1)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
MINUTES = timedelta(minutes=5)
POLICY = '[digest]\nat = "09:00"\n'


@pytest.fixture
def daily(bench: Bench) -> Bench:
    """A bench with two accounts and a digest at nine, whose table has had a run at eight."""
    bench.aws.put_policy(POLICY)
    bench.put_secret("accounts", {"accounts": [entry("a", "a"), entry("b", "b")]})
    bench.run(FIRST)
    return bench


def entry(name: str, of_key: str) -> dict[str, Any]:
    """Returns an account in its secret; accounts with one key share a purse."""
    credentials = {"api_key": key(of_key)}
    return {"name": name, "provider": "you", "credentials": credentials, "alert_below": "1"}


def entries(bench: Bench) -> list[OutboxEntry]:
    """Returns the digests that channels accepted."""
    return [it for it in bench.delivery.accepted if it.notification.digest is not None]


def digests(bench: Bench, channel: str = "sns") -> list[Digest]:
    found = [it.notification.digest for it in entries(bench) if it.channel == channel]
    return [it for it in found if it is not None]


def run_hourly(bench: Bench, first: datetime, last: datetime, **per_hour: str) -> None:
    """Runs each hour; each account falls by so much in an hour, from where it is."""
    now = first
    while now <= last:
        for name, spent in per_hour.items():
            before = Decimal(bench.reads.balances.get(name, "71.5"))
            bench.reads.balances[name] = str(before - Decimal(spent))
        bench.run(now)
        now += HOUR


def test_it_is_told_by_the_first_run_at_or_after_its_time(daily: Bench) -> None:
    daily.run(NINE - timedelta(minutes=5))
    assert not entries(daily)
    daily.run(NINE + timedelta(minutes=2))
    assert [it.at for it in digests(daily)] == [NINE]


def test_it_is_told_once(daily: Bench) -> None:
    for minutes in (0, 5, 10, 60):
        daily.run(NINE + timedelta(minutes=minutes))
    daily.run(NINE + DAY)
    assert [it.at for it in digests(daily)] == [NINE, NINE + DAY]


def test_the_very_first_run_of_a_table_tells_none(bench: Bench) -> None:
    bench.aws.put_policy(POLICY)
    bench.watch("a")
    bench.run(NINE)
    bench.run(NINE + HOUR)
    assert not entries(bench)
    bench.run(NINE + DAY)
    assert [it.at for it in digests(bench)] == [NINE + DAY]


def test_a_table_that_had_runs_without_one_tells_it_from_its_next_time_on(bench: Bench) -> None:
    bench.watch("a")
    bench.run(FIRST)
    bench.run(NINE + HOUR)
    bench.aws.put_policy(POLICY)
    bench.run(NINE + 2 * HOUR)
    assert not entries(bench)
    bench.run(NINE + DAY)
    assert len(digests(bench)) == 1


def test_a_run_that_died_without_telling_it_loses_nothing(bench: Bench) -> None:
    """It was the first with a digest in its policy, so no mark is stored yet."""
    bench.watch("a")
    bench.run(FIRST)
    bench.aws.put_policy(POLICY)
    assert bench.store.runs.claim(NINE, SECONDS)
    bench.clock.forward(SECONDS)
    bench.run(NINE + timedelta(minutes=5))
    assert [it.at for it in digests(bench)] == [NINE]


def test_several_missed_times_are_told_by_one(daily: Bench) -> None:
    daily.run(NINE)
    daily.run(NINE + 4 * DAY + HOUR)
    assert [(it.at, it.since) for it in digests(daily)][1:] == [(NINE + 4 * DAY, NINE)]


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), 400 * DAY])
def test_a_tick_of_the_future_that_was_removed_hides_and_repeats_none(
    daily: Bench, ahead: timedelta
) -> None:
    daily.run(NINE)
    daily.run(NINE + ahead)
    told = len(digests(daily))
    remove_tick(daily)
    for days in range(3):
        daily.run(NINE + days * DAY + 10 * MINUTES)
        daily.run(NINE + days * DAY + 11 * MINUTES)
    after = [it.at for it in digests(daily)][told:]
    assert after == [NINE + DAY, NINE + 2 * DAY]


def test_one_that_a_tick_of_the_future_was_too_early_for_is_told(daily: Bench) -> None:
    daily.run(NINE)
    daily.run(NINE + DAY - MINUTES)
    remove_tick(daily)
    daily.run(NINE + HOUR)
    daily.run(NINE + DAY)
    assert [(it.at, it.since) for it in digests(daily)][1:] == [(NINE + DAY, NINE)]


def test_malformed_readings_hold_back_no_digest(daily: Bench) -> None:
    daily.reads.balances["a"] = "500"
    daily.run(FIRST + MINUTES)
    daily.run(FIRST + 2 * MINUTES)
    client, table = daily.wiring.client("dynamodb"), daily.wiring.settings.table_name
    malformed = {"pk": "ACCOUNT#a", "sk": "AT#2026-11-22T08:07:00Z", "bal": "x", "cur": "USD"}
    client.put_item(TableName=table, Item=serialize(malformed))
    daily.run(NINE)
    (digest,) = digests(daily)
    assert [it.account for it in digest.topped_up.lines] == ["a"]


def remove_tick(bench: Bench) -> None:
    """Removes the latest tick from the table, as docs/operations.md says."""
    bench.wiring.client("dynamodb").update_item(
        TableName=bench.wiring.settings.table_name,
        Key=serialize(RUN_KEY),
        UpdateExpression="REMOVE tick, done, lease, lease_until",
    )


def test_after_a_long_time_it_looks_back_a_week(daily: Bench) -> None:
    daily.run(NINE)
    daily.run(NINE + 30 * DAY)
    since = digests(daily)[1].since
    assert since == (NINE + 23 * DAY).replace(hour=0)


def test_it_is_told_on_its_days_alone(daily: Bench) -> None:
    daily.aws.put_policy('[digest]\nat = "09:00"\ndays = ["mon", "wed"]\n')
    for days in range(8):
        daily.run(NINE + days * DAY)
    assert [f"{it.at:%a}" for it in digests(daily)] == ["Mon", "Wed"]


def test_a_policy_that_loses_it_and_gets_it_back_tells_nothing_of_the_time_between(
    daily: Bench,
) -> None:
    daily.run(NINE)
    daily.aws.put_policy("# none\n")
    daily.run(NINE + 3 * DAY)
    daily.aws.put_policy(POLICY)
    daily.run(NINE + 3 * DAY + HOUR)
    assert len(digests(daily)) == 1


def test_it_goes_to_the_default_channels(daily: Bench) -> None:
    with SlackInbox() as slack:
        daily.put_secret("slack", {"webhooks": slack.webhooks})
        daily.run(NINE)
    assert {it.channel for it in entries(daily)} == {"sns", "slack:default"}


@pytest.mark.parametrize(
    ("own", "to"),
    [("", ["slack:oncall"]), ('channels = ["sns"]\n', ["sns"])],
    ids=["as the route without a matcher", "its own"],
)
def test_it_goes_where_the_policy_says(daily: Bench, own: str, to: list[str]) -> None:
    routes = (
        '[[routes]]\nmatch = { severity = "info" }\nchannels = ["slack:default"]\n'
        '[[routes]]\nchannels = ["slack:oncall"]\n'
    )
    with SlackInbox() as slack:
        daily.put_secret("slack", {"webhooks": slack.webhooks})
        daily.aws.put_policy(f"{POLICY}{own}{routes}")
        daily.run(NINE)
    assert [it.channel for it in entries(daily)] == to


def test_a_channel_that_does_not_exist_is_a_fault_and_the_default_gets_it(daily: Bench) -> None:
    daily.aws.put_policy(f'{POLICY}channels = ["slack:finance"]\n')
    daily.run(NINE)
    assert [it.channel for it in entries(daily)] == ["sns"]
    fault = "policy [digest]: slack:finance does not exist: the slack secret has no such name"
    assert fault in daily.wiring.load().faults


def test_pagerduty_gets_none_even_where_it_gets_all_alerts(daily: Bench) -> None:
    with INBOXES["pagerduty"]() as inbox:
        daily.put_secret("pagerduty", inbox.secret)
        daily.aws.put_policy(f'{POLICY}[[routes]]\nchannels = ["pagerduty:default"]\n')
        daily.run(NINE)
    assert [it.channel for it in entries(daily)] == ["sns"]


def test_it_tells_what_was_spent_since_the_one_before_by_unit(daily: Bench) -> None:
    run_hourly(daily, NINE, NINE + DAY, a="0.25", b="0.1")
    first, second = digests(daily)
    assert first.spent.lines == (Sum("USD", Decimal("0.35"), 2),)
    assert second.since == NINE
    assert second.spent.lines == (Sum("USD", Decimal("8.4"), 2),)
    assert {it.account: it.spent for it in second.next.lines} == {
        "a": Decimal(6),
        "b": Decimal("2.4"),
    }


def test_a_week_adds_up_from_its_days(daily: Bench) -> None:
    daily.aws.put_policy('[digest]\nat = "09:00"\ndays = ["sun"]\n')
    run_hourly(daily, NINE, NINE + WEEK, a="0.1")
    spent = digests(daily)[1].spent.lines[0].amount
    assert abs(spent - Decimal("16.8")) < Decimal("0.2")


def test_it_tells_what_is_left_and_what_runs_dry_first(daily: Bench) -> None:
    run_hourly(daily, NINE, NINE + DAY, b="2")
    digest = digests(daily)[1]
    assert digest.left.lines == (Sum("USD", Decimal(93), 2),)
    assert [it.account for it in digest.next.lines] == ["b", "a"]
    dry = digest.next.lines[0].runs_dry_at
    assert dry is not None
    assert timedelta(hours=10) < dry - digest.until < timedelta(hours=12)
    assert digest.next.lines[1].runs_dry_at is None


def test_it_tells_what_fires(daily: Bench) -> None:
    daily.reads.balances["b"] = "0.5"
    daily.run(NINE)
    assert digests(daily)[0].firing.lines == (
        FiringLine("b", "alert_below", Severity.CRITICAL, NINE),
    )


def test_it_tells_by_how_much_accounts_were_topped_up(daily: Bench) -> None:
    daily.run(NINE)
    for hours, balance in ((1, "91.5"), (2, "90"), (3, "120.25")):
        daily.reads.balances["a"] = balance
        daily.run(NINE + hours * HOUR)
    daily.run(NINE + DAY)
    assert digests(daily)[1].topped_up.lines == (TopUpLine("a", "USD", Decimal("50.25")),)
    daily.run(NINE + 2 * DAY)
    assert not digests(daily)[2].topped_up.lines


def test_top_ups_of_two_units_are_not_added_up(daily: Bench) -> None:
    """What was read in euros was topped up, and so was what is read in dollars now."""
    at = [FIRST + number * MINUTES for number in range(1, 5)]
    amounts = zip(at, ("10", "60", "5", "105"), ("EUR", "EUR", "USD", "USD"), strict=True)
    readings = [replace(reading(amount, when), currency=unit) for when, amount, unit in amounts]
    before = daily.store.accounts.states(["a"])["a"]
    topped_up = replace(before, reading=readings[-1], recent=tuple(readings[:-1]))
    daily.store.accounts.save([replace(topped_up, top_up_notified_at=at[-1])])
    daily.reads.balances["a"] = "105"
    daily.run(NINE)
    (digest,) = digests(daily)
    assert digest.topped_up.lines == (TopUpLine("a", "USD", Decimal(100)),)


def test_it_tells_what_cannot_be_read(daily: Bench) -> None:
    daily.reads.failures["a"] = ReadFailure(FailureKind.KEY_REJECTED, "no")
    daily.run(NINE)
    (line,) = digests(daily)[0].unreadable.lines
    assert (line.account, line.failure, line.since) == ("a", FailureKind.KEY_REJECTED, NINE)
    assert [it.account for it in digests(daily)[0].next.lines] == ["b"]


def test_it_tells_what_spends_far_above_usual(daily: Bench) -> None:
    run_hourly(daily, NINE, NINE + 4 * DAY, a="0.1")
    run_hourly(daily, NINE + 4 * DAY + HOUR, NINE + 5 * DAY, a="1")
    assert digests(daily)[-1].leaps.lines == (LeapLine("a", "USD", Decimal(24), Decimal("2.4")),)


def test_accounts_that_share_a_purse_are_counted_once(daily: Bench) -> None:
    shared = [entry("c", "shared"), entry("d", "shared")]
    daily.put_secret("accounts", {"accounts": shared})
    daily.run(NINE)
    run_hourly(daily, NINE + HOUR, NINE + 4 * HOUR, c="1", d="1")
    daily.run(NINE + DAY)
    digest = digests(daily)[-1]
    assert digest.spent.lines == (Sum("USD", Decimal(4), 1),)
    assert digest.left.lines == (Sum("USD", Decimal("67.5"), 1),)


def test_without_a_digest_a_quiet_run_makes_no_further_call_and_has_no_mark(
    bench: Bench, calls: Counter[str]
) -> None:
    bench.watch("a")
    bench.run(FIRST)
    calls.clear()
    bench.run(FIRST + MINUTES)
    without = dict(calls)
    assert not any("digested" in item for item in bench.scan())
    bench.aws.put_policy('[digest]\nat = "12:00"\n')
    bench.run(NINE + HOUR)
    calls.clear()
    bench.run(NINE + HOUR + MINUTES)
    assert dict(calls) == without


def test_a_digest_is_one_further_write_and_a_query_for_each_account_that_was_topped_up(
    daily: Bench, calls: Counter[str]
) -> None:
    daily.aws.put_policy('[digest]\nat = "09:02"\n')
    daily.reads.balances["a"] = "100"
    daily.run(NINE)
    calls.clear()
    daily.run(NINE + MINUTES)
    digest = dict(calls)
    calls.clear()
    daily.run(NINE + 2 * MINUTES)
    quiet = Counter(calls)
    # What was accepted is removed from the outbox.
    further = {"TransactWriteItems": 1, "BatchGetItem": 1, "Query": 1, "BatchWriteItem": 1}
    assert digest == quiet + Counter(further)


def test_it_stays_until_a_channel_accepts_it_and_is_stored_with_its_mark(daily: Bench) -> None:
    daily.delivery.rejects = True
    assert not daily.run(NINE).complete
    assert daily.store.runs.record().digest == DigestMark(NINE, NINE)
    daily.delivery.rejects = False
    daily.run(NINE + timedelta(minutes=5))
    assert [it.at for it in digests(daily)] == [NINE]


def test_one_that_cannot_be_stored_is_told_by_the_next_run(daily: Bench) -> None:
    client = daily.wiring.client("dynamodb")
    refusing = failing(refusal("TransactionCanceledException"))
    store = daily.store_over(Wrapped(client, transact_write_items=refusing))
    assert not daily.check(store).run(NINE, seconds=SECONDS).complete
    assert not entries(daily)
    daily.clock.forward(SECONDS)
    daily.run(NINE)
    assert [it.at for it in digests(daily)] == [NINE]


def test_one_whose_reply_was_lost_is_told_once(daily: Bench) -> None:
    client = daily.wiring.client("dynamodb")
    unanswered = never_answered(client.transact_write_items)
    store = daily.store_over(Wrapped(client, transact_write_items=unanswered))
    assert not daily.check(store).run(NINE, seconds=SECONDS).complete
    daily.run(NINE)
    daily.run(NINE + timedelta(minutes=5))
    assert [it.at for it in digests(daily)] == [NINE]


def test_an_error_in_it_stops_no_alert_and_the_next_run_tries_again(
    daily: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.reads.balances |= {"a": "0.5", "b": "100"}
    monkeypatch.setattr(daily.store.accounts, "history", _raises)
    assert daily.run(NINE).fired == 1
    assert not entries(daily)
    monkeypatch.undo()
    daily.run(NINE + timedelta(minutes=5))
    assert [it.at for it in digests(daily)] == [NINE]


def _raises(*_: object) -> None:
    raise RuntimeError("damaged")


def test_a_webhook_that_was_down_gets_the_latest_one_alone(daily: Bench) -> None:
    with SlackInbox() as slack:
        daily.put_secret("slack", {"webhooks": slack.webhooks})
        daily.aws.put_policy(f'[defaults]\nreminder = "never"\n{POLICY}channels = ["slack:oncall"]')
        daily.deliver_to(slack.authority)
        slack.script("oncall", *[NOT_OK] * 10)
        for days in range(10):
            daily.run(NINE + days * DAY)
        assert not slack.messages["oncall"]
        daily.run(NINE + 10 * DAY)
        daily.run(NINE + 10 * DAY + HOUR)
        (message,) = slack.messages["oncall"]
    assert "1 Dec 2026 09:00 UTC" in message["blocks"][1]["fields"][0]["text"]


def test_a_webhook_that_refused_gets_the_latest_one_and_another_channel_each(
    daily: Bench,
) -> None:
    with SlackInbox() as slack:
        daily.put_secret("slack", {"webhooks": slack.webhooks})
        daily.aws.put_policy(f'{POLICY}channels = ["slack:oncall"]')
        daily.deliver_to(slack.authority)
        daily.aws.published()
        tries = (0, 5, 15, 35, 75, 155, 315, 635, 1275)
        slack.script("oncall", *[NO_SERVICE] * len(tries))
        for minutes in (*tries, 1440, 1500):
            daily.run(NINE + timedelta(minutes=minutes))
        told = [it for it in slack.messages["default"] if "digest" in it["text"]]
        assert len(told) == 2
        assert not slack.messages["oncall"]
        for minutes in (2560, 2570):
            daily.run(NINE + timedelta(minutes=minutes))
        (message,) = (it for it in slack.messages["oncall"] if "digest" in it["text"])
    assert message["blocks"][1]["elements"][0]["text"] == (
        "Sent late: it was so on 23 Nov 2026 09:00 UTC."
    )


def test_what_slack_takes_no_table_in_it_gets_as_text(daily: Bench) -> None:
    with SlackInbox() as slack:
        daily.put_secret("slack", {"webhooks": slack.webhooks})
        daily.deliver_to(slack.authority)
        slack.script("default", Reply(400, b"invalid_blocks"))
        assert daily.run(NINE).complete
        (message,) = slack.messages["default"]
    *_, shown, link = message["blocks"]
    assert "a: 71.50 USD left" in shown["text"]["text"]
    assert "All balances" in link["elements"][0]["text"]


def test_pagerduty_does_not_stand_in_for_a_webhook_that_refuses_it(daily: Bench) -> None:
    with SlackInbox() as slack, INBOXES["pagerduty"]() as pagerduty:
        daily.put_secret("slack", {"webhooks": {"finance": slack.webhook("default")}})
        daily.put_secret("pagerduty", pagerduty.secret)
        daily.aws.put_policy(f'{POLICY}channels = ["slack:finance"]')
        daily.deliver_to(slack.authority, pagerduty.authority)
        daily.aws.published()
        slack.script("default", NO_SERVICE)
        daily.run(NINE)
        assert not pagerduty.messages
    assert [it.attributes["reason"] for it in daily.aws.published()] == ["digest"]


@pytest.mark.parametrize("kind", INBOXES)
def test_every_kind_of_channel_but_pagerduty_gets_it(daily: Bench, kind: str) -> None:
    with INBOXES[kind]() as inbox:
        daily.put_secret(kind, inbox.secret)
        daily.deliver_to(inbox.authority)
        assert daily.run(NINE).complete
        assert len(inbox.messages) == (kind != "pagerduty")


def test_the_topic_gets_it_with_its_own_reason(daily: Bench) -> None:
    daily.deliver_to()
    daily.aws.published()
    daily.run(NINE)
    (published,) = daily.aws.published()
    assert published.attributes["reason"] == "digest"
    assert published.content["reason"] == "digest"
    assert published.content["digest"]["accounts"] == 2


def test_it_is_no_event_of_any_account(daily: Bench) -> None:
    daily.run(NINE)
    assert not [item for item in daily.scan() if item["sk"]["S"].startswith("EVENT#")]
