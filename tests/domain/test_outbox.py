"""What a channel is still owed: per account and metric, what holds, and with its time."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from balance_watch.domain.notification import Notification, Reason
from balance_watch.domain.outbox import Due, OutboxEntry, Standing, still_due
from balance_watch.domain.rules import Metric
from tests.support.examples import TICK
from tests.support.notifications import low

MINUTES = timedelta(minutes=5)
FIRED, WORSENED, REMINDER, RESOLVED = (
    Reason.FIRED,
    Reason.WORSENED,
    Reason.REMINDER,
    Reason.RESOLVED,
)


def owed(*reasons: Reason, account: str = "a", taken_by: tuple[str, ...] = ()) -> list[OutboxEntry]:
    """Entries of one account, five minutes apart."""
    notifications = [
        replace(
            low(account=account),
            alert_id=f"{account} {number}",
            reason=reason,
            said_at=TICK + number * MINUTES,
        )
        for number, reason in enumerate(reasons)
    ]
    return [OutboxEntry(it, "slack:default", ("slack:default",), taken_by) for it in notifications]


def sent(entries: Sequence[OutboxEntry], *, firing: bool) -> list[Reason]:
    return [it.notification.reason for it in due(entries, firing=firing).entries]


def due(entries: Sequence[OutboxEntry], *, firing: bool, rejected: bool = True) -> Due:
    return owing(entries, Standing.FIRES if firing else Standing.OVER, rejected=rejected)


def owing(entries: Sequence[OutboxEntry], standing: Standing, *, rejected: bool = True) -> Due:
    return still_due(
        entries,
        standing=lambda _: standing,
        was_rejected=lambda _: rejected,
        now=TICK + timedelta(days=1),
    )


def test_a_month_of_reminders_is_the_latest_one() -> None:
    assert sent(owed(FIRED, *[REMINDER] * 30), firing=True) == [REMINDER]


def test_an_alert_that_fires_again_is_the_latest_that_fired() -> None:
    assert sent(owed(FIRED, RESOLVED, FIRED), firing=True) == [FIRED]


def test_an_alert_that_began_and_ended_meanwhile_is_dropped() -> None:
    entries = owed(FIRED, WORSENED, RESOLVED)
    assert due(entries, firing=False) == Due([], entries)


def test_the_end_of_what_the_channel_was_told_is_due() -> None:
    assert sent(owed(WORSENED, REMINDER, RESOLVED), firing=False) == [RESOLVED]
    assert sent(owed(RESOLVED), firing=False) == [RESOLVED]
    assert sent(owed(RESOLVED, FIRED, RESOLVED), firing=False) == [RESOLVED]


def test_the_end_is_due_if_the_channel_may_know_of_the_beginning() -> None:
    entries = owed(FIRED, RESOLVED)
    (entry,), dropped = due(entries, firing=False, rejected=False)
    assert (entry.notification.reason, entry.covers, dropped) == (RESOLVED, (entries[0],), [])


def test_bad_news_whose_alert_no_longer_fires_is_dropped() -> None:
    assert sent(owed(FIRED, REMINDER), firing=False) == []


def test_while_the_end_is_owed_the_first_stays_and_tells_what_the_channel_knows() -> None:
    entries = owed(FIRED, REMINDER)
    assert owing(entries, Standing.END_IS_OWED) == Due([], entries[1:])
    assert owing([entries[0], *owed(FIRED, RESOLVED)[1:]], Standing.OVER).entries == []


def test_the_end_goes_to_those_who_heard_of_it_in_place_of_the_channel() -> None:
    (entry,) = due([*owed(FIRED, taken_by=("sns",)), *owed(FIRED, RESOLVED)[1:]], firing=False)[0]
    assert (entry.channel, entry.notification.reason) == ("sns", RESOLVED)
    assert {it.channel for it in entry.covers} == {"slack:default"}
    assert len(entry.covers) == 2


def test_what_is_superfluous_is_removed_with_the_latest_and_the_first_stays_until_then() -> None:
    first, *others, latest = owed(FIRED, REMINDER, REMINDER, REMINDER)
    (entry,), dropped = due([first, *others, latest], firing=True)
    assert entry.covers == (first, *others)
    assert dropped == others


def test_accounts_and_channels_are_apart() -> None:
    entries = [*owed(FIRED), *owed(FIRED, account="b")]
    entries += [it._replace(channel="sns") for it in entries]
    assert len(due(entries, firing=True).entries) == 4


def test_each_payment_is_told_and_of_rises_the_latest() -> None:
    rises = owed(*[Reason.TOPPED_UP] * 3)
    payments = [
        it._replace(notification=replace(it.notification, metric=Metric.TOP_UP)) for it in rises
    ]
    assert len(due(payments, firing=False).entries) == 3
    assert [it.notification.alert_id for it in due(rises, firing=False).entries] == ["a 2"]


def test_what_is_sent_late_tells_its_time_once() -> None:
    (entry,) = due(owed(FIRED), firing=True).entries
    assert entry.notification.detail == "Sent late: it was so on 22 Nov 2026 10:05 UTC."
    assert due([entry], firing=True).entries[0].notification == entry.notification


def test_what_is_sent_at_once_does_not() -> None:
    (entry,), _ = still_due(
        owed(FIRED), standing=lambda _: Standing.FIRES, was_rejected=lambda _: False, now=TICK
    )
    assert entry.notification.detail == low().detail


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Reason)), max_size=40))
def test_nothing_is_lost_and_nothing_is_due_twice(life: list[tuple[str, Reason]]) -> None:
    entries = [
        entry
        for account in "abc"
        for entry in owed(*(reason for name, reason in life if name == account), account=account)
    ]

    def standing(notification: Notification) -> Standing:
        return {"a": Standing.FIRES, "b": Standing.OVER}.get(
            notification.account, Standing.END_IS_OWED
        )

    found = still_due(
        entries, standing=standing, was_rejected=lambda it: it.channel == "sns", now=TICK
    )
    kept = [it for entry in found.entries for it in (*entry.covers, entry)]
    ids = {it.notification.alert_id for it in (*kept, *found.dropped)}
    waiting = [it.notification for it in entries if it.notification.alert_id not in ids]
    assert len(waiting) <= 1
    assert all(it.account == "c" for it in waiting), "only what is known of an end stays"
    times = [it.notification.said_at for it in found.entries]
    assert times == sorted(times)
    assert len(found.entries) <= 2 * len({entry.notification.account for entry in entries})
