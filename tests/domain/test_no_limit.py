"""An account without a limit, and a quota that begins anew: neither is money that runs out."""

from datetime import timedelta
from decimal import Decimal

from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.evaluation import evaluate
from balance_watch.domain.policy import Policy
from balance_watch.domain.reading import Unlimited
from balance_watch.domain.rules import Measurements, Metric, Rule, RuleStatus
from balance_watch.notifiers.text import summary_line
from tests.support.watchman import (
    DAY,
    HOUR,
    LINK,
    START,
    Watchman,
    above,
    below,
    failure,
    reading,
)

NO_LIMIT = Unlimited(START)


def watchman(*rules: Rule, renews: bool = False) -> Watchman:
    return Watchman(Policy(rules=rules), offer=ProviderTraits(LINK, renews=renews))


def test_an_account_without_a_limit_is_not_low() -> None:
    assert watchman(below("20"), above("5", metric=Metric.SPEND_RATE)).sees(NO_LIMIT) == []


def test_a_low_balance_ends_when_the_limit_is_lifted() -> None:
    watched = watchman(below("20"))
    assert watched.sees("8") == ["fired sns", "fired slack:default"]
    assert watched.sees(NO_LIMIT) == ["resolved sns", "resolved slack:default"]
    said = watched.said[-1].notification
    assert summary_line(said) == "sms no longer has a limit"
    assert said.detail == "The provider no longer sets a limit."
    assert said.balance is None


def test_an_account_without_a_limit_can_be_read() -> None:
    watched = watchman()
    for _ in range(3):
        watched.sees(failure())
    assert watched.sees(NO_LIMIT) == ["resolved sns", "resolved slack:default"]
    assert watched.state.failure is None


def test_nothing_of_an_old_balance_is_left_where_there_is_no_limit() -> None:
    watched = watchman()
    watched.sees("100")
    watched.sees(NO_LIMIT)
    assert (watched.state.reading, watched.state.trend, watched.state.days) == (None, (), ())


def test_a_limit_that_is_set_again_is_no_top_up() -> None:
    watched = watchman(below("20"))
    for look in ("10", NO_LIMIT):
        watched.sees(look)
    assert watched.notices("500") == []


def test_a_quota_that_begins_anew_is_no_top_up() -> None:
    quota, money = watchman(renews=True), watchman()
    quota.sees("10")
    money.sees("10")
    assert quota.notices("1000") == []
    assert [it.notification.reason.value for it in money.notices("1000")] == ["topped_up"] * 2


def spent(watched: Watchman, until: timedelta, hours: int = 20) -> list[str]:
    """What is said while ten an hour are spent of a quota that begins anew in so long."""
    resets = START + until
    said = []
    for hour in range(hours):
        look = reading(f"{300 - 10 * hour}", resets_at=resets)
        said += watched.sees(look, HOUR)
    return said


THREE_DAYS = Rule("three days", Metric.RUNWAY, below=Decimal(3 * 86400))


def test_a_quota_that_lasts_until_it_begins_anew_is_not_running_out() -> None:
    assert spent(watchman(THREE_DAYS, renews=True), HOUR * 25) == []


def test_a_quota_that_is_used_up_before_it_begins_anew_is_running_out() -> None:
    assert spent(watchman(THREE_DAYS, renews=True), DAY * 20) == [
        "fired sns",
        "fired slack:default",
    ]


def test_an_alert_of_a_quota_says_when_it_begins_anew() -> None:
    watched = watchman(below("20"), renews=True)
    watched.sees(reading("8", resets_at=START + DAY * 9))
    assert "The balance is a quota that resets on 1 Dec 2026 10:05 UTC." in (
        watched.said[-1].notification.detail
    )


def test_a_date_that_is_past_is_not_told() -> None:
    watched = watchman(below("20"), renews=True)
    watched.sees(reading("8", resets_at=START - DAY))
    assert "quota" not in watched.said[-1].notification.detail


def test_a_quota_s_alert_ends_only_when_it_lasts_well_beyond_its_reset() -> None:
    def standing(lasts: int, *, firing: bool) -> RuleStatus:
        numbers = {Metric.RUNWAY: Decimal(lasts)}
        look = Measurements(reading("8"), numbers=numbers, until_reset=Decimal(100_000))
        return evaluate(THREE_DAYS, look, firing=firing).status

    assert standing(99_999, firing=False) is RuleStatus.BREACHED
    assert standing(100_001, firing=False) is RuleStatus.OK
    assert standing(100_001, firing=True) is RuleStatus.BREACHED
    assert standing(110_001, firing=True) is RuleStatus.OK
