"""Rules on how long a balance lasts, how fast it is spent, and how old the provider's data is."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace

from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import Reading
from balance_watch.domain.rules import Metric, Rule, Severity
from tests.support.watchman import DAY, HOUR, Watchman, below, failure, reading, watching


def seconds(span: timedelta) -> Decimal:
    return Decimal(int(span.total_seconds()))


def lasts_below(span: timedelta, **changes: object) -> Rule:
    rule = Rule("runway", Metric.RUNWAY, Severity.WARNING, below=seconds(span))
    return replace(rule, **changes)


def spends_above(threshold: str, *, relative: bool = False) -> Rule:
    return Rule("spending", Metric.SPEND_RATE, above=Decimal(threshold), relative=relative)


def spend(watchman: Watchman, start: str, per_hour: str, hours: int) -> list[str]:
    """Spends for so many hours with one check per hour; returns all that was announced."""
    announced = []
    for hour in range(hours):
        announced += watchman.announces(f"{Decimal(start) - hour * Decimal(per_hour)}", HOUR)
    return announced


def test_a_runway_that_is_not_known_yet_fires_nothing() -> None:
    assert spend(watching(lasts_below(100 * DAY)), "100", "1", 12) == []


def test_a_runway_that_gets_short_fires_once() -> None:
    watchman = watching(lasts_below(3 * DAY))
    assert spend(watchman, "100", "1", 40) == ["fired sns", "fired slack:default"]


def test_a_short_runway_says_how_long_and_how_fast() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 40)
    notification = watchman.entries[0].notification
    assert (notification.metric, notification.value) == ("runway", str(71 * 3600))
    assert notification.threshold == 3 * 86400
    assert (notification.per_day, notification.runway) == (Decimal(24), 71 * HOUR)


def test_a_runway_is_long_again_after_a_top_up() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 40)
    assert watchman.announces("500", HOUR) == ["resolved sns", "resolved slack:default"]


def test_a_balance_that_is_not_spent_has_no_short_runway() -> None:
    assert spend(watching(lasts_below(3 * DAY)), "5", "0", 40) == []


def test_a_failed_read_neither_fires_nor_resolves_a_runway() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 40)
    assert watchman.announces(failure(), HOUR) == []
    assert watchman.state.alerts[Metric.RUNWAY].firing


def test_a_change_of_currency_starts_the_history_over_once_it_is_confirmed() -> None:
    watchman = watching(lasts_below(3 * DAY))
    spend(watchman, "100", "1", 20)
    watchman.account = replace(watchman.account, currency="USD")
    watchman.announces(replace(reading("3"), currency="USD"), HOUR)
    assert watchman.state.pace.per_day is None


def test_every_alert_says_how_long_the_balance_lasts() -> None:
    watchman = watching(below("80"))
    spend(watchman, "100", "1", 22)
    notification = watchman.entries[0].notification
    assert notification.metric is Metric.BALANCE
    assert (notification.per_day, notification.runway) == (Decimal(24), 79 * HOUR)


def test_spending_over_a_rate_fires() -> None:
    watchman = watching(spends_above("20"))
    assert spend(watchman, "100", "1", 20) == ["fired sns", "fired slack:default"]
    assert watchman.entries[0].notification.value == "24"


def test_spending_that_leaps_fires_against_the_usual_rate() -> None:
    watchman = watching(spends_above("3", relative=True))
    assert spend(watchman, "5000", "1", 24 * 5) == []
    assert spend(watchman, "4880", "10", 12) == ["fired sns", "fired slack:default"]
    notification = watchman.entries[0].notification
    assert notification.threshold == 72
    assert "The usual rate is 24.00 EUR a day." in notification.detail


def test_spending_that_calms_down_resolves() -> None:
    watchman = watching(spends_above("3", relative=True))
    spend(watchman, "5000", "1", 24 * 5)
    spend(watchman, "4880", "10", 12)
    assert "resolved sns" in spend(watchman, "4760", "1", 30)


def test_nothing_is_unusual_before_the_usual_rate_is_known() -> None:
    watchman = watching(spends_above("3", relative=True))
    assert spend(watchman, "5000", "1", 24) + spend(watchman, "4970", "50", 24) == []


def test_an_account_that_is_not_used_is_never_unusual() -> None:
    watchman = watching(spends_above("3", relative=True))
    assert spend(watchman, "5000", "0", 24 * 5) == []


STALE = Rule("stale", Metric.STALENESS, above=seconds(6 * HOUR))


def of(watchman: Watchman, **age: int) -> Reading:
    """Returns a reading that the provider computed so long before the next check."""
    return replace(reading("50"), provider_time=watchman.now + HOUR - timedelta(**age))


def test_the_providers_data_gets_stale() -> None:
    watchman = watching(STALE)
    assert watchman.announces(of(watchman, hours=6), HOUR) == []
    assert watchman.announces(of(watchman, hours=7), HOUR) == ["fired sns", "fired slack:default"]
    assert watchman.entries[0].notification.value == "25200"
    assert watchman.announces(of(watchman, hours=1), HOUR) == [
        "resolved sns",
        "resolved slack:default",
    ]


def test_a_providers_time_that_means_never_is_ignored() -> None:
    watchman = watching(STALE)
    never = reading("50").observed_at.replace(year=1)
    assert watchman.announces(replace(reading("50"), provider_time=never)) == []


def test_a_providers_clock_that_is_ahead_is_not_stale() -> None:
    watchman = watching(STALE)
    assert watchman.announces(of(watchman, hours=-9), HOUR) == []


@pytest.mark.parametrize(
    ("metric", "facts"),
    [
        (Metric.CREDITS, {}),
        (Metric.POINTS, {"credits": Decimal(5)}),
        (Metric.STALENESS, {}),
        (Metric.PROVIDER_FLAG, {}),
    ],
)
def test_a_documented_number_that_a_reply_lacks_counts_as_a_failed_read(
    metric: Metric, facts: dict[str, object]
) -> None:
    rule = Rule("needs it", metric, below=Decimal(1) if metric in ("credits", "points") else None)
    watchman = Watchman(replace(watching(rule).policy, defaults=Defaults(unreadable_after=2)))
    watchman.traits = ProviderTraits(metrics=frozenset({metric}))
    assert watchman.announces(reading("50", **facts)) == []
    assert watchman.announces(reading("49", **facts)) == ["fired sns", "fired slack:default"]
    notification = watchman.entries[0].notification
    assert (notification.rule, notification.value) == ("unreadable", "malformed")
    assert metric.value in notification.detail
    assert watchman.state.reading is not None
    assert watchman.state.reading.balance == 49, "the balance of the reply is kept"


def test_a_number_that_no_rule_needs_may_be_missing() -> None:
    watchman = watching(below("20"))
    watchman.traits = ProviderTraits(metrics=frozenset({Metric.CREDITS, Metric.POINTS}))
    watchman.announces("50")
    assert watchman.state.failure is None


def test_a_rule_may_name_a_number_that_the_provider_does_not_have() -> None:
    """A rule on the credits of all accounts is no fault of those that have money alone."""
    watchman = watching(Rule("few credits", Metric.CREDITS, below=Decimal(5)))
    watchman.announces("50")
    assert watchman.state.failure is None


def test_a_complete_reply_resolves_an_incomplete_one() -> None:
    watchman = watching(Rule("few credits", Metric.CREDITS, below=Decimal(5)))
    watchman.traits = ProviderTraits(metrics=frozenset({Metric.CREDITS}))
    for _ in range(3):
        watchman.announces("50")
    whole = replace(reading("50"), credits=Decimal(9))
    assert watchman.announces(whole) == ["resolved sns", "resolved slack:default"]


def test_reminders_quicken_as_the_runway_shrinks() -> None:
    defaults = Defaults(quicken=True, runs_dry=())
    watchman = Watchman(replace(watching(below("80")).policy, defaults=defaults))
    announced = spend(watchman, "100", "1", 60)
    assert announced[0] == "fired sns"
    reminders = [it.notification for it in watchman.entries if it.notification.reason == "reminder"]
    assert {it.said_at - watchman.entries[0].notification.said_at for it in reminders} == {
        # Of 79 hours left, half is more than a day; of 55, more than a day too.
        DAY,
    }
    announced = spend(watchman, "40", "1", 40)
    gaps = [
        after.notification.said_at - before.notification.said_at
        for before, after in zip(watchman.entries[::2], watchman.entries[2::2], strict=False)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] <= 3 * HOUR


def test_reminders_do_not_quicken_by_default() -> None:
    watchman = watching(below("80"), defaults=Defaults(runs_dry=()))
    spend(watchman, "100", "1", 99)
    said = [it.notification for it in watchman.entries if it.channel == "sns"]
    gaps = [after.said_at - before.said_at for before, after in pairwise(said)]
    assert {gap for gap, it in zip(gaps, said[1:], strict=True) if it.reason == "reminder"} == {DAY}


@pytest.mark.parametrize("minutes", [1, 59])
def test_reminders_are_at_least_an_hour_apart(minutes: int) -> None:
    quickened = Defaults(quicken=True).quickened(timedelta(minutes=minutes))
    assert quickened.reminder == HOUR


def test_reminders_do_not_quicken_once_nothing_is_left() -> None:
    assert Defaults(quicken=True).quickened(timedelta()).reminder == DAY


def test_quicken_adds_no_reminders_where_there_are_none() -> None:
    assert Defaults(reminder=None, quicken=True).quickened(HOUR).reminder is None
