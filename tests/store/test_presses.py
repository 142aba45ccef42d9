"""Presses and acknowledgements in the table: the first press counts, the latest notification."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from msgspec.structs import replace

from balance_watch.domain.acknowledgement import Acknowledgement
from balance_watch.domain.press import Deed, Person, Press
from balance_watch.domain.rules import Metric
from balance_watch.store.dynamodb import Store
from tests.support.examples import TICK

ALERT, OTHER = "6a3c7f0e-52a0-5a0e-9f0b-3f2a8a0f5b11", "00000000-52a0-5a0e-9f0b-3f2a8a0f5b11"
MINUTE = timedelta(minutes=1)
SEEN = Acknowledgement("sms", Metric.BALANCE, TICK, TICK, "ann", TICK + MINUTE)
CROWD = 8


def press(deed: Deed = Deed.ACKNOWLEDGE, name: str = "ann") -> Press:
    until = TICK + MINUTE if deed is Deed.SILENCE else None
    return Press(deed, Person(f"U0{name.upper()}", name), TICK, until)


def test_the_first_press_for_each_deed_of_an_alert_is_kept(store: Store) -> None:
    for deed in Deed:
        assert store.presses.claim(ALERT, press(deed))
        assert not store.presses.claim(ALERT, press(deed, "bob"))
        assert store.presses.claim(OTHER, press(deed, "bob"))
    found = store.presses.of([ALERT, ALERT, OTHER, "unknown"])
    assert found == {
        ALERT: tuple(press(deed) for deed in Deed),
        OTHER: tuple(press(deed, "bob") for deed in Deed),
    }
    assert store.presses.of([]) == {}


def test_a_press_is_done_for_its_deed_alone(store: Store) -> None:
    store.presses.claim(ALERT, press())
    store.presses.claim(ALERT, press(Deed.SILENCE))
    store.presses.mark_done(ALERT, Deed.SILENCE)
    (seen, silenced) = store.presses.of([ALERT])[ALERT]
    assert (seen.is_done, silenced.is_done) == (False, True)


@pytest.mark.parametrize("client", [pytest.param("aws", marks=pytest.mark.e2e)], indirect=True)
def test_of_a_crowd_that_presses_at_once_one_is_first(store: Store) -> None:
    """Not on moto, which checks a condition and writes in two steps."""
    barrier = Barrier(CROWD)

    def claim(number: int) -> bool:
        barrier.wait(30)
        return store.presses.claim(ALERT, press(name=f"p{number}"))

    with ThreadPoolExecutor(CROWD) as pool:
        first = list(pool.map(claim, range(CROWD)))
    assert first.count(True) == 1
    ((found,),) = store.presses.of([ALERT]).values()
    assert found.by.name == f"p{first.index(True)}"


def test_an_acknowledgement_of_a_later_notification_is_not_replaced_by_an_earlier_one(
    store: Store,
) -> None:
    later = replace(SEEN, said_at=TICK + MINUTE, by="bob")
    for made, expected in ((SEEN, SEEN), (later, later), (SEEN, later), (later, later)):
        store.acknowledgements.put(made)
        assert list(store.acknowledgements.by_alert().values()) == [expected]


def test_an_acknowledgement_that_was_replaced_meanwhile_is_not_forgotten(store: Store) -> None:
    later = replace(SEEN, said_at=TICK + MINUTE)
    other = replace(SEEN, account="*")
    for made in (later, other):
        store.acknowledgements.put(made)
    store.acknowledgements.forget([SEEN, other])
    assert store.acknowledgements.by_alert() == {("sms", Metric.BALANCE): later}
