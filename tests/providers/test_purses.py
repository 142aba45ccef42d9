"""What tells one purse from another: provider, host, key and variables, and nothing of a key."""

import pytest
from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.providers.purse import purse_of
from balance_watch.providers.registry import catalogue_provider
from tests.support.canaries import key

SPEC = catalogue_provider("vonage")
assert SPEC is not None
SMS = Account("sms", "vonage", {"api_key": key("a"), "api_secret": key("b")}, labels={"team": "x"})


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": "other"},
        {"credentials": {"api_key": key("a"), "api_secret": key("c")}},
        {"base_url": "https://gateway.example.com"},
        {"variables": {"trx": "1"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_provider_key_host_or_variable_is_another_purse(changes: dict[str, object]) -> None:
    assert SPEC is not None
    assert purse_of(SPEC, replace(SMS, **changes)) != purse_of(SPEC, SMS)


def test_another_name_threshold_or_label_is_the_same_purse() -> None:
    assert SPEC is not None
    renamed = replace(SMS, name="texts", labels={}, alert_below=None)
    assert purse_of(SPEC, renamed) == purse_of(SPEC, SMS)


def test_a_purse_says_too_little_to_find_out_its_key() -> None:
    assert SPEC is not None
    assert len(purse_of(SPEC, SMS)) == 3
