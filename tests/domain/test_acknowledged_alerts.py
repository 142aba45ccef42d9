"""An acknowledged alert: which episode it covers, and what later notifications say."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.acknowledgement import (
    Acknowledgement,
    covering,
    with_acknowledgement,
)
from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.outages import decide_outages
from balance_watch.domain.policy import Defaults
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.silences import Silence, suppression
from balance_watch.domain.state import AccountState
from tests.support.notifications import NOW, START, low

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRES = Alert("low balance", Severity.WARNING, START, notified=Severity.WARNING, notified_at=START)
SEEN = Acknowledgement("sms", Metric.BALANCE, START, NOW, "ann", NOW)
KNOWN = {("sms", Metric.BALANCE): SEEN}


def test_it_covers_the_episode_that_was_acknowledged_and_no_other() -> None:
    assert SEEN.covers(FIRES)
    assert not SEEN.covers(replace(FIRES, since=START + HOUR))
    assert not SEEN.covers(replace(FIRES, firing=False))


@given(st.timedeltas(timedelta(days=-30), timedelta(days=30)))
def test_it_covers_an_alert_until_it_is_told_as_worse(after: timedelta) -> None:
    worse = replace(FIRES, worsened_at=NOW + after)
    assert SEEN.covers(worse) is (after <= timedelta())


def test_it_is_of_one_account_and_one_metric() -> None:
    assert covering(KNOWN, "sms", Metric.BALANCE, FIRES) is SEEN
    assert covering(KNOWN, "sms", Metric.RUNWAY, FIRES) is None
    assert covering(KNOWN, "*", Metric.BALANCE, FIRES) is None
    assert covering(KNOWN, "sms", Metric.BALANCE, None) is None


def test_a_later_notification_says_who_acknowledged_it() -> None:
    said = with_acknowledgement(low(reason="resolved", detail="It is over."), KNOWN, FIRES)
    assert said.detail == "It is over.\nAcknowledged by ann, 22 Nov 2026 10:05 UTC."
    anew = replace(FIRES, since=NOW)
    assert with_acknowledgement(low(detail=""), KNOWN, anew).detail == ""


OUTAGE = "you at api.you.com"


def outage(context: AlertContext, at: timedelta = 3 * DAY) -> list[str]:
    """Returns what is announced of an outage that goes on."""
    fails = Alert("unreadable", Severity.CRITICAL, START)
    lasting = replace(fails, rule="outage", notified=Severity.CRITICAL, notified_at=NOW)
    account = Account("a", "you")
    _, entries = decide_outages(
        {OUTAGE: lasting},
        {OUTAGE: (account,)},
        {"a": AccountState("a", alerts={Metric.UNREADABLE: fails})},
        context=context,
        now=NOW + at,
    )
    return [entry.notification.reason.value for entry in entries]


def test_an_acknowledged_outage_is_not_reminded_of() -> None:
    context = AlertContext(Defaults(reminder=DAY), lambda _: ("sns",))
    assert outage(context) == ["reminder"]
    seen = replace(SEEN, account=OUTAGE, metric=Metric.OUTAGE)
    known = {(OUTAGE, Metric.OUTAGE): seen}
    assert outage(replace(context, acknowledgements=known)) == []


def test_an_outage_is_silenced_by_its_exact_name() -> None:
    match = {"account": OUTAGE, "metric": "outage"}
    silence = Silence("s", match, NOW + 7 * DAY, "pressed", NOW, exact=True)
    context = AlertContext(Defaults(reminder=DAY), lambda _: ("sns",))
    muted = suppression([silence], (), NOW + 3 * DAY)
    assert outage(replace(context, is_suppressed=muted)) == []
    other = replace(silence, match={**match, "account": "*"})
    heard = suppression([other], (), NOW + 3 * DAY)
    assert outage(replace(context, is_suppressed=heard)) == ["reminder"]
