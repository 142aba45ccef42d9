"""A rule that goes and comes back is news: the gap is for what hovers, not for what was edited."""

from datetime import timedelta
from typing import TYPE_CHECKING

from balance_watch.domain.alerts import AlertContext, ProviderTraits, decide
from balance_watch.domain.notification import Reason
from balance_watch.domain.policy import Defaults
from balance_watch.domain.state import AccountState
from tests.support.watchman import ACCOUNT, START, TICK, below, reading

if TYPE_CHECKING:
    from balance_watch.domain.rules import Rule


def test_what_a_rule_says_that_came_back_is_not_held_back_by_the_minimum_gap() -> None:
    state = AccountState(ACCOUNT.name)
    reasons: list[Reason] = []
    looks: list[tuple[Rule, ...]] = [(below("20"),), (), (below("20"),)]
    for index, rules in enumerate(looks):
        state, owed = decide(
            state,
            reading("8"),
            account=ACCOUNT,
            rules=rules,
            context=AlertContext(Defaults(minimum_gap=timedelta(hours=6)), lambda _: ("sns",)),
            traits=ProviderTraits(),
            now=START + index * TICK,
        )
        reasons += [each.notification.reason for each in owed]
    assert reasons == [Reason.FIRED, Reason.RESOLVED, Reason.FIRED]
