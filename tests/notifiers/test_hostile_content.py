"""Names, labels and details that others chose: shown as they are, in whatever number and length."""

import json
import re

import pytest

from balance_watch.domain.notification import Notification
from balance_watch.notifiers.discord import embed
from balance_watch.notifiers.eventbridge import entry
from balance_watch.notifiers.pagerduty import event
from balance_watch.notifiers.teams import alert
from local.scripted_inbox import ScriptedInbox
from tests.support.inboxes import Time, channel_to, send
from tests.support.notifications import low

NAMES = (
    "<script>alert(1)</script>",
    "@everyone",
    "<@1>",
    "<@&1>",
    "<#1>",
    "<t:0:R>",
    "<at>all</at>",
    "[x](http://evil.example)",
    "http://evil.example/x",
    "**b** _i_ ~~s~~ `c` ||spoiler||",
    "# head",
    "> quote",
    "{{DATE(2017-02-14T06:08:39Z)}}",
    "${name}",
    ":smile:",
    "a\u202eb\u2066c",
    "a\u200bb\ufeffc",
    "\u00a0",
    "a'b\"c\\d",
    "x" * 100,
    "👩‍💻" * 30,
    "🔴" * 100,
    "\\" * 100,
    "é" * 100,
)
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def ascii_start(name: str) -> str:
    return ascii(name)[:24]


def named(name: str) -> Notification:
    return low(account=name, rule=name, labels={name: name}, detail=f"{name}\n{name}")


def texts_of(name: str) -> list[str]:
    """Returns what people see of an alert at PagerDuty, Teams and Discord: titles and facts."""
    it = named(name)
    shown = embed(it)
    runs = [run["text"] for block in alert(it)["items"] for run in block.get("inlines", [])]
    payload = event(it)["payload"]
    return [
        shown["title"],
        shown["description"].replace("\n", " "),
        *runs,
        payload["summary"],
        payload["source"],
    ]


@pytest.mark.parametrize("name", NAMES, ids=ascii_start)
def test_no_name_is_refused(kind: str, inbox: ScriptedInbox, name: str) -> None:
    results = send(kind, inbox, [named(name), low(account="other")])
    assert inbox.faults == []
    assert sum(len(result.accepted) for result in results) == 2


@pytest.mark.parametrize("name", NAMES, ids=ascii_start)
def test_no_character_hides_or_reorders_what_people_read(name: str) -> None:
    assert [text for text in texts_of(name) if _INVISIBLE.search(text)] == []


@pytest.mark.parametrize("name", NAMES, ids=ascii_start)
def test_discord_interprets_no_mark_of_a_name(name: str) -> None:
    shown = embed(named(name))
    for text in (shown["title"], shown["description"]):
        bare = re.sub(r"\\.", "", text).removesuffix(" …")
        bare = bare.replace(": ", " ")  # between the name and the value of a fact
        assert re.search(r"[*_~`|\[\]<>#:@\\]", bare) is None


@pytest.mark.parametrize("name", NAMES, ids=ascii_start)
def test_teams_shows_a_name_in_runs_of_text_alone(name: str) -> None:
    kinds = {block["type"] for block in alert(named(name))["items"]}
    assert kinds <= {"RichTextBlock", "ActionSet"}
    assert "selectAction" not in json.dumps(alert(named(name)))


@pytest.mark.parametrize("name", NAMES, ids=ascii_start)
def test_machines_get_a_name_as_it_is(name: str) -> None:
    assert json.loads(entry(named(name), "default")["Detail"])["account"] == name
    assert event(named(name))["payload"]["custom_details"]["account"] == name


def test_five_hundred_alerts_at_once_are_told_in_few_messages_where_several_fit(
    kind: str, inbox: ScriptedInbox
) -> None:
    alerts = [low(account=f"account-{number:03}") for number in range(500)]
    results = send(kind, inbox, alerts, left=600)
    assert sum(len(result.accepted) for result in results) == 500
    assert inbox.faults == []
    assert len(inbox.messages) == (50 if kind in ("teams", "discord") else 500)


def test_a_limit_that_outlasts_the_run_is_told_once_and_ends_the_turn(
    kind: str, inbox: ScriptedInbox
) -> None:
    alerts = [low(account=f"account-{number:03}") for number in range(500)]
    channel = channel_to(kind, inbox, Time())
    results = list(channel.send(alerts, deadline=0))
    assert len(results) == 1
    assert len(results[0].rejected) == 500


LONGEST = 100
"""The characters of a name, and of a label's name and value; an account has up to 20 labels."""


@pytest.mark.parametrize("letter", ["🔴", '"', "\\", "é", "\u202e"])
def test_the_longest_alert_of_an_account_and_of_an_outage_fits(
    kind: str, inbox: ScriptedInbox, letter: str
) -> None:
    name = letter * LONGEST
    labels = {f"{number:02}{letter * (LONGEST - 2)}": name for number in range(20)}
    longest = low(account=name, rule=name, labels=labels, detail=letter * 60_000)
    outage = low(
        account=name,
        metric="outage",
        value="5000",
        accounts=tuple(f"{number:03}{letter * (LONGEST - 3)}" for number in range(100)),
        detail=letter * 60_000,
    )
    results = send(kind, inbox, [longest, outage])
    assert inbox.faults == []
    assert sum(len(result.accepted) for result in results) == 2
    for it in (longest, outage):
        shown = entry(it, "default")
        size = 14 + sum(len(shown[part].encode()) for part in ("Source", "DetailType", "Detail"))
        assert size < 256 * 1024
