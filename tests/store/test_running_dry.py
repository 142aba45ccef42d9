"""What the table keeps of the rules on running dry: only where it is there, under short names."""

from datetime import UTC, datetime
from decimal import Decimal

from msgspec.structs import replace

from balance_watch.domain.rules import Metric
from balance_watch.domain.state import RuleState
from balance_watch.store.readings import reading_from_item, reading_to_item, reading_to_map
from balance_watch.store.sizes import WRITE_UNIT, size_of
from balance_watch.store.states import state_from_item, state_to_item
from tests.support.examples import TICK, full_trend, quiet_state, reading, state

END = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
OWES = replace(reading(), credit_limit=Decimal("100.5"), expires_at=END)


def test_a_credit_limit_and_an_expiry_are_kept_with_the_reading() -> None:
    item = reading_to_item("a", OWES, 400)
    assert (item["credit"], item["expires"]) == (Decimal("100.5"), "2026-12-31T23:59:59Z")
    assert reading_from_item(item) == OWES


def test_where_the_provider_tells_neither_a_reading_is_as_it_always_was() -> None:
    assert reading_to_map(reading()) == {"bal": Decimal("71.5"), "cur": "USD"}


def test_a_rule_remembers_that_its_critical_tier_holds_and_nothing_else() -> None:
    dry = RuleState(Metric.RUNWAY, TICK, 3, firing=True)
    grave = replace(dry, grave=True)
    written = replace(state(), rules={"runs_dry": grave, "another": dry})
    item = state_to_item(written)
    assert item["rules"]["runs_dry"]["grave"] is True
    assert "grave" not in item["rules"]["another"]
    assert state_from_item(item) == written


def test_a_rule_of_an_earlier_release_holds_no_critical_tier() -> None:
    rule = RuleState(Metric.RUNWAY, TICK, 1, firing=True)
    item = state_to_item(replace(state(), rules={"r": rule}))
    assert state_from_item(item).rules["r"].grave is False


def test_a_quiet_account_with_both_is_written_with_one_unit() -> None:
    quiet = quiet_state("n" * 100)
    assert quiet.reading is not None
    assert (quiet.reading.credit_limit, quiet.reading.expires_at) != (None, None)
    item = state_to_item(replace(quiet, trend=full_trend(TICK)))
    assert size_of(item) <= WRITE_UNIT
    assert len(item["trail"].split()) == len(full_trend(TICK)), "no sample is left out for it"
