"""A malformed item, damaged or of another version, stops no other alert."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from balance_watch.domain.outbox import OutboxEntry
from balance_watch.store import outbox
from balance_watch.store.items import RUN_KEY
from balance_watch.store.states import state_key
from balance_watch.store.table import serialize
from balance_watch.wiring import Client
from local.slack_inbox import SlackInbox
from local.vonage import VonageServer
from tests.support.check_bench import LOW, SECONDS, Bench
from tests.support.dynamodb_clients import ClientMethod, Response
from tests.support.examples import NEXT, TICK
from tests.support.notifications import low
from tests.support.paid_accounts import paid

HOUR = timedelta(hours=1)
READING = {"observed_at": "2026-11-22T09:05:00Z", "bal": Decimal("71.5"), "cur": "USD"}


def put(bench: Bench, item: dict[str, Any]) -> None:
    client = bench.wiring.client("dynamodb")
    client.put_item(TableName=bench.wiring.settings.table_name, Item=serialize(item))


def put_run_attribute(bench: Bench, name: str, value: object) -> None:
    """Writes one attribute of the run's item."""
    bench.wiring.client("dynamodb").update_item(
        TableName=bench.wiring.settings.table_name,
        Key=serialize(RUN_KEY),
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues=serialize({":value": value}),
    )


@pytest.mark.parametrize(
    "damage",
    [
        {"reading": {**READING, "bal": "71.5"}},
        {"reading": {**READING, "observed_at": "2026-11-22T09:05:00"}},
        {"checked_at": "2026-11-22T09:05:00"},
        {"jump_told": "2026-11-22T09:05:00"},
        {"jump": {"at": "2026-11-22T09:05:00Z", "before": "x", "after": "y"}},
        {"trail": "29912345:NaN"},
        {"days": "20000:NaN:43200"},
        {"days": "20000:5:-43200"},
    ],
)
def test_a_malformed_state_stops_no_other_account(bench: Bench, damage: dict[str, Any]) -> None:
    state = {**state_key("a"), "checked_at": "2026-11-22T09:05:00Z", "reading": READING}
    put(bench, {**state, "trail": "29912345:71.5", **damage})
    bench.watch("a", "b")
    bench.reads.balances.update(a=LOW, b=LOW)
    bench.run()
    assert ("b", "fired") in bench.delivery.announced


SILENCE = {
    "match": {"account": "a"},
    "until": "2026-12-22T10:05:00Z",
    "reason": "r",
    "created_at": "2026-11-22T10:05:00Z",
}


@pytest.mark.parametrize(
    "damage",
    [
        {"match": "account=a"},
        {"match": {"account": 5}},
        {"match": ["x"]},
        {"match": {}},
        {"until": "2026-12-22T10:05:00"},
    ],
)
def test_a_malformed_silence_mutes_nothing(bench: Bench, damage: dict[str, Any]) -> None:
    bench.watch("a")
    put_run_attribute(bench, "silence:x", {**SILENCE, **damage})
    bench.reads.balances["a"] = LOW
    assert bench.run().complete
    assert bench.delivery.announced == [("a", "fired")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gone", {"slack:default": {"digest": "x", "at": "2026-11-22T10:05:00", "why": "y"}}),
        ("gone", []),
        ("alerted", [{"x": "y"}]),
        ("alerted", 7),
        ("configuration", {"faults": [["x"]]}),
        ("configuration", {"told": "x"}),
        ("policy_digest", 7),
    ],
)
def test_a_malformed_run_record_stops_no_alert(bench: Bench, name: str, value: object) -> None:
    bench.watch("a")
    bench.run(TICK - HOUR)
    put_run_attribute(bench, name, value)
    bench.reads.balances["a"] = LOW
    assert bench.run().complete
    assert ("a", "fired") in bench.delivery.announced


@pytest.mark.parametrize(
    "damage",
    [
        {"labels": None},
        {"detail": None},
        {"rule": None},
        {"since": "2026-11-22T10:05:00"},
        {"currency": 5},
        {"value": "NaN"},
        {"threshold": "NaN"},
        {"trend": ["NaN", "1"]},
        {"account": None},
        {"runway": "x"},
    ],
    ids=lambda damage: next(iter(damage)),
)
def test_a_malformed_entry_blocks_no_channel(bench: Bench, damage: dict[str, Any]) -> None:
    with SlackInbox() as slack:
        bench.watch("b")
        bench.reads.balances["b"] = LOW
        bench.put_secret("slack", {"webhooks": slack.webhooks})
        bench.deliver_to(slack.authority)
        for channel in ("sns", "slack:default"):
            item = outbox.entry_to_item(OutboxEntry(low(), channel))
            notification = json.dumps({**json.loads(item["notification"]), **damage})
            put(bench, {**item, "notification": notification})
        bench.aws.published()
        bench.run()
        assert "b" in [message.content["account"] for message in bench.aws.published()]
        assert any("b is at" in message["text"] for message in slack.messages["default"])


def test_a_stored_order_whose_reply_was_lost_is_paid_once(
    paying: Bench,
    vonage: VonageServer,
) -> None:
    check = paying.check(paying.store_over(LostReply(paying.wiring.client("dynamodb"))))
    check = replace(check, pay=replace(check.pay, store=check.store))
    assert not check.run(TICK, seconds=SECONDS).complete
    for index in range(3):
        paying.run(NEXT + index * HOUR)
    assert paid(vonage) == 1
    assert paying.delivery.announced.count(("sms", "fired")) == 1


class LostReply:
    """A client whose first transaction of an account is stored, but whose reply to it is lost."""

    def __init__(self, client: Client) -> None:
        self.client, self.was_lost = client, False

    def __getattr__(self, name: str) -> ClientMethod:
        method: ClientMethod = getattr(self.client, name)
        if name != "transact_write_items":
            return method

        def call(**request: object) -> Response:
            response = method(**request)
            if not self.was_lost and "ACCOUNT#" in str(request):
                self.was_lost = True
                raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")
            return response

        return call


def test_a_malformed_entry_fails_one_run_alone_and_its_text_is_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch("b")
    put(bench, {**outbox.entry_to_item(OutboxEntry(low(), "sns")), "notification": '{"a": 5}'})
    assert bench.run().undelivered == 1
    (record,) = [it for it in caplog.records if "malformed outbox entry" in it.message]
    assert vars(record)["text"] == '{"a": 5}'
    assert bench.run(NEXT).complete
