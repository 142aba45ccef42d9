"""`providers` and `providers SLUG`: the list, and one of them with an account to copy."""

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from balance_watch.cli.main import main
from balance_watch.providers.registry import slugs

if TYPE_CHECKING:
    from tests.cli.conftest import Run


def test_every_provider_is_listed_with_what_it_needs(run: "Run") -> None:
    listed = {provider["slug"]: provider for provider in run("providers", "--json").json}
    assert set(listed) == set(slugs())
    assert listed["vonage"] == {
        "slug": "vonage",
        "name": "Vonage",
        "currency": "EUR",
        "kind": "balance",
        "credentials": ["api_key", "api_secret"],
        "variables": [],
        "docs": "https://developer.vonage.com/en/api/account",
    }


@pytest.mark.parametrize("slug", slugs())
def test_the_example_account_of_every_provider_is_complete(
    slug: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["providers", slug, "--json"]) == 0
    details: dict[str, Any] = json.loads(capsys.readouterr().out)
    example = details["example"]
    assert set(example["credentials"]) == set(details["credentials"])
    assert set(example.get("variables", {})) == set(details["variables"])
    assert None not in (details["number"], details["evidence"], details["checked"])


def test_one_provider_is_shown_with_an_account_to_copy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "twilio"]) == 0
    out = capsys.readouterr().out
    entry = json.loads(out[out.index("{") :])
    assert entry["credentials"] == {"auth_token": "…"}
    assert entry["variables"] == {"account_sid": "…"}


def test_an_unknown_provider_cannot_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "nobody"]) == 1
    assert "There is no provider nobody" in capsys.readouterr().err


def test_similar_names_are_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "OpenRouter"]) == 1
    assert "Similar: openrouter-credits, openrouter-key." in capsys.readouterr().err


def test_a_former_slug_shows_the_renamed_provider(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers", "aimlapi-v1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slug"] == "aimlapi-v1-legacy"


def test_in_a_pipe_each_provider_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["providers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines.pop(0).split("\t") == ["slug", "name", "number", "unit", "needs"]
    assert len(lines) == len(slugs())
    assert all(line.count("\t") == 4 for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        ["try"],
        ["try", "spec.toml"],
        ["you", "spec.toml"],
        ["you", "--credentials", "keys.json"],
        ["--provider", "x"],
    ],
)
def test_arguments_that_do_not_fit_together_are_wrong_use(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["providers", *words])
    assert ended.value.code == 2


def test_the_list_is_searched_by_name_number_and_needs(run: "Run") -> None:
    found = run("providers", "--search", "ANTHROPIC", "--json").json
    assert [provider["slug"] for provider in found] == ["anthropic", "anthropic-analytics"]
    assert run("providers", "--search", "no such word").code == 1


@pytest.mark.parametrize("name", ["gemini", "Groq", "together"])
def test_a_provider_that_tells_nothing_to_a_key_is_known_by_its_name(run: "Run", name: str) -> None:
    result = run("providers", name)
    assert result.code == 1
    assert "tells no balance and no cost to any API key" in result.err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    script = f"{sys.executable} -m balance_watch.cli.main providers | head -1"
    ended = subprocess.run(  # noqa: S603 (our own words)
        ["/bin/bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1


def at_no_reader(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command whose reader is gone before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(  # noqa: S603 (our own words)
            [sys.executable, "-m", "balance_watch.cli.main", *words],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize("words", [("providers",), ("providers", "you"), ("providers", "--json")])
def test_a_reader_that_is_gone_is_no_error_whatever_writes(words: tuple[str, ...]) -> None:
    ended = at_no_reader(*words)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&- <&-"])
def test_a_stream_that_is_closed_is_no_error(closed: str) -> None:
    command = f"{sys.executable} -m balance_watch.cli.main providers you {closed}"
    ended = subprocess.run(  # noqa: S603 (our own words)
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_full_disk_is_named_as_such() -> None:
    command = f"{sys.executable} -m balance_watch.cli.main providers you >/dev/full"
    ended = subprocess.run(  # noqa: S603 (our own words)
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("balance-watch: Standard input or output: No space left")


def test_a_slug_is_found_in_any_case(run: "Run") -> None:
    assert run("providers", "OpenAI", "--json").json == run("providers", "openai", "--json").json


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("claude", "claude is by anthropic: see `balance-watch providers anthropic`."),
        ("google", "google tells no balance and no cost to any API key"),
    ],
)
def test_what_people_look_for_leads_to_what_there_is(run: "Run", word: str, told: str) -> None:
    assert told in run("providers", word).err
    assert told in run("providers", "--search", word).err
