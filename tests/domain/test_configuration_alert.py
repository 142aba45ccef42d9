"""A fault of a secret or policy is an alert of its own: told at once, until all is in order."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.configuration_alert import ConfigurationState, decide_configuration
from balance_watch.domain.notification import Notification
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.policy import Defaults, Policy, Route
from balance_watch.domain.silences import Silence, suppression
from tests.support.watchman import DAY, START, TICK

BOTH = frozenset({"default", "oncall"})
KEY = "secret balance-watch/accounts, account sms: credentials has no api_secret"
RULE = "policy rules[0]: needs either below or above"


class Auditor:
    """Feeds `decide_configuration`, and keeps its state."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.now = START - TICK
        self.state = ConfigurationState()
        self.silences: list[Silence] = []

    def owes(self, *faults: str, after: timedelta = TICK) -> tuple[OutboxEntry, ...]:
        """What one run with these faults owes."""
        self.now += after

        def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
            return self.policy.channels_for(facts, BOTH)

        held = suppression(self.silences, (), self.now)
        context = AlertContext(self.policy.defaults, routing, held)
        self.state, owed = decide_configuration(self.state, faults, context=context, now=self.now)
        return owed

    def sees(self, *faults: str, after: timedelta = TICK) -> list[str]:
        """The same, as `reason channel`."""
        return [f"{it.notification.reason} {it.channel}" for it in self.owes(*faults, after=after)]

    def tells(self, *faults: str, after: timedelta = TICK) -> Notification:
        """The one notification of a run with these faults."""
        (one,) = {
            it.notification.alert_id: it.notification for it in self.owes(*faults, after=after)
        }.values()
        return one


def test_a_configuration_in_order_says_nothing() -> None:
    assert Auditor().sees() == []


def test_a_fault_fires_at_once_and_is_critical() -> None:
    said = Auditor().tells(KEY)
    assert (said.reason, said.severity, said.metric) == ("fired", "critical", "configuration")
    assert (said.account, said.rule, said.value) == ("configuration", "configuration", "1")
    assert said.detail == KEY


def test_the_same_faults_are_told_once() -> None:
    auditor = Auditor()
    auditor.sees(KEY, RULE)
    assert auditor.sees(RULE, KEY) == []


def test_all_faults_are_told_together() -> None:
    said = Auditor().tells(KEY, RULE)
    assert (said.value, said.detail) == ("2", f"{KEY}\n{RULE}")


def test_a_new_fault_makes_it_worse() -> None:
    auditor = Auditor()
    auditor.sees(KEY)
    said = auditor.tells(KEY, RULE)
    assert (said.reason, said.since, said.detail) == ("worsened", START, f"{KEY}\n{RULE}")


def test_another_fault_instead_makes_it_worse_too() -> None:
    auditor = Auditor()
    auditor.sees(KEY)
    assert auditor.sees(RULE) == ["worsened sns", "worsened slack:default"]


def test_a_fault_fewer_says_nothing() -> None:
    auditor = Auditor()
    auditor.sees(KEY, RULE)
    assert auditor.sees(KEY) == []


def test_a_reminder_tells_the_faults_there_are_now() -> None:
    auditor = Auditor()
    auditor.sees(KEY, RULE)
    said = auditor.tells(KEY, after=DAY)
    assert (said.reason, said.detail, said.since) == ("reminder", KEY, START)


def test_a_new_fault_at_the_time_of_a_reminder_is_told_as_one() -> None:
    auditor = Auditor()
    auditor.sees(KEY)
    assert auditor.tells(KEY, RULE, after=DAY).reason == "worsened"


def test_it_ends_when_all_is_in_order_for_everyone_who_was_told() -> None:
    route = Route({"rule": "configuration"}, ("slack:oncall",))
    auditor = Auditor(Policy(routes=(route,)))
    assert auditor.sees(KEY) == ["fired slack:oncall"]
    auditor.policy = Policy()
    assert auditor.sees() == ["resolved slack:oncall"]
    assert auditor.sees() == []


def test_a_fault_that_comes_and_goes_is_told_once_in_a_gap() -> None:
    auditor = Auditor()
    said = [auditor.sees(*faults) for faults in ((KEY,), ()) * 10]
    assert said[:2] == [
        ["fired sns", "fired slack:default"],
        ["resolved sns", "resolved slack:default"],
    ]
    assert said[2:] == [[]] * 18
    assert auditor.sees(KEY, after=timedelta(hours=6)) == ["fired sns", "fired slack:default"]


def test_a_fault_that_outlasts_the_gap_is_told_then() -> None:
    auditor = Auditor()
    auditor.sees(KEY)
    auditor.sees()
    assert auditor.sees(KEY) == []
    assert auditor.sees(KEY, after=timedelta(hours=6)) == ["fired sns", "fired slack:default"]


def test_no_gap_holds_back_another_fault() -> None:
    auditor = Auditor()
    auditor.sees(KEY)
    auditor.sees()
    assert auditor.sees(RULE) == ["fired sns", "fired slack:default"]


def test_it_can_be_routed_by_its_facts() -> None:
    route = Route(
        {"account": "configuration", "provider": "balance-watch", "metric": "configuration"},
        ("slack:oncall",),
    )
    assert Auditor(Policy(routes=(route,))).sees(KEY) == ["fired slack:oncall"]


def test_reminders_can_be_left_out() -> None:
    auditor = Auditor(Policy(defaults=replace(Defaults(), reminder=None)))
    auditor.sees(KEY)
    assert auditor.sees(KEY, after=99 * DAY) == []


def test_a_decision_taken_twice_has_the_same_id() -> None:
    assert Auditor().owes(KEY) == Auditor().owes(KEY)
