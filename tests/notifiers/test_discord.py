"""Discord: up to ten embeds a message, nobody is mentioned, and its own rate limit is kept."""

from collections.abc import Iterator

import pytest

from balance_watch.notifiers.discord import embed
from local.discord_inbox import DiscordInbox, last_within_the_limit, rate_limited
from local.loopback import Reply
from tests.support.inboxes import Time, send
from tests.support.notifications import LINK, low

MANY = [low(account=f"a{number:02}") for number in range(25)]


@pytest.fixture
def inbox() -> Iterator[DiscordInbox]:
    with DiscordInbox() as server:
        yield server


def test_ten_alerts_are_one_message(inbox: DiscordInbox) -> None:
    results = send("discord", inbox, MANY)
    assert [len(it["embeds"]) for it in inbox.messages] == [10, 10, 5]
    assert sum(len(result.accepted) for result in results) == 25


def test_an_embed_shows_the_billing_page_unless_the_news_are_good() -> None:
    assert embed(low())["fields"] == [{"name": "Billing page", "value": LINK}]
    assert LINK not in str(embed(low(reason="resolved")))


def test_embeds_of_one_provider_have_no_url_that_would_make_one_of_them(
    inbox: DiscordInbox,
) -> None:
    send("discord", inbox, MANY[:3])
    assert inbox.faults == []
    assert all("url" not in it for it in inbox.messages[0]["embeds"])


@pytest.mark.parametrize("blank", [" ", "   "])
def test_a_label_that_is_blank_is_left_out_because_discord_refuses_it(
    inbox: DiscordInbox, blank: str
) -> None:
    send("discord", inbox, [low(labels={"team": blank, blank: "b", "stage": "prod"})])
    assert inbox.faults == []
    known = inbox.messages[0]["embeds"][0]["description"]
    assert known.endswith(" · stage: prod")
    assert "team" not in known


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("@everyone", r"\@everyone is at"),
        ("<@&123>", r"\<\@&123\> is at"),
        ("[top up](https://x)", r"\[top up\]\(https\://x\) is at"),
        ("**a**", r"\*\*a\*\* is at"),
    ],
)
def test_a_name_is_shown_as_it_is(name: str, shown: str) -> None:
    assert embed(low(account=name))["title"].startswith(shown)


def test_a_title_that_is_cut_ends_in_no_half_of_an_escape() -> None:
    for length in range(100, 140):
        title = embed(low(account="*" * length))["title"]
        assert len(title) <= 256
        assert not title.removesuffix(" …").endswith("\\")


def test_the_pause_in_the_body_and_in_discords_own_header_is_waited_for(
    inbox: DiscordInbox,
) -> None:
    time = Time()
    inbox.script(rate_limited(1.337))
    assert send("discord", inbox, [low()], time)[0].accepted
    assert time.slept == [1.337]


def test_a_429_of_the_front_has_only_a_header(inbox: DiscordInbox) -> None:
    time = Time()
    inbox.script(Reply(429, b"<html>", headers={"Retry-After": "4"}))
    assert send("discord", inbox, [low()], time)[0].accepted
    assert time.slept == [4.0]


def test_after_the_last_message_within_the_limit_the_next_one_waits(inbox: DiscordInbox) -> None:
    time = Time()
    inbox.script(last_within_the_limit(2.5))
    assert all(result.accepted for result in send("discord", inbox, MANY, time))
    assert time.slept == [2.5]


def test_a_limit_that_outlasts_the_time_leaves_the_rest_to_the_next_run(
    inbox: DiscordInbox,
) -> None:
    inbox.script(last_within_the_limit(60))
    first, *others = send("discord", inbox, MANY, left=30)
    assert len(first.accepted) == 10
    assert {it.why for it in others} == {"The rate limit of Discord leaves no time to send."}
    assert len(inbox.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"retry_after": "x"}',
        b"[1]",
        b'{"retry_after": null}',
        b'{"retry_after": NaN}',
        b'{"retry_after": -5}',
        b'{"retry_after": 1e999}',
        b'{"retry_after": ' + b"9" * 500 + b"}",
        b"[" * 60_000,
        b"\xff",
    ],
)
def test_a_429_with_any_other_body_is_waited_for(inbox: DiscordInbox, body: bytes) -> None:
    time = Time()
    inbox.script(Reply(429, body))
    assert send("discord", inbox, [low()], time)[0].accepted
    assert time.slept == [1.0]
