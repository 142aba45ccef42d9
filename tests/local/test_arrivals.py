"""What `make play` prints of a message is what Slack shows of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.notifiers.literal import printable
from balance_watch.notifiers.slack_messages import escape_mrkdwn
from local.arrivals import shown_by_slack


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("🔴 *`evil*&amp;` is at 5.00 USD*", "🔴 evil*& is at 5.00 USD"),
        ("🔴 *&lt;@U123&gt; is at 5.00 USD*", "🔴 <@U123> is at 5.00 USD"),
        ("🔴 *a is at 5.00 USD*", "🔴 a is at 5.00 USD"),
        ("*What was spent*", "What was spent"),
        ("a &amp;lt; b", "a &lt; b"),
        ("3 * 4", "3 * 4"),
    ],
)
def test_marks_are_not_shown_and_names_are_whole(markup: str, shown: str) -> None:
    assert shown_by_slack(markup) == shown


@given(st.text(st.characters(exclude_characters="`"), min_size=1).map(printable))
def test_every_name_is_shown_as_it_is(name: str) -> None:
    assert shown_by_slack(f"🔴 *{escape_mrkdwn(name)} is low*") == f"🔴 {printable(name)} is low"
