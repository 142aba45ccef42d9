"""A rule that is removed and comes back is news: the minimum gap is not for edited rules."""

from datetime import timedelta
from typing import TYPE_CHECKING

from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.notification import Reason
from balance_watch.domain.policy import Defaults
from balance_watch.domain.state import AccountState
from tests.support.watchman import ACCOUNT, START, TICK, below, reading

if TYPE_CHECKING:
    from balance_watch.domain.rules import Rule


def test_the_minimum_gap_does_not_delay_a_rule_that_came_back() -> None:
    state = AccountState(ACCOUNT.name)
    reasons: list[Reason] = []
    rules_by_check: list[tuple[Rule, ...]] = [(below("20"),), (), (below("20"),)]
    for index, rules in enumerate(rules_by_check):
        state, entries = decide(
            state,
            reading("8"),
            account=ACCOUNT,
            rules=rules,
            context=AlertContext(Defaults(minimum_gap=timedelta(hours=6)), lambda _: ("sns",)),
            traits=ProviderTraits(),
            now=START + index * TICK,
        )
        reasons += [entry.notification.reason for entry in entries]
    assert reasons == [Reason.FIRED, Reason.RESOLVED, Reason.FIRED]
