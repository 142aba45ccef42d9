"""A fault in a secret or the policy is an alert: announced at once, until all is valid again."""

from datetime import timedelta

from msgspec.structs import replace

from balance_watch.domain.configuration_alert import (
    FAULT_WORDING,
)
from balance_watch.domain.policy import Defaults, Policy, Route
from tests.support.auditor import KEY, Auditor
from tests.support.watchman import DAY, START

RULE = "policy rules[0]: needs either below or above"


def test_a_valid_configuration_announces_nothing() -> None:
    assert Auditor().announces() == []


def test_a_fault_fires_at_once_and_is_critical() -> None:
    notification = Auditor().notifies(KEY)
    assert (notification.reason, notification.severity, notification.metric) == (
        "fired",
        "critical",
        "configuration",
    )
    assert (notification.account, notification.rule, notification.value) == (
        "configuration",
        "configuration",
        "1",
    )
    assert notification.detail == KEY


def test_the_same_faults_are_announced_once() -> None:
    auditor = Auditor()
    auditor.announces(KEY, RULE)
    assert auditor.announces(RULE, KEY) == []


def test_all_faults_are_in_one_notification() -> None:
    notification = Auditor().notifies(KEY, RULE)
    assert (notification.value, notification.detail) == ("2", f"{KEY}\n{RULE}")


def test_a_new_fault_worsens_the_alert() -> None:
    auditor = Auditor()
    auditor.announces(KEY)
    notification = auditor.notifies(KEY, RULE)
    assert (notification.reason, notification.since, notification.detail) == (
        "worsened",
        START,
        f"{KEY}\n{RULE}",
    )


def test_a_fault_in_place_of_another_worsens_the_alert_too() -> None:
    auditor = Auditor()
    auditor.announces(KEY)
    assert auditor.announces(RULE) == ["worsened sns", "worsened slack:default"]


def test_fixing_one_of_several_faults_announces_nothing() -> None:
    auditor = Auditor()
    auditor.announces(KEY, RULE)
    assert auditor.announces(KEY) == []


def test_a_reminder_lists_the_current_faults() -> None:
    auditor = Auditor()
    auditor.announces(KEY, RULE)
    notification = auditor.notifies(KEY, after=DAY)
    assert (notification.reason, notification.detail, notification.since) == (
        "reminder",
        KEY,
        START,
    )


def test_a_new_fault_at_the_time_of_a_reminder_is_announced_as_worsened() -> None:
    auditor = Auditor()
    auditor.announces(KEY)
    assert auditor.notifies(KEY, RULE, after=DAY).reason == "worsened"


def test_its_end_goes_to_every_channel_that_was_notified() -> None:
    route = Route({"rule": "configuration"}, ("slack:oncall",))
    auditor = Auditor(Policy(routes=(route,)))
    assert auditor.announces(KEY) == ["fired slack:oncall"]
    auditor.policy = Policy()
    assert auditor.announces() == ["resolved slack:oncall"]
    assert auditor.announces() == []


def test_a_fault_that_comes_and_goes_is_announced_once_per_minimum_gap() -> None:
    auditor = Auditor()
    notification = [auditor.announces(*faults) for faults in ((KEY,), ()) * 10]
    assert notification[:2] == [
        ["fired sns", "fired slack:default"],
        ["resolved sns", "resolved slack:default"],
    ]
    assert notification[2:] == [[]] * 18
    assert auditor.announces(KEY, after=timedelta(hours=6)) == ["fired sns", "fired slack:default"]


def test_a_fault_that_outlasts_the_minimum_gap_is_announced_then() -> None:
    auditor = Auditor()
    auditor.announces(KEY)
    auditor.announces()
    assert auditor.announces(KEY) == []
    assert auditor.announces(KEY, after=timedelta(hours=6)) == ["fired sns", "fired slack:default"]


def test_no_minimum_gap_delays_another_fault() -> None:
    auditor = Auditor()
    auditor.announces(KEY)
    auditor.announces()
    assert auditor.announces(RULE) == ["fired sns", "fired slack:default"]


def test_a_route_can_match_its_facts() -> None:
    route = Route(
        {"account": "configuration", "provider": "balance-watch", "metric": "configuration"},
        ("slack:oncall",),
    )
    assert Auditor(Policy(routes=(route,))).announces(KEY) == ["fired slack:oncall"]


def test_reminders_can_be_turned_off() -> None:
    auditor = Auditor(Policy(defaults=replace(Defaults(), reminder=None)))
    auditor.announces(KEY)
    assert auditor.announces(KEY, after=99 * DAY) == []


def test_a_decision_taken_twice_has_the_same_id() -> None:
    assert Auditor().check(KEY) == Auditor().check(KEY)


def test_a_fault_that_an_earlier_release_announced_in_other_words_is_not_new() -> None:
    auditor = Auditor()
    auditor.announces(KEY, RULE)
    auditor.state = replace(auditor.state, wording=FAULT_WORDING - 1)
    where, what = RULE.split(": ")
    reworded = (KEY.replace("has no", "lacks"), f"{where}, below: is missing, though it {what}")
    assert auditor.announces(*reworded) == []
    assert auditor.announces(*reworded) == []
    assert auditor.announces(*reworded, "secret x: is not JSON")[0] == "worsened sns"


def test_after_a_rewording_one_more_fault_at_the_same_place_is_new() -> None:
    auditor = Auditor()
    auditor.announces(KEY)
    auditor.state = replace(auditor.state, wording=FAULT_WORDING - 1)
    place = KEY.partition(": ")[0]
    assert auditor.announces(f"{place}: one", f"{place}: two")[0] == "worsened sns"
