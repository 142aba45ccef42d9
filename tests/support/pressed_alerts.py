"""Alerts with buttons on a bench (check_bench.py), and the check that a press begins."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from balance_watch.notifiers.slack_messages import render
from tests.support.canaries import key
from tests.support.check_bench import LOW, Bench
from tests.support.examples import TICK
from tests.support.slack_presses import Channel, Message

MINUTE = timedelta(minutes=1)

Make = Callable[[], Channel]
"""Makes a channel with the message of what was announced since the last one."""


class Begun:
    """A client of Lambda that keeps which functions were invoked."""

    def __init__(self) -> None:
        self.functions: list[str] = []

    def invoke(self, **request: str | bytes) -> dict[str, Any]:
        assert request["InvocationType"] == "Event"
        self.functions.append(str(request["FunctionName"]))
        return {"StatusCode": 202}


def message_of(bench: Bench) -> Message:
    said = {it.notification.alert_id: it.notification for it in bench.delivery.accepted}
    bench.delivery.accepted.clear()
    ((_, message),) = render(list(said.values()), buttons=True)
    return message


def low(bench: Bench, *names: str) -> None:
    """Makes accounts that are low at `TICK`, and told of."""
    entry = {"provider": "you", "credentials": {"api_key": key()}, "alert_below": "20"}
    entries = [{"name": name, "runs_dry": "never", **entry} for name in names]
    bench.put_secret("accounts", {"accounts": entries})
    for name in names:
        bench.reads.balances[name] = LOW
    bench.run(TICK)


def everything(bench: Bench) -> list[Any]:
    """Returns the items of the table."""
    client, table = bench.wiring.client("dynamodb"), bench.wiring.settings.table_name
    return list(client.scan(TableName=table)["Items"])


def restore(bench: Bench, items: list[Any]) -> None:
    """Makes these the items of the table."""
    client, table = bench.wiring.client("dynamodb"), bench.wiring.settings.table_name
    for item in everything(bench):
        client.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})
    for item in items:
        client.put_item(TableName=table, Item=item)
