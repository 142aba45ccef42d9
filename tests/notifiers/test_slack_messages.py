"""Slack messages: what they show, and that Slack accepts them."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.domain.notification import Notification
from balance_watch.notifiers.slack_messages import MAX_BLOCKS, escape_mrkdwn, render
from local.block_kit import MAX_MESSAGE_TEXT, MAX_TEXT_OBJECT, faults
from tests.support.notifications import LINK, NOW, anything, faulty, low
from tests.support.slack_texts import alert_texts


def message(*notifications: Notification) -> dict[str, Any]:
    ((_, only),) = render(notifications)
    return only


def text(notification: Notification) -> str:
    (shown,) = alert_texts(message(notification))
    return shown


def test_the_text_of_a_low_balance() -> None:
    assert text(low()) == (
        "🔴 *sms is at 8.20 EUR, below 20.00 EUR*\n"
        "*Last 24 h*\n█▁ 31.20 → 8.20 EUR\n"
        "since <!date^1795334400^{date_short_pretty} {time}|22 Nov 2026 08:00 UTC> (2 h 5 min)"
        " · critical · rule low balance · vonage · team messaging"
        " · <https://example.com/billing|top up>"
    )


def test_an_alert_that_has_just_begun_shows_no_duration() -> None:
    assert "UTC> · critical" in text(low(since=NOW))


def test_the_text_of_an_alert_that_is_over() -> None:
    assert text(low(reason="resolved", value="31.2", trend=())) == (
        "✅ *sms has recovered and is at 31.20 EUR*\n"
        "since <!date^1795334400^{date_short_pretty} {time}|22 Nov 2026 08:00 UTC>,"
        " over after 2 h 5 min · critical · rule low balance · vonage · team messaging"
    )


def test_the_date_is_that_of_the_beginning() -> None:
    assert datetime.fromtimestamp(1795334400, UTC) == low().since


@pytest.mark.parametrize(
    ("severity", "sign"), [("critical", "🔴"), ("warning", "🟠"), ("info", "🔵")]
)
def test_a_severity_has_its_sign(severity: str, sign: str) -> None:
    assert text(low(severity=severity)).startswith(sign)


def test_a_detail_is_shown() -> None:
    detail = "Timed out: No complete reply came in time. Failed 3 times in a row."
    assert f"\n{detail}\n" in text(low(detail=detail))


def test_every_fault_of_the_configuration_is_shown_on_its_own_line() -> None:
    shown = text(faulty("policy: one", "secret x: two"))
    assert shown.startswith("🔴 *The configuration has 2 faults: accounts may go unwatched*\n")
    assert "\npolicy: one\nsecret x: two\n" in shown


def test_the_title_about_a_removed_rule_begins_with_a_capital() -> None:
    removed = low(reason="resolved", threshold=None)
    assert text(removed).startswith("✅ *The rule low balance no longer applies to sms*")


def test_a_title_that_begins_with_an_account_keeps_its_case() -> None:
    assert "*sms is at" in text(low())


def test_a_balance_without_a_history_has_no_plot() -> None:
    assert "Last 24 h" not in text(low(trend=(Decimal(8),)))


def test_the_link_is_omitted_if_there_is_nothing_to_do() -> None:
    assert LINK not in text(low(reason="resolved"))
    assert LINK not in text(low(link=None))


def test_no_name_or_detail_is_markup() -> None:
    shown = text(
        low(
            account="<!channel> & co",
            rule="<a>",
            labels={"<b>": "&"},
            detail="<https://evil.example|click>",
            currency="<c>",
        )
    )
    assert "<!channel>" not in shown
    assert "&lt;!channel&gt; &amp; co" in shown
    assert "rule &lt;a&gt;" in shown
    assert "&lt;b&gt; &amp;" in shown
    assert "&lt;https://evil.example|click&gt;" in shown
    assert shown.count("<") == 2, "the date and the link"


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("*_~`:<>& a")))
def test_slack_interprets_no_character_of_an_escaped_text(raw: str) -> None:
    shown = escape_mrkdwn(raw)
    is_code = shown[:1] == "`"
    inside = shown[1:-1] if is_code else shown
    assert not set(inside) & set("<>`")
    assert (
        is_code
        or re.search(r"(^|\W)[*_~]|[*_~](\W|$)", inside.replace("_", " _ ")) is None
        or (re.search(r"(^|[\W_])[*_~]|[*_~]([\W_]|$)", raw) is None)
    )
    plain = inside.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert plain == (raw.replace("`", "'") if is_code else raw)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("sms", "sms"),
        ("sms_prod_eu-1", "sms_prod_eu-1"),
        ("search prod (old)", "search prod (old)"),
        ("2*3=6", "2*3=6"),
        ("10:30", "10:30"),
        ("*bold*", "`*bold*`"),
        ("_it_", "`_it_`"),
        ("an _it_ inside", "`an _it_ inside`"),
        ("~gone~", "`~gone~`"),
        ("`rm -rf`", "`'rm -rf'`"),
        ("```", "`'''`"),
        (":rotating_light:", "`:rotating_light:`"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("<!here> *now*", "`&lt;!here&gt; *now*`"),
        ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
        ("left\u202eright", "left�right"),
        ("é_ü", "é_ü"),
    ],
)
def test_an_escaped_text_is_shown_as_it_is(raw: str, shown: str) -> None:
    assert escape_mrkdwn(raw) == shown


def test_slack_makes_no_link_or_mention_of_a_text() -> None:
    rendered = message(low(account="https://evil.example @everyone"))
    section, context = rendered["blocks"]
    shown = [section["text"], *section["fields"], *context["elements"]]
    assert [part["verbatim"] for part in shown] == [True] * len(shown)
    assert rendered["mrkdwn"] is False


def test_a_name_with_marks_is_code_in_a_bold_title() -> None:
    assert text(low(account="*sms*")).startswith("🔴 *`*sms*` is at 8.20 EUR, below 20.00 EUR*\n")


def test_the_pace_of_spending_is_shown() -> None:
    shown = text(low(per_day=Decimal("12.3456"), runway=timedelta(hours=16)))
    assert "\n*Spends*\nabout 12.30 EUR a day\n*Lasts*\nabout 16 h\n" in shown


def test_the_notifications_of_a_run_are_one_message_in_order() -> None:
    rendered = message(
        low(account="a", reason="resolved"),
        low(account="b", severity="info"),
        low(account="c", severity="critical"),
        low(account="d", severity="warning"),
    )
    order = [shown.split("*")[1].split(" ")[0] for shown in alert_texts(rendered)]
    assert order == ["c", "d", "b", "a"]
    assert rendered["text"].splitlines()[0] == "c is at 8.20 EUR, below 20.00 EUR"
    assert len(rendered["text"].splitlines()) == 4


def test_links_are_not_unfurled() -> None:
    assert message(low())["unfurl_links"] is False


@pytest.mark.parametrize(
    ("count", "sizes", "blocks"),
    [
        (0, [], []),
        (1, [1], [2]),
        (2, [2], [5]),
        (24, [24], [49]),
        (25, [25], [26]),
        (49, [49], [50]),
        (50, [49, 1], [50, 2]),
        (120, [49, 49, 22], [50, 50, 45]),
    ],
)
def test_a_message_has_no_more_blocks_than_slack_accepts(
    count: int, sizes: list[int], blocks: list[int]
) -> None:
    messages = list(render([low(account=f"a{number}") for number in range(count)]))
    assert [len(rendered["blocks"]) for _, rendered in messages] == blocks
    assert [len(group) for group, _ in messages] == sizes
    shown = [text for _, rendered in messages for text in alert_texts(rendered)]
    assert len(shown) == count


def test_the_gravest_notification_is_in_the_first_message() -> None:
    infos = [low(account=f"a{number}", severity="info") for number in range(60)]
    (first, _), _ = render([*infos, low(account="grave")])
    assert first[0].account == "grave"


def test_a_detail_that_is_too_long_is_cut_and_the_facts_stay() -> None:
    shown = text(faulty(*("&" * 900 for _ in range(10))))
    assert len(shown) <= MAX_TEXT_OBJECT + 200
    assert "since <!date^" in shown
    assert " …\nsince" in shown
    assert "&amp; …" in shown, "no entity is cut in two"


@settings(max_examples=30)
@given(st.lists(anything(), min_size=1, max_size=3))
def test_slack_accepts_every_message(notifications: list[Notification]) -> None:
    for group, rendered in render(notifications):
        assert faults(rendered["blocks"]) == []
        assert len(rendered["text"]) <= MAX_MESSAGE_TEXT
        assert len(rendered["blocks"]) <= MAX_BLOCKS
        assert len(rendered["text"].splitlines()) == len(group) or len(rendered["text"]) > 2900


@settings(max_examples=30)
@given(anything())
def test_every_block_shows_since_when_and_what_to_do(notification: Notification) -> None:
    shown = text(notification)
    assert "since <!date^" in shown
    assert (f"<{LINK}|" in shown) is (
        notification.link is not None and notification.reason not in ("resolved", "topped_up")
    )


def header(*notifications: Notification) -> str:
    first = message(*notifications)["blocks"][0]
    assert first["type"] == "header"
    return str(first["text"]["text"])


def test_the_first_line_counts_several_alerts() -> None:
    warnings = [low(account=f"w{number}", severity="warning") for number in range(2)]
    good = low(account="g", reason="resolved"), low(account="t", reason="topped_up")
    assert header(low(), low(account="b"), *warnings) == "2 critical, 2 warnings"
    assert header(low(), warnings[0]) == "1 critical, 1 warning"
    assert header(low(severity="info"), *good) == "1 notice, 1 recovered, 1 topped up"


def test_one_alert_needs_no_count() -> None:
    assert message(low())["blocks"][0]["type"] == "section"


def test_what_was_topped_up_and_has_recovered_is_one_alert() -> None:
    rose = "It rose by 23.00 EUR, from 8.20 EUR to 31.20 EUR."
    both = [
        low(reason="resolved", value="31.2"),
        low(reason="topped_up", rule="topped_up", detail=rose),
    ]
    rendered = message(*both)
    (shown,) = alert_texts(rendered)
    assert shown.startswith(f"✅ *sms has recovered and is at 31.20 EUR*\n{rose}\n")
    assert len(rendered["text"].splitlines()) == 2, "a notification keeps its line"


def test_a_payment_is_told_beside_the_recovery() -> None:
    paid = low(reason="topped_up", metric="top_up", value="paid")
    assert len(alert_texts(message(low(reason="resolved"), paid))) == 2


def test_what_runs_dry_says_when_and_what_is_left_and_where_the_alert_begins() -> None:
    shown = text(
        low(metric="runway", value="57600", threshold=Decimal(86400), per_day=Decimal("12.3"))
    )
    assert shown.startswith("🔴 *sms runs dry in about 16 h · 8.20 EUR left*\n*Alert below*\n1 d\n")


def test_nothing_is_code_where_no_name_has_marks() -> None:
    assert "`" not in text(low(per_day=Decimal(3), runway=timedelta(hours=16)))
