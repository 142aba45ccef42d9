"""Where routed alerts go: a channel that is missing or dead is replaced by the default ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.channels import AvailableChannels, kind_of
from balance_watch.domain.policy import Policy, Route, destinations
from tests.support.watchman import BOTH_WEBHOOKS

NAMES = ["sns", "slack:default", "slack:oncall", "slack:team", "pager:night", "pager:default"]
DEFAULTS = ("sns", "slack:default", "pager:default")
routed = st.lists(st.sampled_from(NAMES), max_size=4, unique=True).map(tuple)
available = st.builds(
    AvailableChannels,
    st.frozensets(st.sampled_from(NAMES)),
    st.frozensets(st.sampled_from(["slack", "pager"])),
    st.just(DEFAULTS),
)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (("sns", "slack:oncall"), ("sns", "slack:oncall")),
        (("slack:onkall",), ("sns", "slack:default")),
        (("sns", "slack:onkall"), ("sns", "slack:default")),
        (("slack:oncall", "slack:onkall"), ("slack:oncall", "sns", "slack:default")),
        (("slack:default", "slack:onkall"), ("slack:default", "sns")),
    ],
)
def test_the_default_channels_also_get_what_is_routed_to_a_channel_that_is_missing(
    channels: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    policy = Policy(routes=(Route({}, channels),))
    assert policy.channels_for({"severity": "critical"}, BOTH_WEBHOOKS) == expected


def test_a_channel_of_a_kind_that_cannot_be_read_is_not_missing() -> None:
    unread = AvailableChannels({"sns"}, {"slack"}, ("sns", "slack:default"))
    assert destinations(("slack:onkall", "sns"), unread) == ("slack:onkall", "sns")


@given(routed, available)
def test_every_channel_gets_one_copy(
    channels: tuple[str, ...], available: AvailableChannels
) -> None:
    names = destinations(channels, available)
    assert names
    assert len(set(names)) == len(names)


@given(routed, available)
def test_every_available_channel_of_a_route_gets_its_alerts(
    channels: tuple[str, ...], available: AvailableChannels
) -> None:
    assert set(available.among(channels)) <= set(destinations(channels, available))


@given(routed, available)
def test_the_default_channels_get_a_copy_exactly_if_a_channel_is_missing(
    channels: tuple[str, ...], available: AvailableChannels
) -> None:
    names = destinations(channels, available)
    missing = [
        channel
        for channel in channels
        if channel not in available.names and kind_of(channel) not in available.unread_kinds
    ]
    if channels and not missing:
        assert names == channels
    else:
        assert set(available.among(DEFAULTS)) <= set(names)
