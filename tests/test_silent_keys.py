"""Keys and webhooks come out nowhere, not even on a day on which everything goes wrong at once.

The day is run once, at the start, with a canary in every credential and address; each test then
searches what came out at one place. tests/conftest.py also searches all that any other test logs
and reports; tests/test_key_search.py tests that.
"""

import json
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import quote

import pytest

from balance_watch.config.settings import CheckSettings
from balance_watch.domain.account import Account
from balance_watch.domain.reading import Reading
from balance_watch.errors import SettingsError
from balance_watch.providers.parser import parse_reply
from balance_watch.providers.registry import catalogue_provider
from balance_watch.transport import Reply
from local import loopback
from tests.support.canaries import key
from tests.support.echo_servers import FINE
from tests.support.faulty_day import MISPLACED_IN_A_POLICY, POLICY, RETRIED, START, FaultyDay
from tests.support.inboxes import INBOXES
from tests.support.outputs import Outputs, Texts, leaks


def tick(number: int) -> dict[str, str]:
    return {"scheduled_time": (START + timedelta(minutes=5 * number)).isoformat()}


def commands(policy: str) -> tuple[tuple[str, ...], ...]:
    """Returns the command lines of the day."""
    return (
        ("check",),
        ("status",),
        ("status", "--json"),
        ("history", "explains"),
        ("history", "explains", "--json"),
        ("history", "explains-at-length"),
        ("history", "nobody"),
        ("providers",),
        ("providers", "--json"),
        ("policy", "check", policy),
        ("policy", "put", policy, "--yes"),
        ("silence", "add", "--match", "account=low", "--for", "4h", "--reason", "maintenance"),
        ("silence", "list"),
        ("silence", "list", "--json"),
        ("top-up", "not-allowed", "--yes"),
        ("top-up", "rejected", "--yes"),
    )


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outputs]:
    file = tmp_path_factory.mktemp("policy") / "policy.toml"
    file.write_text(MISPLACED_IN_A_POLICY)
    with ExitStack() as stack:
        day = FaultyDay(stack)
        day.aws.put_policy(POLICY)
        day.put_accounts()
        day.put_webhooks()
        day.invoke("a run that fires", tick(1))
        day.collect_reprs()

        day.put_accounts(*RETRIED)
        day.providers.replies["low"] = ("you", loopback.Reply(200, FINE))
        day.environment(HEARTBEAT_URL=f"http://{day.closed}/{key('heartbeat')}")
        day.invoke("a run that resolves", tick(2))

        day.misplace_secrets()
        day.invoke("a run with faults", tick(3))
        day.put_webhooks()
        day.invoke("a run that announces faults", tick(4))
        day.invoke("no time", {"scheduled_time": key("event")})
        for words in commands(str(file)):
            day.run(*words)
        day.collect_items_and_messages()

        day.environment(TABLE_NAME="nowhere")
        day.invoke("no table", tick(5))
        day.run("status")
        yield day.outputs


def test_no_key_is_in_the_log_at_debug_level(outputs: Outputs) -> None:
    assert leaks(outputs.log) == []


def test_no_key_is_in_an_item(outputs: Outputs) -> None:
    assert leaks(outputs.items) == []


def test_no_key_is_in_a_message_of_the_topic_or_its_attributes(outputs: Outputs) -> None:
    assert leaks(outputs.topic) == []


def test_no_key_is_in_a_message_to_slack(outputs: Outputs) -> None:
    assert leaks(outputs.slack) == []


def test_no_key_is_in_a_message_to_another_service(outputs: Outputs) -> None:
    assert outputs.others.keys() == INBOXES.keys()
    assert leaks(outputs.others) == []


def test_no_key_is_on_the_functions_standard_output(outputs: Outputs) -> None:
    assert leaks(outputs.output) == []


def test_no_key_is_in_a_result_or_an_error(outputs: Outputs) -> None:
    assert leaks(outputs.results) == []


def test_no_key_is_in_the_output_of_a_command(outputs: Outputs) -> None:
    assert leaks(outputs.commands) == []


def test_no_key_is_in_a_repr(outputs: Outputs) -> None:
    assert leaks(outputs.reprs) == []


@pytest.mark.parametrize(
    ("kind", "place", "text"),
    [
        ("log", "balance_watch", "run"),
        ("log", "balance_watch.usecases.reading", "HTTP 401: the key is invalid."),
        ("log", "balance_watch.usecases.check", "account odd-0: unknown field;"),
        ("log", "balance_watch.usecases.delivery", "The connection was refused."),
        ("log", "balance_watch.usecases.delivery", "Slack answers HTTP 302"),
        ("log", "balance_watch.notifiers.heartbeat", "The connection was refused."),
        ("log", "botocore.endpoint", "BatchGetSecretValue"),
        ("log", "botocore.endpoint", "ACCOUNT#explains-at-length"),
        ("log", "botocore.hooks", "before-send.secrets-manager"),
        ("items", "ACCOUNT#explains STATE", "the key *** is *** is ***"),
        ("items", "RUN RUN", "is binary"),
        ("topic", "a request to publish", "rejected cannot be read"),
        ("topic", "a message", '"account": "low"'),
        ("slack", "default", "the configuration has"),
        ("slack", "default", "low has recovered"),
        ("slack", "default", "it is not known whether a top-up of paying was paid"),
        *(("others", kind, "low") for kind in INBOXES),
        ("output", "a run that fires", "not delivered"),
        ("results", "a run that fires", "RunIncompleteError"),
        ("results", "no time", "EventError"),
        ("results", "no table", "ResourceNotFoundException"),
        ("commands", "status", "blocked"),
        ("commands", "history explains", "the key *** is *** is ***"),
        ("commands", "policy put", "rules[0], below"),
        ("commands", "silence list", "maintenance"),
        ("commands", "top-up not-allowed --yes", "NOT KNOWN"),
        ("reprs", "Account", "explains"),
    ],
)
def test_the_outputs_contain_what_the_search_should_have_seen(
    outputs: Outputs, kind: str, place: str, text: str
) -> None:
    texts: Texts = getattr(outputs, kind)
    assert any(text in texts[name] for name in texts if name.startswith(place))


def test_no_key_is_in_the_error_about_an_invalid_environment() -> None:
    names = ("TABLE_NAME", "LOG_LEVEL", "TRUSTED_HOSTS", "HISTORY_DAYS", "HEARTBEAT_URL")
    with pytest.raises(SettingsError) as caught:
        CheckSettings.from_environment({name: key(name) for name in names})
    assert leaks(Texts(error="".join(traceback.format_exception(caught.value)))) == []


KEY = key("status")

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in lower case": lambda text: quote(text, safe="").lower(),
    "base64": lambda text: b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_no_part_of_a_key_remains_where_a_status_is_cut(encode: Callable[[str], str]) -> None:
    spec, encoded = catalogue_provider("aimlapi-v1-legacy"), encode(KEY)
    assert spec is not None
    account = Account("a", "aimlapi-v1-legacy", {"api_key": KEY})
    parts = {encoded[at : at + 8] for at in range(len(encoded) - 7)}
    for before in range(200 - len(encoded) - 8, 208):
        text = ("." * before + encoded).ljust(10_000, ".")
        body = json.dumps({"balance": 1, "statusExplanation": text}).encode()
        reading = parse_reply(spec, account, Reply(200, body), START)
        assert isinstance(reading, Reading)
        assert reading.status
        assert not any(part in reading.status for part in parts), before
