"""The id of a notification is the same for every copy of it, and for no other one."""

from tests.support.watchman import (
    TICK,
    below,
    reading,
    watching,
)


def test_every_copy_of_a_notification_has_one_id() -> None:
    owed = watching(below("20")).owes("10")
    assert len(owed) == 2
    assert len({it.notification.alert_id for it in owed}) == 1


def test_a_decision_taken_twice_has_the_same_ids() -> None:
    first, second = watching(below("20")), watching(below("20"))
    assert first.owes("10") == second.owes("10")


def test_another_tick_has_another_id() -> None:
    first, second = watching(below("20")), watching(below("20"))
    (one,), (other,) = first.tells("10"), second.tells("10", after=2 * TICK)
    assert one.alert_id != other.alert_id


def test_two_metrics_of_one_tick_have_two_ids() -> None:
    said = watching(below("20")).tells(reading("10", provider_flag=True))
    assert len(said) == 2
