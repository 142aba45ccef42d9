"""Teams: an adaptive card within 28 KB that shows every text as it is."""

import json

import pytest

from balance_watch.notifiers.teams import MAX_BYTES, message
from local.teams_inbox import TeamsInbox
from tests.support.inboxes import send
from tests.support.notifications import LINK, low


def card(**changes: object) -> dict[str, object]:
    (attachment,) = message(low(**changes))["attachments"]
    content: dict[str, object] = attachment["content"]
    return content


def test_the_whole_query_of_the_address_is_sent() -> None:
    with TeamsInbox() as inbox:
        assert send("teams", inbox, [low()])[0].accepted
        (request,) = inbox.requests
    assert set(request.query) == {"api-version", "sp", "sv", "sig"}


def test_a_card_has_the_alert_its_facts_and_the_billing_page() -> None:
    text = json.dumps(card())
    for part in ("sms is at 8.20 EUR, below 20.00 EUR", "Rule: low balance", "team: messaging"):
        assert part in text
    assert card()["actions"] == [{"type": "Action.OpenUrl", "title": "Billing page", "url": LINK}]


def test_good_news_are_green_and_have_no_link() -> None:
    assert '"color": "good"' in json.dumps(card(reason="resolved"))
    assert "actions" not in card(reason="resolved")


@pytest.mark.parametrize("letter", ["a", "🔴", '"', "\\", "é"])
def test_a_long_detail_is_shortened_until_the_card_fits(letter: str) -> None:
    assert len(json.dumps(message(low(detail=letter * 50_000)))) <= MAX_BYTES
