"""An auditor of the configuration: feeds its faults to the alert on them."""

from collections.abc import Mapping
from datetime import timedelta

from balance_watch.domain.alerts import AlertContext
from balance_watch.domain.configuration_alert import (
    ConfigurationState,
    decide_configuration,
)
from balance_watch.domain.notification import Notification
from balance_watch.domain.outbox import OutboxEntry
from balance_watch.domain.policy import Policy
from balance_watch.domain.silences import Silence, suppression
from tests.support.watchman import BOTH_WEBHOOKS, START, TICK

KEY = "secret balance-watch/accounts, account sms: credentials has no api_secret"


class Auditor:
    """Feeds `decide_configuration` and keeps its state."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.now = START - TICK
        self.state = ConfigurationState()
        self.silences: list[Silence] = []

    def check(self, *faults: str, after: timedelta = TICK) -> tuple[OutboxEntry, ...]:
        """Returns the outbox entries of one run with these faults."""
        self.now += after

        def routing(facts: Mapping[str, str]) -> tuple[str, ...]:
            return self.policy.channels_for(facts, BOTH_WEBHOOKS)

        is_suppressed = suppression(self.silences, (), self.now)
        context = AlertContext(self.policy.defaults, routing, is_suppressed)
        self.state, entries = decide_configuration(
            self.state, faults, context=context, now=self.now
        )
        return entries

    def announces(self, *faults: str, after: timedelta = TICK) -> list[str]:
        """Returns what one run with these faults announces, as `reason channel`."""
        return [
            f"{entry.notification.reason} {entry.channel}"
            for entry in self.check(*faults, after=after)
        ]

    def notifies(self, *faults: str, after: timedelta = TICK) -> Notification:
        """Returns the one notification of a run with these faults."""
        (notification,) = {
            entry.notification.alert_id: entry.notification
            for entry in self.check(*faults, after=after)
        }.values()
        return notification
