"""A value that holds a secret shows the fields that it names, however it is shown."""

import pytest
from rich.pretty import pretty_repr

from balance_watch.config.loading import Configuration
from balance_watch.config.secrets import ParsedSecrets
from balance_watch.config.settings import CheckSettings
from balance_watch.config.sources import Secrets
from balance_watch.domain.account import Account
from balance_watch.domain.confidential import Confidential
from balance_watch.notifiers.channels import KINDS, ConfiguredChannel
from balance_watch.transport import Request
from tests.support.canaries import CORE, key

CHANNEL = ConfiguredChannel("slack:default", KINDS["slack"], key())
ACCOUNT = Account("sms", "vonage", {"api_key": key()}, base_url=f"https://{key()}.example")
VALUES = [
    ACCOUNT,
    CHANNEL,
    Request("GET", f"https://example.com/{key()}", {"authorization": key()}, {"key": key()}),
    Secrets({"balance-watch/accounts": key()}),
    ParsedSecrets(channels={CHANNEL.name: CHANNEL}, heartbeat=key()),
    Configuration(channels={CHANNEL.name: CHANNEL}, heartbeat=key()),
    CheckSettings(table_name="t", topic_arn="a", heartbeat_url=f"https://example.com/{key()}"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda it: type(it).__name__)
def test_no_secret_is_shown(value: Confidential) -> None:
    for text in (repr(value), str(value), f"{value}", pretty_repr(value), repr([value])):
        assert CORE not in text


def test_the_fields_that_it_names_are_shown() -> None:
    assert repr(ACCOUNT) == "Account(name='sms', provider='vonage')"
    assert pretty_repr(ACCOUNT) == "Account(name='sms', provider='vonage')"
