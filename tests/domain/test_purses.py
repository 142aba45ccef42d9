"""A number belongs to its unit and to its purse: those of two are never compared."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.policy import Defaults
from balance_watch.domain.reading import FailureKind, ReadFailure, Reading
from balance_watch.domain.rules import Metric, PendingPeriod, Rule
from balance_watch.notifiers.text import summary_line
from tests.support.watchman import ACCOUNT, HOUR, Watchman, below, reading, watching

FIRED = ["fired sns", "fired slack:default"]
RESOLVED = ["resolved sns", "resolved slack:default"]
QUIET = Defaults(reminder=None, runs_dry=(), empty=False)


def usd(balance: str) -> Reading:
    return reading(balance, currency="USD")


def cny(balance: str) -> Reading:
    return reading(balance, currency="CNY")


def watching_20(**policy: object) -> Watchman:
    """A watchman with a threshold of 20, of an account that may have any currency."""
    return watching(below("20"), **{"defaults": QUIET, **policy})


def test_a_number_in_another_unit_does_not_end_an_alert() -> None:
    """From the issue: 5 USD under a threshold of 20 had recovered, at 36.00 CNY."""
    watchman = watching_20()
    assert watchman.announces(usd("5")) == FIRED
    assert watchman.announces(cny("36")) == []
    assert watchman.state.alerts[Metric.BALANCE].firing


def test_a_number_in_another_unit_begins_no_alert() -> None:
    watchman = watching_20()
    watchman.announces(usd("100"))
    assert watchman.announces(cny("15")) == []


def test_a_unit_that_changes_is_told_with_both_units() -> None:
    """From the issue: 100 USD that became 36 CNY said nothing."""
    watchman = watching_20()
    watchman.announces(usd("100"))
    said = [watchman.notifies(cny("36")) for _ in range(3)]
    assert said[:2] == [(), ()]
    (notification,) = said[2]
    assert (notification.rule, notification.reason, notification.value) == (
        "unreadable",
        "fired",
        "ambiguous",
    )
    assert "was in USD and is in CNY now" in notification.detail
    assert '"currency"' in notification.detail


def test_every_rule_on_money_is_unknown_meanwhile() -> None:
    watchman = watching(
        below("20"),
        Rule("rate", Metric.SPEND_RATE, above=Decimal(1)),
        defaults=Defaults(reminder=None),
    )
    watchman.announces(usd("100"))
    for balance in ("36", "0", "-5"):
        assert "empty" not in {it.rule for it in watchman.notifies(cny(balance))}
    assert watchman.state.reading is not None
    assert watchman.state.reading.currency == "USD"


def test_an_account_that_names_the_new_unit_begins_anew_in_it() -> None:
    watchman = watching_20()
    watchman.announces(usd("100"))
    watchman.announces(cny("36"))
    watchman.account = replace(watchman.account, currency="CNY")
    watchman.announces(cny("36"))
    assert watchman.state.reading is not None
    assert watchman.state.reading.currency == "CNY"
    assert watchman.state.days == ()
    assert [it.balance for it in watchman.state.trend] == [36]


def test_an_alert_in_the_old_unit_does_not_recover_in_the_new_one() -> None:
    watchman = watching_20()
    watchman.announces(usd("5"))
    watchman.account = replace(watchman.account, currency="CNY")
    (notification,) = watchman.notifies(cny("36"))
    assert notification.reason == "resolved"
    assert summary_line(notification) == "sms is another balance now: 36.00 CNY"


def test_a_unit_that_comes_back_goes_on_as_if_nothing_had_been() -> None:
    watchman = watching_20()
    watchman.announces(usd("100"))
    watchman.announces(cny("36"))
    watchman.announces(usd("99"))
    assert watchman.state.failure is None
    assert sum(day.spent for day in watchman.state.days) == 1


def test_the_case_of_a_unit_is_no_change() -> None:
    watchman = watching_20()
    watchman.announces(reading("100", currency="credits"))
    watchman.announces(reading("99", currency="Credits"))
    assert watchman.state.failure is None


def test_a_unit_that_the_provider_is_documented_to_have_is_no_doubt() -> None:
    watchman = watching_20()
    watchman.announces(usd("100"))
    watchman.traits = ProviderTraits(currency="CNY")
    watchman.announces(cny("36"))
    assert watchman.state.failure is None


def moved(watchman: Watchman, **changes: object) -> None:
    """Gives the account another purse."""
    watchman.account = replace(watchman.account, purse="xyz", **changes)


def in_purse(**policy: object) -> Watchman:
    watchman = watching_20(**policy)
    watchman.account = replace(ACCOUNT, purse="abc")
    return watchman


def test_no_spending_is_made_of_the_difference_of_two_purses() -> None:
    watchman = in_purse()
    for balance in ("1000", "999", "998"):
        watchman.announces(balance, HOUR)
    moved(watchman)
    watchman.announces("50", HOUR)
    state = watchman.state
    assert (state.days, len(state.trend), state.fall, state.top_up) == ((), 1, None, None)


def test_another_purse_with_more_in_it_is_no_top_up() -> None:
    watchman = in_purse()
    watchman.announces("50")
    moved(watchman)
    assert watchman.top_up_entries("5000") == []


def test_an_alert_of_the_old_purse_ends_with_words_that_do_not_say_recovered() -> None:
    watchman = in_purse()
    assert watchman.announces("5") == FIRED
    moved(watchman)
    (notification,) = watchman.notifies("500")
    assert summary_line(notification) == "sms is another balance now: 500.00 EUR"


def test_an_alert_that_another_purse_breaches_as_well_goes_on_in_silence() -> None:
    watchman = in_purse()
    watchman.announces("5")
    moved(watchman)
    assert watchman.announces("4") == []
    assert watchman.state.alerts[Metric.BALANCE].firing


def test_a_pending_rule_begins_anew_with_another_purse() -> None:
    watchman = watching(below("20", pending_period=PendingPeriod(3)), defaults=QUIET)
    watchman.account = replace(ACCOUNT, purse="abc")
    watchman.announces("5")
    watchman.announces("5")
    moved(watchman)
    assert watchman.announces("5") == []
    watchman.announces("5")
    assert watchman.announces("5") == FIRED


def test_another_purse_in_another_unit_is_no_doubt() -> None:
    watchman = in_purse()
    watchman.announces(usd("100"))
    moved(watchman)
    watchman.announces(cny("36"))
    assert watchman.state.failure is None


def test_a_purse_that_was_not_remembered_is_no_other_purse() -> None:
    """An earlier release remembers none."""
    watchman = watching_20()
    watchman.announces("100")
    watchman.account = replace(watchman.account, purse="abc")
    watchman.announces("99")
    assert sum(day.spent for day in watchman.state.days) == 1


@pytest.mark.parametrize("kind", [FailureKind.TIMED_OUT, FailureKind.KEY_REJECTED])
def test_a_failed_read_of_another_purse_keeps_the_old_numbers_until_it_is_read(
    kind: FailureKind,
) -> None:
    watchman = in_purse()
    watchman.announces("5")
    moved(watchman)
    watchman.announces(ReadFailure(kind, "No."))
    (notification,) = watchman.notifies("500")[-1:]
    assert watchman.state.days == ()
    assert notification.reason == "resolved"


def test_a_runway_that_was_short_stays_so_with_another_key_and_no_more_money() -> None:
    watchman = watching(defaults=Defaults(reminder=None))
    watchman.account = replace(ACCOUNT, purse="abc")
    for hour in range(60):
        watchman.announces(f"{90 - hour}", HOUR)
    moved(watchman)
    assert watchman.announces("30", HOUR) == []
    assert watchman.state.alerts[Metric.RUNWAY].firing
    assert watchman.announces("900", HOUR) == []
