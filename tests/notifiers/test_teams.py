"""Teams: an adaptive card within 28 KB that shows every text as it is."""

import json

import pytest

from balance_watch.domain.notification import Notification
from balance_watch.notifiers.teams import MAX_BYTES, alert, message
from local.loopback import Reply
from local.teams_inbox import TeamsInbox
from tests.support.inboxes import send
from tests.support.notifications import LINK, low


def card(**changes: object) -> str:
    return json.dumps(message([alert(low(**changes))]), ensure_ascii=False)


def cards_of(*notifications: Notification) -> list[str]:
    with TeamsInbox() as inbox:
        results = send("teams", inbox, notifications)
        assert sum(len(result.accepted) for result in results) == len(notifications)
        assert inbox.faults == []
        return [json.dumps(it, ensure_ascii=False) for it in inbox.messages]


def test_the_whole_query_of_the_address_is_sent() -> None:
    with TeamsInbox() as inbox:
        assert send("teams", inbox, [low()])[0].accepted
        (request,) = inbox.requests
    assert set(request.query) == {"api-version", "sp", "sv", "sig"}


def test_a_card_has_the_alert_its_facts_and_the_billing_page() -> None:
    for part in ("sms is at 8.20 EUR, below 20.00 EUR", "Rule: low balance", "team: messaging"):
        assert part in card()
    button = {"type": "Action.OpenUrl", "title": "Billing page", "url": LINK}
    assert json.dumps(button) in card()


def test_good_news_are_green_and_have_no_link() -> None:
    assert '"color": "good"' in card(reason="resolved")
    assert "Action.OpenUrl" not in card(reason="resolved")


def test_ten_alerts_are_one_message() -> None:
    found = cards_of(*[low(account=f"a{number:02}") for number in range(25)])
    assert [text.count("is at 8.20 EUR") for text in found] == [10, 10, 5]


@pytest.mark.parametrize("letter", ["a", "🔴", '"', "\\", "é", "\u202e"])
def test_whatever_is_long_is_shortened_until_the_card_fits(letter: str) -> None:
    name = letter * 100
    labels = {f"{number:02}{name}": name for number in range(20)}
    long = [
        low(account=name, rule=name, labels=labels, detail=letter * 50_000 + "\n" * n)
        for n in range(3)
    ]
    for text in cards_of(*long):
        assert len(json.dumps(json.loads(text))) <= MAX_BYTES


@pytest.mark.parametrize(
    ("status", "is_permanent"), [(429, False), (503, False), (413, True), (404, True)]
)
def test_an_older_connector_tells_a_refusal_in_the_body_of_its_200(
    status: int, *, is_permanent: bool
) -> None:
    text = f"Delivery failed: Microsoft Teams endpoint returned HTTP error {status} with ContextId."
    with TeamsInbox() as inbox:
        inbox.script(Reply(200, text.encode()))
        (result,) = send("teams", inbox, [low()])
    assert (result.why, result.permanent, result.unsure) == (
        f"Teams answers HTTP {status}.",
        is_permanent,
        False,
    )


def test_the_200_of_an_older_connector_is_an_acceptance() -> None:
    with TeamsInbox() as inbox:
        inbox.script(Reply(200, b"1"))
        assert send("teams", inbox, [low()])[0].accepted
