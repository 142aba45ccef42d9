"""The commands show the faults of who hears, and say which matches fit no account."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from balance_watch.cli.matching import secrets_if_allowed
from balance_watch.config.settings import CheckSettings
from balance_watch.wiring import Wiring
from local.slack_inbox import NOT_OK
from tests.support.check_bench import DeniedSecrets

if TYPE_CHECKING:
    from tests.cli.conftest import Output, Run, Stage

NOBODY = (
    "no confirmed subscriber of the topic, and no default webhook or service:"
    " nobody hears the alerts"
)
POLICY = """
[[rules]]
name = "misspelt"
match = { account = "smss" }
below = 20

[[rules]]
name = "fits"
match = { account = "sms" }
below = 20

[[routes]]
match = { provider = "vonag" }
channels = ["sns"]

[[mute_times]]
from = "22:00"
to = "08:00"
match = { "labels.team" = "x" }
"""


def words(output: "Output") -> str:
    """The faults that a command printed, as one line."""
    return " ".join(output.err.split())


def check(at: datetime) -> None:
    """Checks every account, as the function does for that tick."""
    Wiring(CheckSettings.from_environment()).check().run(at.replace(microsecond=0), seconds=100)


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return str(file)


def test_check_and_status_show_that_nobody_hears(stage: "Stage", run: "Run") -> None:
    stage.aws.count_subscribers(0)
    stage.aws.put_secret("balance-watch/slack", {"webhooks": {}})
    assert f"! {NOBODY}" in words(run("check"))
    assert f"! {NOBODY}" in words(run("status"))
    output = run("status", "--json")
    assert f"! {NOBODY}" in words(output)
    assert len(output.json) == 2


def test_status_shows_a_secret_that_is_gone(stage: "Stage", run: "Run") -> None:
    check(datetime.now(UTC) - timedelta(hours=1))
    stage.aws.client("secretsmanager").delete_secret(
        SecretId="balance-watch/slack", ForceDeleteWithoutRecovery=True
    )
    shown = "! secret balance-watch/slack: it is gone, and its channels with it."
    assert shown in words(run("check"))
    assert shown in words(run("status"))


def test_status_shows_a_channel_that_rejects_everything(stage: "Stage", run: "Run") -> None:
    stage.slack.script("default", *[NOT_OK] * 2)
    check(datetime.now(UTC) - timedelta(hours=1))
    run("check")
    shown = words(run("status"))
    assert "! slack webhook default: Slack answers" in shown
    assert "It has accepted nothing for more than an hour." in shown


def test_status_shows_a_secret_whose_name_means_nothing(stage: "Stage", run: "Run") -> None:
    stage.aws.put_secret("balance-watch/accounts-eu", {"accounts": []})
    shown = "! secret balance-watch/accounts-eu: its name means nothing: after balance-watch/ it"
    run("check")
    assert shown in words(run("status"))


def test_policy_put_says_which_matches_fit_no_account_and_stores_it(
    stage: "Stage", run: "Run", policy: str
) -> None:
    output = run("policy", "put", policy, "--yes")
    assert output.code == 0
    assert words(output).split("! ")[1:] == [
        "policy rules, misspelt (line 2): matches 0 of 2 accounts ",
        "policy routes[0] (line 12): matches 0 of 2 accounts ",
        "policy mute_times[0] (line 16): matches 0 of 2 accounts",
    ]
    assert "In force from the next run on" in output.out
    parameter = stage.aws.client("ssm").get_parameter(
        Name=stage.aws.environment["POLICY_PARAMETER"]
    )
    assert parameter["Parameter"]["Value"] == POLICY
    run("check")
    assert "! policy routes[0]: its match fits no account" in words(run("status"))


def test_policy_put_says_it_before_it_stores(
    run: "Run", policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICY_PARAMETER", "aws/not allowed")
    output = run("policy", "put", policy, "--yes")
    assert output.code == 1
    assert "matches 0 of 2 accounts" in words(output)


def test_policy_put_names_a_missing_channel_before_it_stores(
    run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[digest]\nat = "09:00"\nchannels = ["slack:nobody"]\n')
    monkeypatch.setenv("POLICY_PARAMETER", "aws/not allowed")
    output = run("policy", "put", str(file), "--yes")
    assert output.code == 1
    assert "slack:nobody does not exist" in words(output)


def test_policy_put_still_says_what_contradicts_the_secrets(run: "Run", tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[routes]]\nchannels = ["slack:onkall"]\n')
    output = run("policy", "put", str(file), "--yes")
    assert (output.code, "matches" in output.err) == (0, False)
    assert "slack:onkall does not exist" in words(output)


def test_one_account_is_counted_in_the_singular(stage: "Stage", run: "Run", policy: str) -> None:
    stage.accounts(stage.entry("search", "you"))
    assert "policy rules, fits (line 7): matches 0 of 1 account " in words(
        run("policy", "put", policy, "--yes")
    )


@pytest.mark.parametrize(
    ("match", "hint"),
    [
        ("account=smss", ". Did you mean account=sms?"),
        ("provider=vonag", ". Did you mean provider=vonage?"),
        ("labels.team=x", ""),
    ],
)
def test_silence_add_says_that_it_matches_no_account_and_adds_it(
    run: "Run", match: str, hint: str
) -> None:
    run("check")
    output = run("silence", "add", "--match", match, "--for", "4h", "--reason", "x")
    assert output.code == 0
    assert words(output) == f"! silence {match}: matches 0 of 2 accounts{hint}"
    (silence,) = run("silence", "list", "--json").json
    shown = f"! silence {silence['silence']}: its match fits no account"
    assert shown in words(run("status"))


@pytest.mark.parametrize("match", ["account=s*", "severity=info", "account=configuration"])
def test_silence_add_says_nothing_of_a_match_that_fits(run: "Run", match: str) -> None:
    output = run("silence", "add", "--match", match, "--for", "4h", "--reason", "x")
    assert (output.code, output.err) == (0, "")


def test_without_accounts_nothing_is_counted(stage: "Stage", run: "Run") -> None:
    stage.accounts()
    output = run("silence", "add", "--match", "account=x", "--for", "4h", "--reason", "x")
    assert (output.code, output.err) == (0, "")


def test_who_may_not_read_the_secrets_goes_on_without_a_count(stage: "Stage") -> None:
    def make_client(service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients at run time)
        return DeniedSecrets() if service == "secretsmanager" else stage.aws.client(service)

    wired = Wiring(CheckSettings.from_environment(), make_client=make_client)
    assert secrets_if_allowed(wired) is None
