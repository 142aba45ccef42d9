"""Rules on how long a balance lasts, how fast it is spent, and how old what is known of it is."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric, Rule, Severity
from tests.support.watchman import DAY, HOUR, Watchman, below, failure, reading, watching


def seconds(span: timedelta) -> Decimal:
    return Decimal(int(span.total_seconds()))


def lasts_below(span: timedelta, **changes: object) -> Rule:
    rule = Rule("runway", Metric.RUNWAY, Severity.WARNING, below=seconds(span))
    return replace(rule, **changes)  # type: ignore[arg-type]


def spends_above(threshold: str, *, relative: bool = False) -> Rule:
    return Rule("spending", Metric.SPEND_RATE, above=Decimal(threshold), relative=relative)


def spend(watchman: Watchman, start: str, per_hour: str, hours: int) -> list[str]:
    """Spends for so many hours, one look an hour; returns all that was said."""
    said = []
    for hour in range(hours):
        said += watchman.sees(f"{Decimal(start) - hour * Decimal(per_hour)}", HOUR)
    return said


def test_a_runway_that_is_not_known_yet_fires_nothing() -> None:
    assert spend(watching(lasts_below(100 * DAY)), "100", "1", 12) == []


def test_a_runway_that_gets_short_fires_once() -> None:
    watchman = watching(lasts_below(3 * DAY))
    assert spend(watchman, "100", "1", 40) == ["fired sns", "fired slack:default"]


def test_a_short_runway_says_how_long_and_how_fast() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 40)
    said = watchman.said[0].notification
    assert (said.metric, said.value) == ("runway", str(71 * 3600))
    assert said.threshold == 3 * 86400
    assert (said.per_day, said.runway) == (Decimal(24), 71 * HOUR)


def test_a_runway_is_long_again_after_a_top_up() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 40)
    assert watchman.sees("500", HOUR) == ["resolved sns", "resolved slack:default"]


def test_a_balance_that_is_not_spent_has_no_short_runway() -> None:
    assert spend(watching(lasts_below(3 * DAY)), "5", "0", 40) == []


def test_a_failed_look_neither_fires_nor_resolves_a_runway() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 40)
    assert watchman.sees(failure(), HOUR) == []
    assert watchman.state.alerts[Metric.RUNWAY].firing


def test_a_currency_that_changes_begins_the_history_anew() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 20)
    watchman.sees(replace(reading("3"), currency="USD"), HOUR)
    assert watchman.state.pace.per_day is None


def test_every_alert_says_how_long_the_balance_lasts() -> None:
    watchman = watching(below("80"))
    spend(watchman, "100", "1", 22)
    said = watchman.said[0].notification
    assert said.metric is Metric.BALANCE
    assert (said.per_day, said.runway) == (Decimal(24), 79 * HOUR)


def test_spending_over_a_rate_fires() -> None:
    watchman = watching(spends_above("20"))
    assert spend(watchman, "100", "1", 20) == ["fired sns", "fired slack:default"]
    assert watchman.said[0].notification.value == "24"


def test_spending_that_leaps_fires_against_its_own_usual() -> None:
    watchman = watching(spends_above("3", relative=True))
    assert spend(watchman, "5000", "1", 24 * 5) == []
    assert spend(watchman, "4880", "10", 12) == ["fired sns", "fired slack:default"]
    said = watchman.said[0].notification
    assert said.threshold == 72
    assert "The usual rate is 24.00 EUR a day." in said.detail


def test_spending_that_calms_down_resolves() -> None:
    watchman = watching(spends_above("3", relative=True))
    spend(watchman, "5000", "1", 24 * 5)
    spend(watchman, "4880", "10", 12)
    assert "resolved sns" in spend(watchman, "4760", "1", 30)


def test_nothing_is_unusual_before_the_usual_is_known() -> None:
    watchman = watching(spends_above("3", relative=True))
    assert spend(watchman, "5000", "1", 24) + spend(watchman, "4970", "50", 24) == []


def test_an_account_that_lies_still_is_never_unusual() -> None:
    watchman = watching(spends_above("3", relative=True))
    assert spend(watchman, "5000", "0", 24 * 5) == []


STALE = Rule("stale", Metric.STALENESS, above=seconds(6 * HOUR))


def of(watchman: Watchman, **age: int) -> Reading:
    """A reading that the provider computed so long before the next look."""
    return replace(reading("50"), provider_time=watchman.now + HOUR - timedelta(**age))


def test_what_the_provider_says_gets_old() -> None:
    watchman = watching(STALE)
    assert watchman.sees(of(watchman, hours=6), HOUR) == []
    assert watchman.sees(of(watchman, hours=7), HOUR) == ["fired sns", "fired slack:default"]
    assert watchman.said[0].notification.value == "25200"
    assert watchman.sees(of(watchman, hours=1), HOUR) == ["resolved sns", "resolved slack:default"]


def test_a_providers_time_that_stands_for_never_is_none() -> None:
    watchman = watching(STALE)
    never = reading("50").observed_at.replace(year=1)
    assert watchman.sees(replace(reading("50"), provider_time=never)) == []


def test_a_providers_clock_that_is_ahead_is_not_stale() -> None:
    watchman = watching(STALE)
    assert watchman.sees(of(watchman, hours=-9), HOUR) == []


@pytest.mark.parametrize(
    ("metric", "facts"),
    [
        (Metric.CREDITS, {}),
        (Metric.POINTS, {"credits": Decimal(5)}),
        (Metric.STALENESS, {}),
        (Metric.PROVIDER_FLAG, {}),
    ],
)
def test_a_number_that_the_provider_documents_and_leaves_out_counts_as_a_failed_look(
    metric: Metric, facts: dict[str, object]
) -> None:
    rule = Rule("asks", metric, below=Decimal(1) if metric in ("credits", "points") else None)
    watchman = Watchman(replace(watching(rule).policy, defaults=Defaults(unreadable_after=2)))
    watchman.offer = ProviderTraits(metrics=frozenset({metric}))
    assert watchman.sees(replace(reading("50"), **facts)) == []  # type: ignore[arg-type]
    assert watchman.sees(replace(reading("49"), **facts)) == ["fired sns", "fired slack:default"]  # type: ignore[arg-type]
    said = watchman.said[0].notification
    assert (said.rule, said.value) == ("unreadable", "malformed")
    assert metric.value in said.detail
    assert watchman.state.reading is not None
    assert watchman.state.reading.balance == 49, "what was understood is kept"


def test_a_number_that_no_rule_asks_for_may_be_left_out() -> None:
    watchman = watching(below("20"))
    watchman.offer = ProviderTraits(metrics=frozenset({Metric.CREDITS, Metric.POINTS}))
    watchman.sees("50")
    assert watchman.state.failure is None


def test_a_number_that_the_provider_does_not_have_may_be_asked_for() -> None:
    """A rule on credits for every account is no complaint about those that count in money."""
    watchman = watching(Rule("few credits", Metric.CREDITS, below=Decimal(5)))
    watchman.sees("50")
    assert watchman.state.failure is None


def test_a_whole_reply_makes_a_lacking_one_good() -> None:
    watchman = watching(Rule("few credits", Metric.CREDITS, below=Decimal(5)))
    watchman.offer = ProviderTraits(metrics=frozenset({Metric.CREDITS}))
    for _ in range(3):
        watchman.sees("50")
    whole = replace(reading("50"), credits=Decimal(9))
    assert watchman.sees(whole) == ["resolved sns", "resolved slack:default"]


def test_reminders_quicken_as_the_runway_shrinks() -> None:
    defaults = Defaults(quicken=True)
    watchman = Watchman(replace(watching(below("80")).policy, defaults=defaults))
    said = spend(watchman, "100", "1", 60)
    assert said[0] == "fired sns"
    reminders = [it.notification for it in watchman.said if it.notification.reason == "reminder"]
    assert {it.said_at - watchman.said[0].notification.said_at for it in reminders} == {
        # Of 79 hours left, half is more than a day; of 55, more than a day too.
        DAY,
    }
    said = spend(watchman, "40", "1", 40)
    gaps = [
        after.notification.said_at - before.notification.said_at
        for before, after in zip(watchman.said[::2], watchman.said[2::2], strict=False)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] <= 3 * HOUR


def test_reminders_keep_their_time_unless_they_are_to_quicken() -> None:
    watchman = watching(below("80"))
    spend(watchman, "100", "1", 99)
    reminders = [it for it in watchman.said if it.notification.reason == "reminder"]
    assert len(reminders) == 2 * 3


@pytest.mark.parametrize("minutes", [1, 59])
def test_reminders_are_an_hour_apart_at_least(minutes: int) -> None:
    quickened = Defaults(quicken=True).quickened(timedelta(minutes=minutes))
    assert quickened.reminder == HOUR


def test_with_nothing_left_reminders_keep_their_time() -> None:
    assert Defaults(quicken=True).quickened(timedelta()).reminder == DAY


def test_who_wants_no_reminder_gets_none() -> None:
    assert Defaults(reminder=None, quicken=True).quickened(HOUR).reminder is None
