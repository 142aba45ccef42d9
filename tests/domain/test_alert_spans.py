"""Alerts, each from its firing to its end, with the gravest that was told and all who heard."""

from datetime import timedelta

from msgspec.structs import replace

from balance_watch.domain.alert_spans import alert_spans, length_of, merged
from balance_watch.domain.event import Event
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.notification import Reason
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.state import AccountState
from tests.support.examples import TICK, low_balance

HOUR = timedelta(hours=1)
NOBODY = AccountState("search-prod")
UNTIL = TICK + 24 * HOUR
FIRED = replace(low_balance(), severity=Severity.WARNING)
WORSE = replace(
    FIRED, reason=Reason.WORSENED, severity=Severity.CRITICAL, said_at=TICK + HOUR, rule="graver"
)
ENDED = replace(FIRED, reason=Reason.RESOLVED, said_at=TICK + 3 * HOUR, ended_at=TICK + 2 * HOUR)


def test_an_alert_lasts_from_its_firing_to_its_end() -> None:
    events = [Event(FIRED, ("sns",)), Event(WORSE, ("slack:oncall", "sns")), Event(ENDED)]
    (span,) = alert_spans("search-prod", events, NOBODY, UNTIL)
    assert (span.since, span.until) == (TICK, TICK + 2 * HOUR)
    assert span.severity is Severity.CRITICAL
    assert span.channels == ("sns", "slack:oncall")


def test_an_alert_that_ends_and_fires_again_is_two() -> None:
    again = replace(FIRED, since=TICK + 5 * HOUR, said_at=TICK + 5 * HOUR)
    spans = alert_spans("search-prod", [Event(FIRED), Event(ENDED), Event(again)], NOBODY, UNTIL)
    assert [(it.since, it.until) for it in spans] == [
        (TICK, TICK + 2 * HOUR),
        (TICK + 5 * HOUR, None),
    ]


def test_an_alert_that_fires_since_before_all_events_is_known_by_the_state() -> None:
    alert = Alert("alert_below", Severity.CRITICAL, TICK, channels=("sns",))
    state = replace(NOBODY, alerts={Metric.BALANCE: alert})
    (span,) = alert_spans("search-prod", [], state, UNTIL)
    assert (span.since, span.until, span.channels) == (TICK, None, ("sns",))


def test_times_that_overlap_count_once() -> None:
    spans = [(TICK, TICK + 2 * HOUR), (TICK + HOUR, TICK + 3 * HOUR), (TICK + 5 * HOUR, UNTIL)]
    assert length_of(merged(spans)) == 22 * HOUR
