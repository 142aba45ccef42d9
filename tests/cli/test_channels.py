"""Channels are listed, added and tested, and no address is shown."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from balance_watch.cli.channel_listing import heard_by
from balance_watch.config.settings import CheckSettings
from balance_watch.notifiers.channels import KINDS
from balance_watch.wiring import Wiring
from local.loopback import Reply
from local.slack_inbox import NO_SERVICE, NOT_OK, WEBHOOK_PATH
from tests.support.canaries import CORE
from tests.support.inboxes import INBOXES
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Stage

TEST = "this is a test: whoever reads it hears the alerts of balance-watch"


def webhooks(stage: "Stage") -> dict[str, str]:
    client = stage.aws.client("secretsmanager")
    text = client.get_secret_value(SecretId="balance-watch/slack")["SecretString"]
    found: dict[str, str] = json.loads(text)["webhooks"]
    return found


def test_every_channel_is_listed_with_what_is_known_of_it(run: "Run") -> None:
    fine = {"state": "no failure is known", "is_ok": True}
    rest = ["what no route sends elsewhere"]
    assert run("channels", "--json").json == [
        {
            "channel": "sns",
            "state": "1 confirmed subscriber",
            "is_ok": True,
            "routes": rest,
            "subscribers": [{"protocol": "sqs", "address": "published", "confirmed": True}],
        },
        {"channel": "slack:default", **fine, "routes": rest},
        {"channel": "slack:oncall", **fine, "routes": []},
    ]


def test_a_topic_that_nobody_hears_says_how_to_add_somebody(stage: "Stage", run: "Run") -> None:
    stage.aws.count_subscribers(0)
    (topic, *_) = run("channels", "--json").json
    assert topic["is_ok"] is False
    assert topic["state"].startswith("no confirmed subscribers")
    assert "channels add email" in topic["state"]


def test_a_webhook_that_rejects_everything_is_shown_with_the_reason(
    stage: "Stage", run: "Run"
) -> None:
    stage.slack.script("default", *[NOT_OK] * 3)
    hour_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    Wiring(CheckSettings.from_environment()).check().run(hour_ago, seconds=100)
    (_, default, _) = run("channels", "--json").json
    assert default["is_ok"] is False
    assert default["state"].startswith("has accepted nothing since")
    assert "Slack answers HTTP 200" in default["state"]


def test_a_test_message_goes_to_every_channel_and_stores_nothing(
    stage: "Stage", run: "Run"
) -> None:
    output = run("channels", "test")
    assert output.code == 0
    assert output.out.count("accepted the test message") == 3
    for name in ("default", "oncall"):
        assert [message["text"] for message in stage.slack.messages[name]] == [TEST]
    (published,) = stage.aws.published()
    assert published.content["metric"] == "test"
    assert run("silence", "list", "--json").json == []
    assert run("check", "--json").json["delivered"] == 2, "the alert of the check alone"


def test_one_channel_alone_is_tested(stage: "Stage", run: "Run") -> None:
    assert run("channels", "test", "slack:oncall").code == 0
    assert stage.slack.messages["default"] == []
    assert len(stage.slack.messages["oncall"]) == 1


def test_a_channel_that_refuses_fails_the_command_and_the_others_are_tested(
    stage: "Stage", run: "Run"
) -> None:
    stage.slack.script("default", NO_SERVICE)
    output = run("channels", "test")
    assert output.code == 1
    assert "slack:default  refuses it: Slack answers HTTP 404, no_service." in output.out
    assert output.out.count("accepted the test message") == 2


def test_an_answer_that_is_not_clear_is_told_as_such(stage: "Stage", run: "Run") -> None:
    stage.slack.script("default", NOT_OK)
    output = run("channels", "test", "slack:default")
    assert (output.code, "may have accepted it" in output.out) == (1, True)


def test_a_topic_without_a_subscriber_accepts_and_says_that_nobody_hears(
    stage: "Stage", run: "Run"
) -> None:
    stage.aws.count_subscribers(0)
    assert "but has no confirmed subscribers" in run("channels", "test", "sns").out


def test_an_unknown_channel_is_named_with_those_that_there_are(run: "Run") -> None:
    output = run("channels", "test", "slack:onkall")
    assert output.code == 1
    assert "There are: sns, slack:default, slack:oncall." in output.err


@pytest.fixture
def address(stage: "Stage", tmp_path: Path) -> str:
    stage.slack.messages["new"] = []
    file = tmp_path / "address"
    file.write_text(stage.slack.webhook("new") + "\n")
    return str(file)


def test_a_webhook_is_added_beside_the_others(stage: "Stage", run: "Run", address: str) -> None:
    before = webhooks(stage)
    output = run("channels", "add", "slack", "new", "--address", address)
    assert output.code == 0
    assert webhooks(stage) == {**before, "new": stage.slack.webhook("new")}
    assert WEBHOOK_PATH not in output.out + output.err
    assert run("channels", "test", "slack:new").code == 0


def test_the_first_webhook_makes_the_secret(stage: "Stage", run: "Run", address: str) -> None:
    stage.aws.client("secretsmanager").delete_secret(
        SecretId="balance-watch/slack", ForceDeleteWithoutRecovery=True
    )
    assert run("channels", "add", "slack", "slack:default", "--address", address).code == 0
    assert webhooks(stage) == {"default": stage.slack.webhook("new")}


def test_a_name_that_exists_is_refused(stage: "Stage", run: "Run", address: str) -> None:
    before = webhooks(stage)
    output = run("channels", "add", "slack", "default", "--address", address)
    assert (output.code, webhooks(stage)) == (1, before)
    assert "There is a webhook default already" in output.err


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_an_address(
    stage: "Stage", run: "Run", address: str, mark: str
) -> None:
    Path(address).write_text(f"{mark}{stage.slack.webhook('new')}\r\n", encoding="utf-8")
    stage.aws.put_secret("balance-watch/slack", mark + json.dumps({"webhooks": {}}))
    output = run("channels", "add", "slack", "new", "--address", address)
    assert output.code == 0, output.err
    assert webhooks(stage) == {"new": stage.slack.webhook("new")}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"webhooks": []}', '{"webhooks": {"a": "x", "a": "y"}}', "[" * 30_000],
)
def test_a_secret_of_another_form_is_left_as_it_is(
    stage: "Stage", run: "Run", address: str, text: str
) -> None:
    stage.aws.put_secret("balance-watch/slack", text or " ")
    output = run("channels", "add", "slack", "new", "--address", address)
    assert (output.code, "mend it first" in output.err) == (1, True), output.err
    client = stage.aws.client("secretsmanager")
    assert client.get_secret_value(SecretId="balance-watch/slack")["SecretString"] == (text or " ")


@pytest.mark.parametrize(
    ("words", "content", "code", "message"),
    [
        (("slack", "a b"), "https://hooks.example/x", 1, "must have a name of"),
        (("slack", "x"), "not an address", 1, "is not an https address"),
        (("slack", "x"), "", 1, "is not an https address"),
        (("slack", "x\x1b[2J"), "https://hooks.example/x", 1, "must have a name of"),
        (("slack", "x" * 70_000), "https://hooks.example/x", 1, "must have a name of"),
        (("slack", "x"), "https://hooks.example/" + "x" * 70_000, 1, "65,536 bytes"),
        (("fax", "x"), "https://hooks.example/x", 2, "KIND must be one of slack, "),
        (("sns", "x"), "https://hooks.example/x", 2, ", email"),
        (("email", "nobody"), "", 1, "An e-mail address has an @."),
    ],
)
def test_what_is_no_channel_is_not_stored(
    stage: "Stage",
    run: "Run",
    tmp_path: Path,
    words: tuple[str, ...],
    content: str,
    code: int,
    message: str,
) -> None:
    before = webhooks(stage)
    file = tmp_path / "address"
    file.write_text(content)
    output = run("channels", "add", *words, "--address", str(file))
    assert (output.code, message in output.err) == (code, True), output.err
    assert webhooks(stage) == before


@pytest.mark.parametrize("kind", INBOXES)
def test_a_channel_of_any_kind_is_added_and_tested(
    stage: "Stage", run: "Run", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with INBOXES[kind]() as inbox:
        monkeypatch.setenv("TRUSTED_HOSTS", inbox.authority)
        (entry,) = inbox.secret[KINDS[kind].table].values()
        file = tmp_path / "entry"
        file.write_text(entry + "\n")
        output = run("channels", "add", kind, "night", "--address", str(file))
        assert output.code == 0, output.err
        client = stage.aws.client("secretsmanager")
        name = f"balance-watch/{kind}"
        stored = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        assert stored[KINDS[kind].table] == {"night": entry}
        shared = {**stored, **inbox.secret, KINDS[kind].table: {"night": entry}}
        stage.aws.put_secret(name, shared)
        tested = run("channels", "test", f"{kind}:night")
        assert tested.code == 0, tested.out
        assert len(inbox.messages) == 1
        assert CORE not in output.out + output.err + tested.out + tested.err


def stored(stage: "Stage", kind: str) -> str:
    client = stage.aws.client("secretsmanager")
    try:
        text: str = client.get_secret_value(SecretId=f"balance-watch/{kind}")["SecretString"]
    except ClientError:
        return ""
    return text


@pytest.mark.parametrize("entry", ["", f"two {CORE}", f"{CORE}\u202e"])
@pytest.mark.parametrize("kind", INBOXES)
def test_what_is_no_address_or_key_of_a_kind_is_not_stored(
    stage: "Stage", run: "Run", tmp_path: Path, kind: str, entry: str
) -> None:
    before = stored(stage, kind)
    file = tmp_path / "entry"
    file.write_text(entry, encoding="utf-8")
    output = run("channels", "add", kind, "night", "--address", str(file))
    assert (output.code, "Nothing was stored." in output.err) == (1, True)
    assert stored(stage, kind) == before
    assert CORE not in output.out + output.err


@pytest.mark.parametrize("secret", ["[]", "null", "{", '{"webhooks": null}', '"text"'])
@pytest.mark.parametrize("kind", INBOXES)
def test_a_secret_that_is_damaged_is_to_be_mended_first(
    stage: "Stage", run: "Run", tmp_path: Path, kind: str, secret: str
) -> None:
    stage.aws.put_secret(f"balance-watch/{kind}", secret)
    file = tmp_path / "entry"
    file.write_text("https://hooks.example/x" if kind != "pagerduty" else "R1")
    output = run("channels", "add", kind, "night", "--address", str(file))
    assert (output.code, "mend it first." in output.err) == (1, True)
    assert stored(stage, kind) == secret


@pytest.mark.parametrize("kind", INBOXES)
def test_a_refusal_of_any_kind_is_shown_and_fails_the_command(
    stage: "Stage", run: "Run", monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with INBOXES[kind]() as inbox:
        monkeypatch.setenv("TRUSTED_HOSTS", inbox.authority)
        stage.aws.put_secret(f"balance-watch/{kind}", inbox.secret)
        inbox.outage = Reply(403, f"no {CORE}".encode())
        output = run("channels", "test", f"{kind}:default")
    assert output.code == 1
    assert "refuses it:" in output.out
    assert "answers HTTP 403." in output.out
    assert CORE not in output.out + output.err


def test_a_second_webhook_keeps_the_signing_secret(
    stage: "Stage", run: "Run", tmp_path: Path
) -> None:
    file = tmp_path / "entry"
    for name in ("one", "two"):
        file.write_text(f"https://hooks.example/{name}")
        assert run("channels", "add", "webhook", name, "--address", str(file)).code == 0
    secret = json.loads(stored(stage, "webhook"))
    assert secret["webhooks"].keys() == {"one", "two"}
    assert secret["signing_secret"].startswith("whsec_")


def test_without_somebody_to_ask_the_address_comes_from_a_file(run: "Run") -> None:
    output = run("channels", "add", "slack", "x")
    assert (output.code, "add --address FILE" in output.err) == (2, True)


CRITICAL = '[[routes]]\nmatch = { severity = "critical" }\nchannels = ["slack:new"]\n'
DIGEST = '[digest]\nat = "09:00"\nchannels = ["slack:new"]\n'


def test_a_channel_that_no_route_leads_to_gets_nothing_and_the_route_to_add_is_shown(
    stage: "Stage", run: "Run", address: str
) -> None:
    output = run("channels", "add", "slack", "new", "--address", address)
    assert "It gets nothing yet: no route leads to it." in output.out
    stage.aws.put_policy(output.out[output.out.index("[[routes]]") :])
    shown = {it["channel"]: it["routes"] for it in run("channels", "--json").json}
    assert shown["slack:new"] == ["routes[0]: severity=critical"]


@pytest.mark.parametrize(
    ("policy", "name", "gets"),
    [
        ("", "default", "what no route sends elsewhere"),
        (CRITICAL, "new", "routes[0]: severity=critical"),
        (DIGEST, "new", "digests"),
    ],
    ids=["by default", "by a route", "digests"],
)
def test_a_channel_that_is_added_says_what_it_gets(
    stage: "Stage", run: "Run", address: str, policy: str, name: str, gets: str
) -> None:
    stage.aws.put_secret("balance-watch/slack", {"webhooks": {}})
    if policy:
        stage.aws.put_policy(policy)
    output = run("channels", "add", "slack", name, "--address", address)
    assert f"From the next run on it gets: {gets}." in output.out
    assert "nothing yet" not in output.out


@pytest.mark.parametrize(
    "address",
    [f"http://127.0.0.1:9/{CORE}", f"http://hooks.example/{CORE}", f"https://10.0.0.7/{CORE}"],
)
@pytest.mark.parametrize("kind", ["slack", "teams", "discord", "webhook"])
def test_an_address_that_no_run_can_use_is_not_stored(
    stage: "Stage", run: "Run", tmp_path: Path, kind: str, address: str
) -> None:
    before = stored(stage, kind)
    file = tmp_path / "entry"
    file.write_text(address)
    output = run("channels", "add", kind, "night", "--address", str(file))
    assert (output.code, stored(stage, kind)) == (1, before)
    assert "TRUSTED_HOSTS. No run could send to it. Nothing was stored." in output.err
    assert CORE not in output.out + output.err


def test_an_address_that_can_never_work_is_listed_as_such(stage: "Stage", run: "Run") -> None:
    stage.aws.put_secret("balance-watch/slack", {"webhooks": {"plain": f"http://10.0.0.7/{CORE}"}})
    (_, plain) = run("channels", "--json").json
    assert (plain["is_ok"], plain["state"]) == (
        False,
        "gets nothing: The address is not https, and its host is not in TRUSTED_HOSTS.",
    )


def test_a_channel_is_removed_and_all_else_in_its_secret_stays(stage: "Stage", run: "Run") -> None:
    before = webhooks(stage)
    signing_secret = "0123456789abcdef"
    secret = {"webhooks": before, "signing_secret": signing_secret}
    stage.aws.put_secret("balance-watch/slack", secret)
    output = run("channels", "remove", "slack", "slack:oncall", "--yes")
    assert output.code == 0, output.err
    assert json.loads(stored(stage, "slack")) == {
        "webhooks": {"default": before["default"]},
        "signing_secret": signing_secret,
    }
    assert "Removed: the next run sends nothing to slack:oncall." in output.out


def test_the_last_channel_leaves_a_valid_secret(stage: "Stage", run: "Run") -> None:
    for name in webhooks(stage):
        assert run("channels", "remove", "slack", name, "--yes").code == 0
    assert webhooks(stage) == {}
    listed = run("channels", "--json")
    assert [it["channel"] for it in listed.json] == ["sns"]
    assert listed.err == ""


def test_a_route_that_still_names_a_removed_channel_is_told(stage: "Stage", run: "Run") -> None:
    stage.aws.put_policy(CRITICAL.replace("new", "oncall"))
    output = run("channels", "remove", "slack", "oncall", "--yes")
    assert "it gets: routes[0]: severity=critical" in output.out
    assert "The policy still names it" in output.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("slack", "oncall"), 2, "scripts need --yes"),
        (("email", "a@example.com", "--yes"), 2, "KIND must be one of slack, "),
        (("slack", "onkall", "--yes"), 1, "There is no webhook onkall in the secret"),
        (("teams", "oncall", "--yes"), 1, "There is no webhook oncall in the secret"),
    ],
)
def test_what_cannot_be_removed_changes_nothing(
    stage: "Stage", run: "Run", words: tuple[str, ...], code: int, message: str
) -> None:
    before = webhooks(stage)
    output = run("channels", "remove", *words)
    assert (output.code, message in output.err) == (code, True), output.err
    assert webhooks(stage) == before


def test_at_a_terminal_a_channel_is_removed_after_a_question(stage: "Stage") -> None:
    words = [sys.executable, "-m", "balance_watch.cli.main", "channels", "remove", "slack"]
    with Terminal([*words, "oncall"], os.environ) as terminal:
        terminal.answer("Remove it? What it would get goes elsewhere. [y/N]: ", "n")
        terminal.expect("Nothing was changed.")
        assert terminal.end() == 1
    assert "oncall" in webhooks(stage)


def test_after_a_test_that_fails_the_way_to_remove_the_channel_is_shown(stage: "Stage") -> None:
    stage.slack.messages["new"] = []
    stage.slack.script("new", NO_SERVICE)
    words = [sys.executable, "-m", "balance_watch.cli.main", "channels", "add", "slack", "new"]
    with Terminal(words, os.environ) as terminal:
        terminal.answer("Address of the webhook new (hidden): ", stage.slack.webhook("new"))
        terminal.answer("Send a test message to it? [Y/n]: ")
        terminal.expect("balance-watch channels remove slack new")
        assert terminal.end() == 1


def test_an_e_mail_address_is_subscribed_to_the_topic(stage: "Stage", run: "Run") -> None:
    output = run("channels", "add", "email", "ops@example.com")
    assert output.code == 0
    assert "AWS sends a mail with a link" in output.out
    listed = stage.aws.client("sns").list_subscriptions_by_topic(
        TopicArn=stage.aws.environment["TOPIC_ARN"]
    )
    assert "ops@example.com" in [it["Endpoint"] for it in listed["Subscriptions"]]


def test_a_webhook_is_added_at_a_terminal_and_heard_at_once(stage: "Stage") -> None:
    stage.slack.messages["new"] = []
    words = [sys.executable, "-m", "balance_watch.cli.main", "channels", "add", "slack", "new"]
    with Terminal(words, os.environ) as terminal:
        terminal.answer("Address of the webhook new (hidden): ", stage.slack.webhook("new"))
        terminal.answer("Send a test message to it? [Y/n]: ")
        terminal.expect("slack:new  accepted the test message")
        assert terminal.end() == 0
        assert WEBHOOK_PATH not in terminal.screen
    assert [message["text"] for message in stage.slack.messages["new"]] == [TEST]


def test_a_pipe_gets_a_header_and_a_line_for_each_channel(run: "Run") -> None:
    header, topic, *others = (line.split("\t") for line in run("channels").out.splitlines())
    assert header == ["channel", "ok", "state", "gets", "subscribers"]
    assert topic[:3] == ["sns", "yes", "1 confirmed subscriber"]
    assert topic[4] == "sqs published, confirmed"
    assert [it[0] for it in others] == ["slack:default", "slack:oncall"]


@pytest.mark.parametrize(
    ("confirmed", "pending", "words"),
    [
        (1, 0, "1 confirmed subscriber"),
        (2, 1, "2 confirmed subscribers; 1 has not clicked"),
        (0, 2, "no confirmed subscribers; 2 have not clicked"),
    ],
)
def test_who_has_not_confirmed_is_counted_apart(confirmed: int, pending: int, words: str) -> None:
    assert heard_by(confirmed, pending).state.startswith(words)
