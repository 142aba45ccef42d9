"""A secret is written so that what others write meanwhile stays, without a conditional write."""

from collections.abc import Callable, Iterator

import pytest

from balance_watch.config.secret_writing import MAX_BYTES, update_secret
from balance_watch.errors import CommandError
from balance_watch.wiring import Client
from local.aws import EmbeddedAws

NAME = "balance-watch/accounts"


@pytest.fixture
def client() -> Iterator[Client]:
    with EmbeddedAws() as aws:
        yield aws.client("secretsmanager")


def text_of(client: Client) -> str:
    return str(client.get_secret_value(SecretId=NAME)["SecretString"])


def adding(word: str, meanwhile: Callable[[], None] = lambda: None) -> Callable[[str | None], str]:
    """Returns a change that adds a word, after something has happened."""

    def change(text: str | None) -> str:
        meanwhile()
        return text if text and word in text else f"{text or ''}{word} "

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
    assert sorted(text_of(client).split()) == ["first", "one", "second", "third"]


def test_a_secret_that_another_one_makes_meanwhile_is_changed(client: Client) -> None:
    theirs = once(lambda: update_secret(client, NAME, adding("theirs")))
    update_secret(client, NAME, adding("ours", theirs))
    assert text_of(client) == "theirs ours "


def test_whoever_never_gets_a_turn_says_so(client: Client) -> None:
    update_secret(client, NAME, adding("one"))

    def always() -> None:
        client.put_secret_value(SecretId=NAME, SecretString="other")

    with pytest.raises(CommandError, match="all the time"):
        update_secret(client, NAME, adding("ours", always))


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
