"""A digest on every surface: within its limits, harmless whatever the names, exact for machines."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.digest import AccountLine, Digest, Listed
from balance_watch.domain.notification import Notification
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.notifiers import discord, teams
from balance_watch.notifiers.eventbridge import entry
from balance_watch.notifiers.exact_json import for_machines
from balance_watch.notifiers.slack_digest import has_table, render_digest
from balance_watch.notifiers.sns import MAX_BYTES, render, subject, text_for_people
from balance_watch.notifiers.text import summary_line
from balance_watch.store.outbox import entry_from_item, entry_to_item
from local.block_kit import faults
from tests.support.digests import AT, DIGEST, digest_with, notification_of

RTL, SCRIPT = "\u202egnp.exe", "<script>alert(1)</script>"
HOSTILE = [
    "<!channel>",
    "<@U0123>",
    "@everyone",
    "*bold* _it_ ~no~ `code`",
    "[x](https://evil.example)",
    "&amp;<!here|x>",
    SCRIPT,
    RTL,
    "x" * 200,
    "é漢" * 100,
]
HUGE = digest_with([f"{'<!channel>' * 8}{index:020}" for index in range(25)], more=1975)


def slack_text(digest: Digest, *, table: bool = True) -> list[str]:
    """Returns the texts of a message that Slack interprets, and those of its table apart."""
    message = render_digest(notification_of(digest), table=table)
    assert not faults(message["blocks"])
    return [
        text["text"]
        for block in message["blocks"]
        for text in (block.get("text"), *block.get("fields", ()), *block.get("elements", ()))
        if text is not None
    ]


def cells(digest: Digest) -> list[list[str]]:
    (table,) = (
        it for it in render_digest(notification_of(digest))["blocks"] if it["type"] == "table"
    )
    return [[cell["text"] for cell in row] for row in table["rows"]]


def sns(notification: Notification) -> str:
    return str(render(notification)["Message"])


def webhook(notification: Notification) -> str:
    return json.dumps(for_machines(notification))


SURFACES: dict[str, Callable[[Notification], Any]] = {
    "slack": render_digest,
    "slack without a table": lambda it: render_digest(it, table=False),
    "mail": text_for_people,
    "topic": sns,
    "teams": teams.alert,
    "discord": discord.embed,
    "webhook": webhook,
    "events": lambda it: entry(it, "default"),
}
EVERY_SURFACE = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


def test_the_accounts_are_a_table_in_slack() -> None:
    assert cells(DIGEST) == [
        ["Account", "Left", "Spent", "Until"],
        ["sms", "9.92 EUR", "7.90 EUR", "25 Nov 19:00"],
        ["llm", "1,200.50 USD (estimate)", "-", "-"],
    ]


def test_what_is_dry_is_called_so() -> None:
    dry = replace(DIGEST, next=Listed((AccountLine("a", "USD", Decimal(0), None, AT),)))
    assert cells(dry)[1] == ["a", "0.00 USD", "-", "dry"]
    assert "a: 0.00 USD left, dry" in text_for_people(notification_of(dry))


def test_a_time_of_another_year_has_its_year_in_the_table() -> None:
    later = AccountLine("a", "USD", Decimal(1), None, AT + timedelta(days=400))
    assert cells(replace(DIGEST, next=Listed((later,))))[1][-1] == "28 Dec 2027"


def test_the_accounts_that_are_not_shown_are_counted() -> None:
    assert cells(HUGE)[-1] == ["and 1,975 more", "-", "-", "-"]
    assert "and 1,975 more" in text_for_people(notification_of(HUGE))


def test_a_table_that_slack_would_not_take_is_text() -> None:
    wide = AccountLine("a" * 60, "credits " * 30, Decimal(10) ** 100, Decimal(10) ** 100, AT)
    message = render_digest(notification_of(replace(DIGEST, next=Listed((wide,) * 25))))
    assert not has_table(message)
    assert not faults(message["blocks"])


def test_the_parts_are_a_few_lines_of_plain_text_in_a_mail() -> None:
    parts = text_for_people(notification_of()).split("\n\n")
    assert [part.split("\n  ") for part in parts] == [
        [
            "Spent since 22 Nov 2026 09:00 UTC",
            "about 7.90 EUR in 1 account",
            "about 43.70 USD in 2 accounts (estimate)",
        ],
        ["Left in 4 accounts", "9.92 EUR in 1 account", "1,250.50 USD in 2 accounts"],
        ["Fires now", "warning: sms, rule runs_dry, since 22 Nov 2026 09:00 UTC"],
        ["Topped up", "images by 60.00 USD"],
        ["Cannot be read", "search: key rejected, since 22 Nov 2026 09:00 UTC"],
        ["Spends far above usual", "llm: about 57.20 USD a day, usually 19.20 USD"],
        [
            "Accounts, those that run dry first",
            "sms: 9.92 EUR left, spent about 7.90 EUR, until 25 Nov 2026 19:00 UTC",
            "llm: 1,200.50 USD (estimate) left",
        ],
    ]


def test_the_subject_of_the_mail_says_what_is_the_matter() -> None:
    assert subject(notification_of()) == (
        "[DIGEST] 1 alert fires, spent about 7.90 EUR and about 43.70 USD"
    )
    assert len(subject(notification_of(HUGE))) <= 99


def test_a_digest_of_nothing_says_so() -> None:
    quiet = Digest(AT, AT - timedelta(days=1), AT)
    assert summary_line(notification_of(quiet)) == "digest: nothing fires"
    assert "Left in 0 accounts\n  No money is known." in text_for_people(notification_of(quiet))
    assert not faults(render_digest(notification_of(quiet))["blocks"])


@EVERY_SURFACE
def test_one_that_is_sent_late_says_so(surface: Callable[[Notification], Any]) -> None:
    late = "Sent late: it was so on 23 Nov 2026 09:00 UTC."
    rendered = surface(notification_of(detail=late))
    is_for_machines = surface in (SURFACES["webhook"], SURFACES["events"])
    assert ("Sent late" in json.dumps(rendered, default=str)) is not is_for_machines


def test_the_json_is_exact() -> None:
    told = for_machines(notification_of())
    assert (told["reason"], told["account"], told["severity"]) == ("digest", "digest", "info")
    digest = told["digest"]
    assert digest["spent"][1] == {
        "currency": "USD",
        "amount": "43.7",
        "accounts": 2,
        "estimate": True,
    }
    assert digest["next"][0] == {
        "account": "sms",
        "balance": "9.92",
        "currency": "EUR",
        "estimate": False,
        "spent": "7.9",
        "runs_dry_at": "2026-11-25T19:00:00Z",
    }
    assert digest["unreadable"][0]["failure"] == "key_rejected"
    assert set(digest["more"].values()) == {0}


def test_events_have_a_detail_type_of_their_own() -> None:
    assert entry(notification_of(), "default")["DetailType"] == "balance-watch digest"


def test_the_id_is_the_same_whenever_a_time_is_told() -> None:
    later = replace(DIGEST, until=AT + timedelta(hours=5), accounts=9)
    assert notification_of(later).alert_id == notification_of().alert_id
    assert notification_of(replace(DIGEST, at=AT + timedelta(days=1))).alert_id != (
        notification_of().alert_id
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_markup_or_a_mention_in_slack(name: str) -> None:
    digest = digest_with([name])
    for table in (True, False):
        for text in slack_text(digest, table=table):
            assert "<!" not in text
            assert "<@" not in text
            assert "\u202e" not in text
    for row in cells(digest):
        assert all("\u202e" not in cell and len(cell) <= 100 for cell in row)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_markup_elsewhere(name: str) -> None:
    notification = notification_of(digest_with([name]))
    description = discord.embed(notification)["description"]
    assert "\u202e" not in description
    assert "<@" not in description
    assert "](" not in description
    assert {it["type"] for it in teams.alert(notification)["items"]} == {"RichTextBlock"}
    assert "\u202e" not in text_for_people(notification)


def test_a_digest_of_two_thousand_accounts_keeps_to_every_limit() -> None:
    notification = notification_of(HUGE)
    for table in (True, False):
        slack_text(HUGE, table=table)
    assert len(json.dumps(teams.message([teams.alert(notification)]))) <= teams.MAX_BYTES
    assert discord.units(discord.embed(notification)["description"]) <= 4096
    assert len(sns(notification).encode()) < MAX_BYTES
    assert len(webhook(notification).encode()) < 256 * 1024
    item = entry_to_item(OutboxEntry(notification, "sns", ("sns",)))
    assert len(item["notification"].encode()) < 200 * 1024


@pytest.mark.parametrize("digest", [DIGEST, HUGE, digest_with(HOSTILE)])
def test_a_digest_is_stored_exactly(digest: Digest) -> None:
    stored = OutboxEntry(notification_of(digest), "sns", ("sns",))
    assert entry_from_item(entry_to_item(stored)) == stored


@pytest.mark.parametrize("damaged", ["x", [], {"at": "x"}, {"accounts": "many"}])
def test_a_damaged_digest_is_a_malformed_entry(damaged: object) -> None:
    item = entry_to_item(OutboxEntry(notification_of(), "sns", ("sns",)))
    notification = json.loads(item["notification"]) | {"digest": damaged}
    with pytest.raises(ValueError, match="not a digest"):
        entry_from_item(item | {"notification": json.dumps(notification)})
