"""A webhook that gets another name still hears the end of what its old name was told."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from balance_watch.config.loading import Configuration
from balance_watch.domain.run import RunRecord
from balance_watch.notifiers.channels import KINDS, ConfiguredChannel
from balance_watch.usecases.channel_names import known_channels, renamed_channels
from local.slack_inbox import SlackInbox
from tests.support.canaries import webhook
from tests.support.check_bench import FINE, LOW, Bench
from tests.support.examples import NEXT

FIRST, SECOND = webhook("first"), webhook("second")


def configured(**webhooks: str) -> Configuration:
    """Returns a configuration with these webhooks by name."""
    channels = {
        f"slack:{name}": ConfiguredChannel(f"slack:{name}", KINDS["slack"], url)
        for name, url in webhooks.items()
    }
    return Configuration(channels=channels)


def after(configuration: Configuration, record: RunRecord | None = None) -> RunRecord:
    """Returns the record of a run with this configuration."""
    record = record or RunRecord()
    return replace(record, channels=known_channels(record, configuration))


def test_a_channel_is_known_by_its_address() -> None:
    record = after(configured(oncall=FIRST, default=SECOND))
    renamed = renamed_channels(record, configured(pager=FIRST, default=SECOND))
    assert renamed == {"slack:oncall": "slack:pager"}


def test_a_name_that_is_renamed_twice_leads_to_the_latest() -> None:
    record = after(configured(b=FIRST), after(configured(a=FIRST)))
    assert renamed_channels(record, configured(c=FIRST)) == {
        "slack:a": "slack:c",
        "slack:b": "slack:c",
    }


def test_a_name_that_another_address_has_taken_is_no_former_name() -> None:
    record = after(configured(oncall=FIRST))
    assert renamed_channels(record, configured(oncall=SECOND, pager=FIRST)) == {}


def test_a_channel_that_was_removed_is_forgotten() -> None:
    record = after(configured(default=SECOND), after(configured(oncall=FIRST, default=SECOND)))
    assert record.channels.keys() == {"slack:default"}


def test_the_names_of_an_unread_kind_are_kept() -> None:
    unread = Configuration(unread_kinds=frozenset({"slack"}))
    record = after(unread, after(configured(oncall=FIRST)))
    assert renamed_channels(record, configured(pager=FIRST)) == {"slack:oncall": "slack:pager"}


@pytest.fixture
def slack() -> Iterator[SlackInbox]:
    with SlackInbox() as slack:
        yield slack


def route_to(bench: Bench, channel: str) -> None:
    text = f'[[routes]]\nmatch = {{account = "a"}}\nchannels = ["{channel}"]\n'
    bench.aws.put_policy(text)


def test_the_end_of_an_alert_goes_to_the_renamed_webhook_and_to_no_other(
    bench: Bench, slack: SlackInbox
) -> None:
    default, oncall = slack.webhook("default"), slack.webhook("oncall")
    bench.deliver_to(slack.authority)
    bench.watch("a")
    bench.reads.balances["a"] = LOW
    bench.put_secret("slack", {"webhooks": {"default": default, "oncall": oncall}})
    route_to(bench, "slack:oncall")
    bench.run()
    bench.put_secret("slack", {"webhooks": {"default": default, "pager": oncall}})
    route_to(bench, "slack:pager")
    bench.reads.balances["a"] = FINE
    bench.run(NEXT)
    told = {name: len(messages) for name, messages in slack.messages.items()}
    assert told == {"default": 0, "oncall": 2}
