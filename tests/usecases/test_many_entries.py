"""Thousands of pending entries: sent in pages, what is urgent first, and never what is over."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Event
from time import monotonic

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.notification import Notification, Reason, SendResult
from balance_watch.domain.outbox import WHOLE, OutboxEntry, Standing, still_due
from balance_watch.domain.rules import Severity
from balance_watch.usecases.delivery import deliver
from tests.support.examples import NEXT, TICK, low_balance
from tests.support.scripted_channels import FakeOutbox, ScriptedChannel

MANY = 2 * WHOLE + 500
LIVES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["sns", "slack:default"]),
        st.sampled_from(Reason),
        st.sampled_from(Severity),
    ),
    max_size=30,
)


class StoredOutbox(FakeOutbox):
    """Holds whole entries, and counts how many of them are in memory at most."""

    def __init__(self, entries: Sequence[OutboxEntry]) -> None:
        super().__init__()
        self.stored = {str(number): entry for number, entry in enumerate(entries)}
        self.outlines = [it.outlined(key) for key, it in self.stored.items()]
        self.most = 0

    def whole(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        self.most = max(self.most, len(entries))
        return [
            it if it.outline_of is None else it.completed(self.stored[it.outline_of])
            for it in entries
        ]


class Recording:
    """A channel that accepts so many, and tells once it has many."""

    def __init__(self, most: int = MANY, then: Event | None = None) -> None:
        self.got: list[Notification] = []
        self.most, self.then = most, then or Event()

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        del deadline
        for notification in notifications:
            if len(self.got) < self.most:
                self.got.append(notification)
                if len(self.got) == MANY:
                    self.then.set()
                yield SendResult(accepted=(notification,))
            else:
                yield SendResult(rejected=(notification,), why="No time.")


def owed(number: int, severity: Severity = Severity.WARNING) -> OutboxEntry:
    at = TICK + timedelta(seconds=number)
    notification = replace(low_balance(f"a{number}", at), severity=severity, detail="It is low.")
    return OutboxEntry(notification, "sns", ("sns",))


def test_thousands_of_entries_are_sent_once_each_and_few_are_in_memory() -> None:
    outbox = StoredOutbox([owed(number) for number in range(MANY)])
    sns = Recording()
    report = deliver(
        outbox.outlines, channels={"sns": sns}, outbox=outbox, deadline=monotonic() + 60
    )
    assert (report.delivered, report.undelivered) == (MANY, 0)
    assert len({it.account for it in sns.got}) == len(sns.got) == MANY
    assert {it.detail for it in sns.got} == {"It is low."}
    assert outbox.most <= WHOLE


def test_what_is_critical_and_new_comes_before_thousands_of_others() -> None:
    entries = [owed(number) for number in range(MANY)]
    entries += [owed(MANY + number, Severity.CRITICAL) for number in range(10)]
    outbox, sns = StoredOutbox(entries), Recording(most=10)
    report = deliver(
        outbox.outlines, channels={"sns": sns}, outbox=outbox, deadline=monotonic() + 60
    )
    assert {it.severity for it in sns.got} == {Severity.CRITICAL}
    assert (report.delivered, report.undelivered) == (10, MANY)


def test_once_the_time_is_over_no_further_page_is_read() -> None:
    outbox = StoredOutbox([owed(number) for number in range(MANY)])
    report = deliver(
        outbox.outlines, channels={"sns": Recording()}, outbox=outbox, deadline=0, clock=lambda: 1.0
    )
    assert (report.delivered, report.undelivered) == (WHOLE, MANY - WHOLE)


def test_a_channel_that_hangs_keeps_no_page_of_another_back() -> None:
    done = Event()

    @ScriptedChannel
    def hanging(notifications: Sequence[Notification]) -> Iterator[SendResult]:
        assert done.wait(30)
        yield SendResult(rejected=tuple(notifications), why="No answer.", unsure=True)

    entries = [owed(number)._replace(channel="slack:default") for number in range(3)]
    entries += [owed(number) for number in range(MANY)]
    outbox, sns = StoredOutbox(entries), Recording(then=done)
    report = deliver(
        outbox.outlines,
        channels={"sns": sns, "slack:default": hanging},
        outbox=outbox,
        deadline=monotonic() + 60,
    )
    assert (report.delivered, report.undelivered) == (MANY, 3)


@settings(deadline=None)
@given(LIVES)
def test_outlines_made_whole_are_what_whole_entries_are(
    life: list[tuple[str, str, Reason, Severity]],
) -> None:
    entries = [
        OutboxEntry(
            replace(
                low_balance(account, TICK + number * (NEXT - TICK)),
                alert_id=str(number),
                reason=reason,
                severity=severity,
                detail=f"Detail {number}.",
                labels={"team": account},
            ),
            channel,
            taken_by=("events",) if number % 3 == 0 else (),
        )
        for number, (account, channel, reason, severity) in enumerate(life)
    ]
    outbox = StoredOutbox(entries)

    def due(some: Sequence[OutboxEntry]) -> tuple[list[OutboxEntry], int]:
        found = still_due(
            some,
            standing=lambda it: {"a": Standing.FIRES, "b": Standing.OVER}.get(
                it.account, Standing.END_IS_OWED
            ),
            was_rejected=lambda it: it.channel == "sns",
            now=TICK + 3 * (NEXT - TICK),
        )
        return [it._replace(covers=()) for it in outbox.whole(found.entries)], len(found.dropped)

    assert due(outbox.outlines) == due(entries)
