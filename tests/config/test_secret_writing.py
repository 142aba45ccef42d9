"""A secret is written so that what others write meanwhile stays, in the emulator of AWS."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from balance_watch.config.secret_writing import MAX_BYTES, PENDING, update_secret
from balance_watch.errors import CommandError
from balance_watch.wiring import Client
from local.aws import EmbeddedAws

NAME = "balance-watch/accounts"


@pytest.fixture(scope="module")
def server() -> Iterator[Client]:
    with EmbeddedAws() as aws:
        yield aws.client("secretsmanager")


@pytest.fixture
def client(server: Client) -> Iterator[Client]:
    yield server
    server.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)


def text_of(client: Client) -> str:
    return str(client.get_secret_value(SecretId=NAME)["SecretString"])


def adding(word: str, meanwhile: Callable[[], None] = lambda: None) -> Callable[[str | None], str]:
    """Returns a change that adds a word, after something has happened."""

    def change(text: str | None) -> str:
        meanwhile()
        return f"{text or ''}{word} "

    return change


def once(action: Callable[[], None]) -> Callable[[], None]:
    """Returns a function that does something the first time alone."""
    actions = [action]
    return lambda: actions.pop()() if actions else None


def test_a_secret_that_does_not_exist_is_made(client: Client) -> None:
    update_secret(client, NAME, adding("one"))
    assert text_of(client) == "one "


def test_a_secret_is_changed(client: Client) -> None:
    update_secret(client, NAME, adding("one"))
    update_secret(client, NAME, adding("two"))
    assert text_of(client) == "one two "


def test_what_another_one_writes_between_the_read_and_the_write_stays(client: Client) -> None:
    update_secret(client, NAME, adding("one"))
    theirs = once(lambda: update_secret(client, NAME, adding("theirs")))
    update_secret(client, NAME, adding("ours", theirs))
    assert text_of(client) == "one theirs ours "


def test_two_writers_that_read_the_same_version_both_stay(client: Client) -> None:
    update_secret(client, NAME, adding("one"))

    def second() -> None:
        update_secret(client, NAME, adding("second", once(third)))

    def third() -> None:
        update_secret(client, NAME, adding("third"))

    update_secret(client, NAME, adding("first", once(second)))
    assert text_of(client) == "one third second first "


def test_a_secret_that_another_one_makes_meanwhile_is_changed(client: Client) -> None:
    theirs = once(lambda: update_secret(client, NAME, adding("theirs")))
    update_secret(client, NAME, adding("ours", theirs))
    assert text_of(client) == "theirs ours "


def test_whoever_never_gets_a_turn_says_so(client: Client) -> None:
    update_secret(client, NAME, adding("one"))

    def always() -> None:
        client.put_secret_value(SecretId=NAME, SecretString="other")

    pauses = list[float]()
    with pytest.raises(CommandError, match="all the time"):
        update_secret(client, NAME, adding("ours", always), pauses.append)
    assert text_of(client) == "other"
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_a_change_that_changes_nothing_writes_nothing(client: Client) -> None:
    update_secret(client, NAME, adding("one"))
    before = versions_of(client)
    update_secret(client, NAME, lambda text: text or "")
    assert versions_of(client) == before


def versions_of(client: Client) -> dict[str, list[str]]:
    """Returns the labels of each version."""
    found: dict[str, list[str]] = client.describe_secret(SecretId=NAME)["VersionIdsToStages"]
    return found


def test_no_label_stays_behind_and_the_version_before_can_be_restored(client: Client) -> None:
    for word in ("one", "two", "three"):
        update_secret(client, NAME, adding(word))
    assert sorted(it for labels in versions_of(client).values() for it in labels) == [
        "AWSCURRENT",
        "AWSPREVIOUS",
    ]
    before = client.get_secret_value(SecretId=NAME, VersionStage="AWSPREVIOUS")["SecretString"]
    assert (before, text_of(client)) == ("one two ", "one two three ")


def test_a_secret_without_a_value_gets_one(client: Client) -> None:
    client.create_secret(Name=NAME)
    update_secret(client, NAME, adding("one"))
    assert text_of(client) == "one "


class Denied:
    """A client whose user may not do one operation."""

    def __init__(self, client: Client, operation: str) -> None:
        self._client, self._operation = client, operation

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 (any operation of boto3)
        if operation != self._operation:
            return getattr(self._client, operation)
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, operation)


@pytest.mark.parametrize("operation", ["put_secret_value", "update_secret_version_stage"])
def test_whoever_lacks_a_right_changes_nothing_and_the_next_one_writes(
    client: Client, operation: str
) -> None:
    update_secret(client, NAME, adding("one"))
    denied: Any = Denied(client, operation)
    with pytest.raises(ClientError, match=operation):
        update_secret(denied, NAME, adding("theirs"))
    assert text_of(client) == "one "
    update_secret(client, NAME, adding("two"))
    assert text_of(client) == "one two "
    assert PENDING not in str(versions_of(client))


def test_a_text_beyond_the_limit_is_not_written(client: Client) -> None:
    with pytest.raises(CommandError, match="larger than 65,536 bytes"):
        update_secret(client, NAME, lambda _: "x" * (MAX_BYTES + 1))
    update_secret(client, NAME, lambda _: "x" * MAX_BYTES)
    assert len(text_of(client)) == MAX_BYTES


def test_a_secret_that_is_scheduled_for_deletion_says_how_to_restore_it(client: Client) -> None:
    update_secret(client, NAME, adding("one"))
    client.delete_secret(SecretId=NAME)
    with pytest.raises(CommandError, match="restore-secret --secret-id balance-watch/accounts"):
        update_secret(client, NAME, adding("two"))


def test_a_binary_secret_is_left_alone(client: Client) -> None:
    client.create_secret(Name=NAME, SecretBinary=b"x")
    with pytest.raises(CommandError, match="is binary"):
        update_secret(client, NAME, adding("two"))
