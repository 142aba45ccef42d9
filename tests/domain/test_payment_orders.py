"""A rule that may top up orders one payment when it begins to fire."""

from msgspec.structs import replace

from balance_watch.domain.notification import Reason
from tests.support.watchman import DAY, HOUR, Watchman, below, failure, watching


def paying() -> Watchman:
    return watching(below("20", top_ups=1))


def test_a_rule_that_begins_to_fire_orders_a_payment() -> None:
    watchman = paying()
    assert watchman.announces("10")
    (order,) = watchman.orders
    alert = order.notification
    assert (alert.account, alert.rule, alert.reason) == ("sms", "low balance", Reason.FIRED)
    assert alert.alert_id == watchman.entries[0].notification.alert_id


def test_a_rule_that_fires_already_orders_no_other_payment() -> None:
    watchman = paying()
    for look in ("10", "9", failure(), "8"):
        watchman.announces(look, HOUR)
    assert len(watchman.orders) == 1


def test_a_rule_that_fires_again_orders_another_payment() -> None:
    watchman = paying()
    for look in ("10", "50", "10"):
        watchman.announces(look, DAY)
    first, second = (order.notification for order in watchman.orders)
    assert second.said_at - first.said_at == 2 * DAY
    assert second.alert_id != first.alert_id


def test_a_rule_without_top_up_orders_no_payment() -> None:
    watchman = watching(below("20"))
    assert watchman.announces("10")
    assert watchman.orders == []


def test_of_two_rules_that_begin_to_fire_one_orders_a_payment() -> None:
    first = below("20", top_ups=1)
    watchman = watching(first, replace(first, name="lower"))
    watchman.announces("5")
    assert [order.notification.rule for order in watchman.orders] == ["low balance"]
