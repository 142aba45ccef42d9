"""An account without a limit, and a quota that resets: neither is money that runs out."""

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


def watch(*rules: Rule, renews: bool = False) -> Watchman:
    return Watchman(Policy(rules=rules), traits=ProviderTraits(LINK, renews=renews))


def test_an_account_without_a_limit_is_not_low() -> None:
    assert watch(below("20"), above("5", metric=Metric.SPEND_RATE)).announces(NO_LIMIT) == []


def test_a_low_balance_ends_when_the_limit_is_lifted() -> None:
    watchman = watch(below("20"))
    assert watchman.announces("8") == ["fired sns", "fired slack:default"]
    assert watchman.announces(NO_LIMIT) == ["resolved sns", "resolved slack:default"]
    notification = watchman.entries[-1].notification
    assert summary_line(notification) == "sms no longer has a limit"
    assert notification.detail == "The provider no longer sets a limit."
    assert notification.balance is None


def test_an_account_without_a_limit_can_be_read() -> None:
    watchman = watch()
    for _ in range(3):
        watchman.announces(failure())
    assert watchman.announces(NO_LIMIT) == ["resolved sns", "resolved slack:default"]
    assert watchman.state.failure is None


def test_lifting_the_limit_forgets_the_old_balance() -> None:
    watchman = watch()
    watchman.announces("100")
    watchman.announces(NO_LIMIT)
    assert (watchman.state.reading, watchman.state.trend, watchman.state.days) == (None, (), ())


def test_setting_a_limit_again_is_no_top_up() -> None:
    watchman = watch(below("20"))
    for result in ("10", NO_LIMIT):
        watchman.announces(result)
    assert watchman.top_up_entries("500") == []


def test_a_quota_that_resets_is_no_top_up() -> None:
    quota, money = watch(renews=True), watch()
    quota.announces("10")
    money.announces("10")
    assert quota.top_up_entries("1000") == []
    assert [it.notification.reason.value for it in money.top_up_entries("1000")] == [
        "topped_up"
    ] * 2


def spent(watchman: Watchman, until: timedelta, hours: int = 20) -> list[str]:
    """Returns what is announced while 10 per hour are spent of a quota that resets after a time."""
    resets = START + until
    announced = []
    for hour in range(hours):
        result = reading(f"{300 - 10 * hour}", resets_at=resets)
        announced += watchman.announces(result, HOUR)
    return announced


THREE_DAYS = Rule("three days", Metric.RUNWAY, below=Decimal(3 * 86400))


def test_a_quota_that_lasts_until_it_resets_is_not_running_out() -> None:
    assert spent(watch(THREE_DAYS, renews=True), HOUR * 25) == []


def test_a_quota_that_is_used_up_before_it_resets_is_running_out() -> None:
    assert spent(watch(THREE_DAYS, renews=True), DAY * 20) == [
        "fired sns",
        "fired slack:default",
    ]


def test_an_alert_of_a_quota_says_when_it_resets() -> None:
    watchman = watch(below("20"), renews=True)
    watchman.announces(reading("8", resets_at=START + DAY * 9))
    assert "The balance is a quota that resets on 1 Dec 2026 10:05 UTC." in (
        watchman.entries[-1].notification.detail
    )


def test_a_reset_in_the_past_is_not_mentioned() -> None:
    watchman = watch(below("20"), renews=True)
    watchman.announces(reading("8", resets_at=START - DAY))
    assert "quota" not in watchman.entries[-1].notification.detail


def test_a_quotas_alert_ends_only_when_it_lasts_well_beyond_its_reset() -> None:
    def status(lasts: int, *, firing: bool) -> RuleStatus:
        numbers = {Metric.RUNWAY: Decimal(lasts)}
        measurements = Measurements(reading("8"), numbers=numbers, until_reset=Decimal(100_000))
        return evaluate(THREE_DAYS, measurements, firing=firing).status

    assert status(99_999, firing=False) is RuleStatus.BREACHED
    assert status(100_001, firing=False) is RuleStatus.OK
    assert status(100_001, firing=True) is RuleStatus.BREACHED
    assert status(110_001, firing=True) is RuleStatus.OK
