"""Compares what a simulation announced, stored and paid with what it should have."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

from balance_watch.domain.state import AccountState
from tests.support.crash_points import CrashPoint
from tests.support.simulation import (
    COSTS,
    DEFAULT,
    NEXT,
    ONCALL,
    PAYS,
    TICK,
    TOPIC,
    WATCHED,
    Expected,
    Simulation,
)

EVERYWHERE, ORDINARY = (TOPIC, DEFAULT, ONCALL), (TOPIC, DEFAULT)

_ANNOUNCED: dict[tuple[str, str], tuple[str, ...]] = {
    ("resolves", "fired"): (TOPIC,),
    ("lasts", "fired"): (TOPIC,),
    ("worsens", "fired"): (TOPIC,),
    ("fires", "fired"): EVERYWHERE,
    ("worsens", "worsened"): EVERYWHERE,
    ("resolves", "resolved"): EVERYWHERE,
    ("resolves", "topped_up"): ORDINARY,
    ("lasts", "reminder"): EVERYWHERE,
    ("rejected", "fired"): EVERYWHERE,
    ("configuration", "fired"): EVERYWHERE,
    (PAYS, "fired"): ORDINARY,
    ("digest", "digest"): ORDINARY,
}
"""The channels that must be notified, by account and reason. `_about_the_payment` adds the rest.

Slack gets no "fired" of the day before: what is said at `TICK` stands for it.
"""

EXPECTED = Expected(
    _ANNOUNCED, EVERYWHERE, WATCHED, frozenset({"rejected"}), with_costs=frozenset({COSTS})
)

Announcement = tuple[str, str, str]
"""A channel, an account and a reason."""

_CONSISTENT_PAYMENTS = (("paid", 1), ("unknown", 1), ("unknown", 0))
"""The outcomes that may be stored, each with the number of payments that the provider received."""


@dataclass(frozen=True)
class Audit:
    """The differences between what happened in a simulation and what should have happened."""

    lost: Counter[Announcement]
    doubled: Counter[Announcement]
    may_be_doubled: Counter[Announcement]
    """Entries that a channel had accepted, and that were still pending when the process crashed."""
    ids_differ: bool
    pending: int
    readings_lost: set[str]
    costs_lost: set[str]
    unlisted: set[str]
    """The accounts that the inventory lacks."""
    payments: int
    payment: str
    others: list[str]
    """What else is wrong, in a kind of simulation of its own."""

    @property
    def is_correct(self) -> bool:
        """Whether every promise was kept."""
        return not (
            self.lost
            or self.doubled - self.may_be_doubled
            or self.ids_differ
            or self.pending
            or self.readings_lost
            or self.costs_lost
            or self.unlisted
            or self.others
            or (self.payment, self.payments) not in _CONSISTENT_PAYMENTS
        )


def crash_and_recover(simulation: Simulation, point: CrashPoint, *, same_tick_again: bool) -> Audit:
    """Crashes a process at this point, runs the next ones, and audits the simulation."""
    before = simulation.states()
    simulation.run_until(point)
    accepted, pending, states = simulation.accepted(), simulation.pending(), simulation.states()
    if same_tick_again:
        assert simulation.run(TICK).complete
    assert simulation.run(NEXT).complete
    assert simulation.run(NEXT + timedelta(minutes=5)).complete
    unmarked = set(accepted) & pending
    audit = audit_of(simulation, unmarked, states, same_tick_again=same_tick_again)
    earlier = {name for name, it in before.items() if not _is_kept(simulation, it)}
    return replace(audit, readings_lost=audit.readings_lost | earlier)


def _is_kept(simulation: Simulation, before: AccountState) -> bool:
    """Tells whether the readings of an earlier state are in the history, each once."""
    times = [it.observed_at for it in before.readings]
    if not times:
        return True
    history = simulation.store.accounts.history(before.account, times[0], times[-1])
    return [it.observed_at for it in history] == times


def audit_of(
    simulation: Simulation,
    unmarked: set[tuple[str, str]],
    states: dict[str, AccountState],
    *,
    same_tick_again: bool,
) -> Audit:
    """Audits a simulation after its last run.

    Args:
        simulation: the simulation; its last runs were complete.
        unmarked: channel and alert id of entries that were accepted, but still pending at a crash.
        states: the states at the crash.
        same_tick_again: whether `TICK` ran again after the crash.
    """
    accepted = Counter(
        {
            (channel, alert_id): times
            for (channel, alert_id), times in simulation.accepted().items()
            if simulation.alerts[alert_id][0] not in simulation.expected.left_aside
        }
    )
    announced: Counter[Announcement] = Counter()
    for (channel, alert_id), times in accepted.items():
        announced[channel, *simulation.alerts[alert_id]] += times
    payment = simulation.payment
    outcome = payment.outcome.value if payment else "none"
    expected = Counter(
        (channel, *alert)
        for alert, channels in simulation.expected.announced.items()
        for channel in channels
    ) + _about_the_payment(outcome, simulation.expected)
    finished = (
        set(simulation.expected.watched)
        if same_tick_again
        else {name for name, state in states.items() if state.checked_at == TICK}
    )
    return Audit(
        lost=expected - announced,
        doubled=announced - expected,
        may_be_doubled=Counter(
            (channel, *simulation.alerts[alert_id]) for channel, alert_id in unmarked
        ),
        ids_differ=len(accepted) != sum(expected.values()),
        pending=len(simulation.pending()),
        readings_lost=finished - simulation.expected.unreadable - simulation.readings_of(TICK),
        costs_lost=set(simulation.expected.with_costs) - simulation.with_costs(),
        unlisted=set(simulation.expected.watched) - simulation.listed(),
        payments=simulation.payments,
        payment=outcome,
        others=simulation.broken_promises(),
    )


def _about_the_payment(outcome: str, expected: Expected) -> Counter[Announcement]:
    """Returns what must be announced: that the payment was made, or that its outcome is unknown."""
    if outcome == "paid":
        return Counter((channel, PAYS, "topped_up") for channel in ORDINARY)
    return Counter((channel, PAYS, "fired") for channel in expected.about_payments)
