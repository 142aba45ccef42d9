"""The id of a notification is the same in every copy of it, and in no other notification."""

from tests.support.watchman import (
    TICK,
    below,
    reading,
    watching,
)


def test_every_copy_of_a_notification_has_one_id() -> None:
    entries = watching(below("20")).check("10")
    assert len(entries) == 2
    assert len({entry.notification.alert_id for entry in entries}) == 1


def test_a_decision_taken_twice_has_the_same_ids() -> None:
    first, second = watching(below("20")), watching(below("20"))
    assert first.check("10") == second.check("10")


def test_another_tick_has_another_id() -> None:
    first, second = watching(below("20")), watching(below("20"))
    (first_notification,), (second_notification,) = (
        first.notifies("10"),
        second.notifies("10", after=2 * TICK),
    )
    assert first_notification.alert_id != second_notification.alert_id


def test_two_metrics_of_one_tick_have_two_ids() -> None:
    notification = watching(below("20")).notifies(reading("10", provider_flag=True))
    assert len(notification) == 2
