"""Faults, the last valid policy and dead channels that an earlier release stored still count."""

from collections.abc import Iterable

from tests.upgrade.accounts import JsonObject
from tests.upgrade.stack import ARCHIVED, DEFAULT, ONCALL, TOPIC, Announcement, pending_in
from tests.upgrade.upgrade import Upgrade


def places(faults: Iterable[str]) -> list[str]:
    return [fault.partition(": ")[0] for fault in faults]


def announced_at(configuration: JsonObject) -> dict[str, str]:
    return {fault.partition(": ")[0]: at for fault, at in configuration["told"]}


def test_a_known_fault_of_the_configuration_is_not_new(upgrade: Upgrade) -> None:
    """The topic was notified of the policy's fault at 10:05; the webhooks are notified now."""
    before = upgrade.item_before("RUN", "RUN")["configuration"]
    after = upgrade.next.item("RUN", "RUN")["configuration"]
    assert len(after["faults"]) == 3
    # A later release may word a fault differently, so the test knows a fault by its place.
    assert after["alert"] == before["alert"]
    assert places(after["faults"]) == places(before["faults"])
    assert announced_at(after) == announced_at(before)
    pending = {
        channel
        for channel, notification in pending_in(upgrade.items)
        if notification["account"] == "configuration"
    }
    assert pending == {DEFAULT, ONCALL}
    assert upgrade.next.channels_notified_of("configuration") == dict.fromkeys(pending, 1)


def test_the_last_valid_policy_applies_while_the_parameter_is_invalid(upgrade: Upgrade) -> None:
    assert upgrade.next.announced[Announcement("pending", "two checks low", "fired")] == 1
    assert upgrade.next.state("spends")["alerts"].keys() == {"runway", "spend_rate"}


def test_the_end_of_all_faults_goes_to_every_notified_channel(upgrade: Upgrade) -> None:
    assert upgrade.soon.announced[Announcement("configuration", "configuration", "resolved")] == 1
    assert upgrade.soon.channels_notified_of("configuration") == {TOPIC: 1, DEFAULT: 1, ONCALL: 1}


def test_a_dead_webhook_is_not_tried_that_day(upgrade: Upgrade) -> None:
    """Other channels get what is routed to it. With a new address it is used again."""
    assert upgrade.next.channels_notified_of("pending") == {TOPIC: 1, DEFAULT: 1}
    before = upgrade.item_before("RUN", "RUN")["gone"]
    assert before.keys() == {ARCHIVED}
    after = upgrade.next.item("RUN", "RUN")["rejecting"]
    assert after[ARCHIVED]["digest"] == before[ARCHIVED]["digest"]
    assert upgrade.soon.item("RUN", "RUN")["rejecting"] == {}
