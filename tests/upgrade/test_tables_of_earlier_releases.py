"""A table that an earlier release wrote is gone on with: nothing is said twice, nothing is lost.

release_0_1_0_items.json holds real items: the function of that release made them, on the embedded
stack, in five simulated days that end at 2026-11-24 10:10 with every channel down. Here the same
accounts are checked on. What comes of it is looked at from outside alone, so that it holds
whatever the code looks like within: results, messages, the table's attributes, `status --json`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from balance_watch.cli.main import main
from balance_watch.handlers import check_balances, runtime
from local.aws import EmbeddedAws
from local.loopback import LoopbackServer, Reply, Request
from local.slack_inbox import WEBHOOK_PATH, SlackInbox

Json = dict[str, Any]
Item = dict[str, Any]
"""An item as DynamoDB's own JSON has it."""

HERE = Path(__file__).parent
ITEMS, STATUS = HERE / "release_0_1_0_items.json", HERE / "release_0_1_0_status.json"

KEY = "Canary9Qx/+=&"
"""A canary, as the keys in local/world.py: a search finds it wherever it is shown."""

LAST, NEXT, SOON, LATER = (
    "2026-11-24T10:10:00Z",
    "2026-11-24T10:15:00Z",
    "2026-11-24T11:15:00Z",
    "2026-11-24T16:15:00Z",
)
"""The last tick of the release, and three after it."""

TOPIC, DEFAULT, ONCALL, ARCHIVED = "sns", "slack:default", "slack:oncall", "slack:archived"

GONE_AT = "127.0.0.1:24041"
"""Where a webhook stood that has answered 410: the table tells it by its address. Nobody is there,
so that a message to it would be one that is not delivered."""

RUNS_DRY: Mapping[str, Json] = {
    "crawl": {TOPIC: 1, DEFAULT: 1, ONCALL: 1},
    "finance": {TOPIC: 1, DEFAULT: 1},
    "fires": {TOPIC: 1, DEFAULT: 1, ONCALL: 1},
    "images": {TOPIC: 1, DEFAULT: 1, ONCALL: 1},
    "muted": {TOPIC: 1, DEFAULT: 1},
    "returns": {TOPIC: 1, DEFAULT: 1},
    "worsens": {TOPIC: 1, DEFAULT: 1, ONCALL: 1},
    "Zürich Bücher": {TOPIC: 1, DEFAULT: 1},
}
"""Who is told of the accounts that last less than three days: a rule that the release lacks."""

NO_POLICY = '[[rules]]\nname = "low"\n'
"""What stands in the parameter since 10:05: it says no threshold, so the last good one holds."""


def watched(name: str, provider: str = "you", **more: Any) -> Json:  # noqa: ANN401 (JSON)
    return {"name": name, "provider": provider, **more}


def payer(name: str) -> Json:
    return watched(name, "vonage", variables={"trx": "first-payment"})


LOW: Json = {"alert_below": "20"}
FINANCE: Json = {"labels": {"team": "finance"}}
SMALL: Json = {"labels": {"tier": "small"}}
BOOKS = "Zürich Bücher"

ACCOUNTS = (
    watched("quiet", **LOW),
    watched("spends"),
    watched("search", alert_below="500"),
    watched(BOOKS, **LOW),
    watched("pending", **FINANCE),
    watched("images", "legnext"),
    watched("llm", "aimlapi-detail"),
    watched("revoked"),
    watched("walled"),
    watched("breaks", **LOW),
    watched("returns", **LOW),
    watched("held-back", **SMALL),
    watched("muted", **LOW),
    watched("worsens", **LOW, **SMALL),
    watched("fires", **LOW),
    watched("resolves", **LOW),
    watched("rises"),
    watched("sms", "vonage", alert_below="10"),
    watched("crawl", "firecrawl", alert_below="1000"),
    watched("tokens", "acme", alert_below="5e9"),
    watched("no-limit", "openrouter-key", alert_below="10"),
    watched("finance", **LOW, **FINANCE),
    watched("leaves", **LOW),
    *map(payer, ("pays-paid", "pays-unknown", "pays-claimed", "pays-cleared")),
    *map(payer, ("pays-owed", "pays-refused")),
)
PROVIDERS = {each["name"]: each["provider"] for each in ACCOUNTS}

BODIES = {
    "you": '{{"data": {{"attributes": {{"balance": {bal}e2}}}}}}',
    "vonage": '{{"value": {bal}, "autoReload": {reload}}}',
    "legnext": '{{"code": 200, "data": {{"balance_usd": {bal}, "available_credits": {credits},'
    ' "available_points": {points}, "alert_threshold": {limit}, "low_balance_alert": {flag},'
    ' "updated_at": "{as_of}"}}, "message": "success"}}',
    "aimlapi-detail": '{{"current_balance": {bal}, "currency": "{cur}", "autotopup_settings":'
    ' {{"is_enabled": {reload}, "threshold": {reload_at}, "amount": {reload_by}}}}}',
    "firecrawl": '{{"success": true, "data": {{"remainingCredits": {bal},'
    ' "billingPeriodEnd": "2026-12-01T00:00:00Z"}}}}',
    "openrouter-key": '{{"data": {{"limit": 20, "limit_remaining": {bal}}}}}',
    "acme": '{{"left": {bal}, "says": "{status}"}}',
}
"""What each provider replies, with the facts of a reading under the names of the table."""

NO_LIMIT = Reply(200, b'{"data": {"limit": null, "limit_remaining": null}}')
NO_BALANCE = Reply(200, b'{"data": {"attributes": {}}}')
KEY_REJECTED = Reply(401, b'{"detail": "Problems with API key."}')
BLOCKED = Reply(403, b"<html><title>Access denied</title></html>", "text/html")
PAID = Reply(200, b'{"error-code": "200", "error-code-label": "success"}')


class Providers(LoopbackServer):
    """The provider of every account, told by the first part of the path."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[str, Reply] = {}
        self.to_payments: dict[str, Reply] = {}

    def answer(self, request: Request) -> Reply:
        name = _account(request)
        if request.method == "POST":
            return self.to_payments.get(name, PAID)
        return self.replies[name]

    def show(self, name: str, **facts: object) -> None:
        """Has an account read so from now on."""
        body = BODIES[PROVIDERS[name]].format(**facts)
        self.replies[name] = Reply(200, body.encode())

    @property
    def paid(self) -> Counter[str]:
        """How often it was asked to pay in, by account."""
        return Counter(_account(each) for each in self.requests if each.method == "POST")


def _account(request: Request) -> str:
    return unquote(request.path.split("/")[1])


class Context:
    """As much of Lambda's context as the handler looks at: how much time is left."""

    def __init__(self, seconds: float = 120) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Said(NamedTuple):
    """One thing that was said, as it can be compared."""

    account: str
    rule: str
    reason: str


@dataclass(frozen=True, repr=False)
class Run:
    """What came of one run."""

    result: Json
    topic: tuple[Json, ...]
    slack: Mapping[str, tuple[str, ...]]
    """A line for each notification, by channel."""
    blocks: tuple[str, ...]
    """Each whole, of all webhooks."""
    items: tuple[Item, ...]
    paid: Counter[str]

    @cached_property
    def said(self) -> Counter[Said]:
        """What the topic got."""
        return Counter(Said(it["account"], it["rule"], it["reason"]) for it in self.topic)

    def about(self, account: str) -> dict[str, int]:
        """How often each channel was told of an account."""
        lines = {TOPIC: [it["account"] for it in self.topic], **self.slack}
        found = {name: sum(account in line for line in mine) for name, mine in lines.items()}
        return {name: number for name, number in found.items() if number}

    def item(self, partition: str, sort: str = "STATE") -> Any:  # noqa: ANN401 (whatever it holds)
        """An item, its values plain; None: there is none."""
        found = [it for it in self.items if it["pk"]["S"] == partition and it["sk"]["S"] == sort]
        return plain(found[0]) if found else None

    def state(self, account: str) -> Any:  # noqa: ANN401 (as above)
        """An account's state."""
        return self.item(f"ACCOUNT#{account}")


class Stage:
    """The stack, with the accounts, the policy and the channels of the release."""

    def __init__(self, aws: EmbeddedAws, providers: Providers, slack: SlackInbox) -> None:
        self.aws, self.providers, self.slack = aws, providers, slack
        runtime.warm_start.cache_clear()
        self.handler: Callable[..., Json] = check_balances.handler
        self.table = aws.environment["TABLE_NAME"]

    def configure(self, *, gone: bool = True, left_out: Iterable[str] = ()) -> None:
        """Stores the secrets; of a webhook that is gone the old address, or a new one."""
        webhooks = dict(self.slack.webhooks)
        if gone:
            webhooks["archived"] = f"http://{GONE_AT}{WEBHOOK_PATH}archived"
        self.aws.put_secret("balance-watch/slack", {"webhooks": webhooks})
        entries = [self._entry(each) for each in ACCOUNTS if each["name"] not in left_out]
        self.aws.put_secret("balance-watch/accounts", {"accounts": entries})

    def _entry(self, account: Json) -> Json:
        credentials = {"api_key": KEY}
        if account["provider"] == "vonage":
            credentials["api_secret"] = f"{KEY}secret"
        base_url = f"{self.providers.url}/{quote(account['name'], safe='')}"
        return {**account, "credentials": credentials, "base_url": base_url}

    def load(self, items: Iterable[Item]) -> None:
        """Has the table hold these items and no others."""
        keys = [{name: it[name] for name in ("pk", "sk")} for it in self.scan()]
        requests: list[Json] = [{"DeleteRequest": {"Key": each}} for each in keys]
        requests += [{"PutRequest": {"Item": each}} for each in items]
        client = self.aws.client("dynamodb")
        for start in range(0, len(requests), 25):
            client.batch_write_item(RequestItems={self.table: requests[start : start + 25]})

    def scan(self) -> tuple[Item, ...]:
        """Everything that is in the table."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=self.table)
        return tuple(item for page in pages for item in page["Items"])

    def run(self, tick: str, seconds: float = 120) -> Run:
        """Does the check of a tick; the channels and payments are those of this run alone."""
        for messages in self.slack.messages.values():
            messages.clear()
        self.aws.published()
        before = self.providers.paid
        result = self.handler({"scheduled_time": tick}, Context(seconds))
        lines = {
            f"slack:{name}": tuple(line for it in messages for line in it["text"].split("\n"))
            for name, messages in self.slack.messages.items()
        }
        topic = tuple(each.content for each in self.aws.published())
        messages = [it for each in self.slack.messages.values() for it in each]
        blocks = tuple(one["text"]["text"] for it in messages for one in it["blocks"])
        return Run(result, topic, lines, blocks, self.scan(), self.providers.paid - before)

    @staticmethod
    def command(*words: str) -> str:
        """What a command prints."""
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
            assert main(words) == 0
        return out.getvalue()


@contextmanager
def staged() -> Iterator[Stage]:
    """Starts it all, as a cold start finds it."""
    with ExitStack() as stack:
        aws, providers = stack.enter_context(EmbeddedAws()), stack.enter_context(Providers())
        slack = stack.enter_context(SlackInbox(("default", "oncall", "archived")))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("AWS_PROFILE", raising=False)
        trusted = f"{providers.authority},{slack.authority},{GONE_AT}"
        for name, value in {**aws.environment, "TRUSTED_HOSTS": trusted}.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield Stage(aws, providers, slack)


_plain = TypeDeserializer()


def plain(item: Item) -> Json:
    """An item's values as Python has them."""
    return {name: _plain.deserialize(value) for name, value in item.items()}


def owed_of(items: Iterable[Item]) -> list[tuple[str, Json]]:
    """Channel and notification of all that is owed."""
    owed = [plain(it) for it in items if it["pk"]["S"] == "OUTBOX"]
    return [(it["channel"], json.loads(it["notification"])) for it in owed]


@dataclass(frozen=True, repr=False)
class Story:
    """The release's last word, and what became of it."""

    items: tuple[Item, ...]
    status: list[Json]
    histories: Mapping[str, list[Json]]
    shown: str
    next: Run
    soon: Run
    later: Run

    def was(self, account: str) -> Json:
        """An account's state as the release left it."""
        (item,) = (
            it for it in self.items if it["pk"]["S"] == f"ACCOUNT#{account}" and is_state(it)
        )
        return plain(item)

    def owed(self, channel: str) -> list[Json]:
        """The notifications that the release left owed to a channel."""
        return [it for name, it in owed_of(self.items) if name == channel]


def is_state(item: Item) -> bool:
    return bool(item["sk"]["S"] == "STATE")


@pytest.fixture(scope="module")
def dump() -> Json:
    loaded: Json = json.loads(ITEMS.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as made:
        yield made


HISTORIES = ("images", "llm", "sms", "tokens", BOOKS)


@pytest.fixture(scope="module")
def story(stage: Stage, dump: Json) -> Story:
    """The next three runs: at first all is as it was, but for who is low again."""
    items = tuple(dump["items"])
    stage.load(items)
    policy = next(plain(it)["text"] for it in items if it["pk"]["S"] == "POLICY")
    stage.aws.put_policy(NO_POLICY)
    stage.aws.put_secret("balance-watch/accounts/broken", "no JSON")
    stage.configure()
    status = json.loads(stage.command("status", "--json"))
    ever = ("--days", "36500")
    histories = {
        name: json.loads(stage.command("history", name, *ever, "--json")) for name in HISTORIES
    }
    shown = stage.command("history", "tokens", *ever)

    shows = stage.providers
    for state in map(plain, filter(is_state, items)):
        name, reading = state["pk"].removeprefix("ACCOUNT#"), state.get("reading")
        if reading is not None:
            shows.show(name, **{fact: json_of(value) for fact, value in reading.items()})
    shows.replies |= {"no-limit": NO_LIMIT, "revoked": KEY_REJECTED, "walled": BLOCKED}
    shows.replies["breaks"] = NO_BALANCE
    shows.show("returns", bal="18.75")
    for name in ("pays-paid", "pays-unknown", "pays-cleared"):
        shows.show(name, bal="8.5", reload="true")
    stage.configure(left_out=["leaves"])
    first = stage.run(NEXT)

    shows.show("search", bal="600")
    shows.show("finance", bal="60")
    stage.aws.put_policy(policy)
    stage.aws.put_secret("balance-watch/accounts/broken", {"accounts": []})
    stage.configure(gone=False, left_out=["leaves"])
    second = stage.run(SOON)
    return Story(items, status, histories, shown, first, second, stage.run(LATER))


def json_of(value: object) -> str:
    """A value as it stands in a reply."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_status_shows_what_it_showed(story: Story) -> None:
    """Fields have been added since."""
    for now, then in zip(story.status, json.loads(STATUS.read_text("utf-8")), strict=True):
        assert {name: now[name] for name in then} == then


@pytest.mark.parametrize("account", HISTORIES)
def test_history_is_read_back_exactly(story: Story, account: str) -> None:
    mine = [it for it in story.items if it["pk"]["S"] == f"ACCOUNT#{account}"]
    readings = [it for it in mine if it["sk"]["S"].startswith("AT#")]
    assert story.histories[account] == [
        {
            "observed_at": it["sk"]["S"].removeprefix("AT#"),
            "balance": it["bal"]["N"],
            "currency": it["cur"]["S"],
            "credits": it.get("credits", {}).get("N"),
            "points": it.get("points", {}).get("N"),
            "provider_flag": it.get("flag", {}).get("BOOL"),
            "provider_threshold": it.get("limit", {}).get("N"),
            "auto_reload": it.get("reload", {}).get("BOOL"),
        }
        for it in readings
    ]
    assert len(readings) > 5


def test_history_shows_what_the_provider_said(story: Story) -> None:
    assert story.shown.count("the small plan") == len(story.histories["tokens"])


def test_what_is_written_now_is_what_the_release_would_read(story: Story) -> None:
    """Readings have all that its own have, so that it could be put back."""
    for item in story.items:
        if item["sk"]["S"] == f"AT#{LAST}" and item["pk"]["S"] != "ACCOUNT#leaves":
            written = story.next.item(item["pk"]["S"], f"AT#{NEXT}")
            assert written.keys() >= item.keys()
            assert story.next.item(item["pk"]["S"])["reading"].keys() >= (
                item.keys() - {"pk", "sk", "expires_at"}
            )


def test_the_next_run_is_complete(story: Story) -> None:
    assert {name: story.next.result[name] for name in ("accounts", "read", "unreadable")} == {
        "accounts": len(ACCOUNTS) - 1,
        "read": len(ACCOUNTS) - 4,
        "unreadable": 3,
    }
    assert (story.next.result["undelivered"], story.next.result["deferred"]) == (0, 0)
    assert story.next.item("RUN", "RUN")["done"] is True


def test_what_was_owed_is_sent_with_the_same_alert_ids(story: Story) -> None:
    sent = {it["alert_id"]: it for it in story.next.topic}
    for owed in story.owed(TOPIC):
        said = sent[owed["alert_id"]]
        for fact in ("account", "rule", "metric", "severity", "reason", "value", "since", "labels"):
            assert said[fact] == owed[fact]
        for fact in ("threshold", "currency", "balance", "observed_at"):
            assert said[fact] == owed.get(fact)
        assert said["runway"] == (str(owed["runway"]) if "runway" in owed else None)
    assert {Said(it["account"], it["rule"], it["reason"]) for it in story.owed(TOPIC)} == {
        Said("fires", "alert_below", "fired"),
        Said("worsens", "alert_below", "worsened"),
        Said("search", "alert_below", "reminder"),
        Said("resolves", "alert_below", "resolved"),
        Said("resolves", "topped_up", "topped_up"),
        Said("pays-owed", "pay", "fired"),
        Said("pays-claimed", "pay", "fired"),
    }


def test_what_was_owed_to_a_webhook_goes_there_and_is_owed_no_more(story: Story) -> None:
    for channel, new in ((DEFAULT, 10), (ONCALL, 3)):
        owed = Counter(it["account"] for it in story.owed(channel))
        for account in owed:
            assert story.next.about(account)[channel] >= owed[account]
        run_dry = sum(channel in told for told in RUNS_DRY.values())
        assert len(story.next.slack[channel]) == owed.total() + new + run_dry
    assert not owed_of(story.next.items)


def test_what_was_owed_is_told_with_all_that_stood_behind_it(story: Story) -> None:
    (block,) = {each for each in story.next.blocks if "fires is at" in each}
    for part in ("90.00 → 8.20 USD", "It spends about", "rule alert_below", "|billing page>"):
        assert part in block
    (block,) = {each for each in story.next.blocks if "resolves was topped up" in each}
    assert "It rose by 41.00 USD, from 19.00 USD to 60.00 USD." in block


def test_what_a_channel_has_taken_is_not_sent_to_it_again(story: Story) -> None:
    """The topic took it at 10:05, the webhooks were down."""
    new = RUNS_DRY[BOOKS]
    assert story.next.about(BOOKS) == {TOPIC: new[TOPIC], DEFAULT: 1 + new[DEFAULT], ONCALL: 1}


def test_nothing_but_what_was_owed_and_what_is_new_is_said(story: Story) -> None:
    owed = Counter(Said(it["account"], it["rule"], it["reason"]) for it in story.owed(TOPIC))
    assert story.next.said - owed == Counter(
        [
            Said("pending", "two checks low", "fired"),
            Said("breaks", "unreadable", "fired"),
            Said("muted", "alert_below", "fired"),
            Said("pays-paid", "pay", "fired"),
            Said("pays-unknown", "pay", "fired"),
            Said("pays-cleared", "top_up", "resolved"),
            Said("pays-cleared", "pay", "fired"),
            Said("pays-cleared", "top_up", "topped_up"),
            Said("pays-owed", "top_up", "topped_up"),
            Said("pays-claimed", "top_up", "fired"),
            *(Said(account, "runs_dry", "fired") for account in RUNS_DRY),
        ]
    )
    assert len({it["alert_id"] for it in story.next.topic}) == len(story.next.topic)


@pytest.mark.parametrize(
    "account", ["spends", "images", "llm", "revoked", "walled", "sms", "crawl", "finance"]
)
def test_an_alert_that_was_told_is_not_announced_again(story: Story, account: str) -> None:
    was = story.was(account)["alerts"]
    assert all(alert["firing"] and alert["told"] for alert in was.values())
    assert story.next.about(account) == RUNS_DRY.get(account, {})
    alerts = story.next.state(account)["alerts"]
    assert {metric: alerts[metric] for metric in was} == was
    assert alerts.keys() - was.keys() == ({"runway"} if account in RUNS_DRY else set())


def test_an_alert_below_in_another_unit_goes_on(story: Story) -> None:
    """In euros, in credits, and one that is a provider's of the policy."""
    units = {name: story.next.state(name)["reading"]["cur"] for name in ("sms", "crawl", "tokens")}
    assert units == {"sms": "EUR", "crawl": "credits", "tokens": "tokens"}
    assert story.next.about("tokens") == {}


def test_a_pending_rule_goes_on_from_its_first_check(story: Story) -> None:
    (said,) = (it for it in story.next.topic if it["account"] == "pending")
    assert (said["reason"], said["since"]) == ("fired", LAST)


def test_failures_are_counted_on(story: Story) -> None:
    """Twice it could not be read; the third time in a row is told, since the first."""
    (said,) = (it for it in story.next.topic if it["account"] == "breaks")
    assert (said["value"], said["since"]) == ("malformed", "2026-11-24T10:05:00Z")
    assert story.next.state("breaks")["failure"]["count"] == 3


def test_an_alert_that_is_back_within_the_minimum_gap_waits_for_its_end(story: Story) -> None:
    assert story.was("returns")["alerts"]["balance"]["firing"] is False
    assert story.next.state("returns")["alerts"]["balance"]["firing"] is True
    assert story.next.about("returns") == RUNS_DRY["returns"]
    assert story.soon.about("returns") == {}
    (said,) = (it for it in story.later.topic if it["account"] == "returns")
    assert (said["reason"], said["since"]) == ("fired", NEXT)


def test_an_end_goes_to_every_channel_that_was_told(story: Story) -> None:
    """With a top-up of its own beside it; what went to one webhook alone ends there alone."""
    assert story.soon.about("search") == {TOPIC: 2, DEFAULT: 2, ONCALL: 1}
    assert Said("search", "alert_below", "resolved") in story.soon.said
    assert story.soon.about("finance") == {ARCHIVED: 2}


def test_a_held_back_end_is_told_when_the_silence_is_over(story: Story) -> None:
    assert story.next.about("held-back") == {}
    assert story.soon.about("held-back") == {TOPIC: 1, DEFAULT: 1}
    (said,) = (it for it in story.soon.topic if it["account"] == "held-back")
    assert (said["reason"], said["rule"]) == ("resolved", "getting low")
    (block,) = (each for each in story.soon.blocks if "held-back" in each)
    assert "over after 12 h ·" in block


def test_what_a_silence_held_back_is_told_when_it_is_over(story: Story) -> None:
    assert story.next.about("muted")[TOPIC] == 1 + RUNS_DRY["muted"][TOPIC]
    (said,) = (
        it for it in story.next.topic if (it["account"], it["rule"]) == ("muted", "alert_below")
    )
    assert (said["reason"], said["since"]) == ("fired", "2026-11-24T10:05:00Z")


def test_silences_go_on(story: Story) -> None:
    before = next(plain(it) for it in story.items if it["pk"]["S"] == "RUN")
    after, soon = (run.item("RUN", "RUN") for run in (story.next, story.soon))
    assert {"silence:short", "silence:long"} <= before.keys()
    assert after["silence:long"] == before["silence:long"]
    assert "silence:short" not in after
    assert "silence:long" not in soon


def test_a_payment_that_is_owed_is_made_once_and_told_of(story: Story) -> None:
    assert story.next.paid["pays-owed"] == 1
    made = story.next.item("ACCOUNT#pays-owed", "TOPUP")
    assert (made["outcome"], made["claimed_at"]) == ("paid", NEXT)
    (order,) = (it for it in story.owed("top_up") if it["account"] == "pays-owed")
    assert made["answers"] == order["alert_id"]
    assert not story.soon.paid
    assert not story.later.paid


def test_a_claim_left_behind_is_told_as_unknown_and_not_paid(story: Story) -> None:
    assert story.next.paid["pays-claimed"] == 0
    assert story.next.item("ACCOUNT#pays-claimed", "TOPUP")["outcome"] == "unknown"
    (said,) = (
        it
        for it in story.next.topic
        if it["account"] == "pays-claimed" and it["metric"] == "top_up"
    )
    assert (said["reason"], said["value"], said["severity"]) == ("fired", "unknown", "critical")


def test_a_payment_of_unknown_outcome_still_blocks(story: Story) -> None:
    """Its rule fires anew and asks for another; that it is not known has been told."""
    assert story.next.paid["pays-unknown"] == 0
    before = [it for it in story.items if it["pk"]["S"] == "ACCOUNT#pays-unknown"]
    (was,) = (plain(it) for it in before if it["sk"]["S"] == "TOPUP")
    assert was["outcome"] == "unknown"
    assert story.next.item("ACCOUNT#pays-unknown", "TOPUP") == was


def test_payments_of_the_last_day_count(story: Story) -> None:
    """Its rule fires anew, and may have two made in a day."""
    made = story.next.item("ACCOUNT#pays-paid", "TOPUP")
    assert [at for at, _ in made["earlier"]] == ["2026-11-23T16:00:00Z"]
    assert made["claimed_at"] == "2026-11-24T04:00:00Z"
    assert story.next.paid["pays-paid"] == 0


def test_a_payment_that_a_person_cleared_blocks_no_more(story: Story) -> None:
    assert story.next.paid["pays-cleared"] == 1
    made = story.next.item("ACCOUNT#pays-cleared", "TOPUP")
    assert [at for at, _ in made["earlier"]] == ["2026-11-23T22:00:00Z"]


def test_a_payment_that_was_refused_is_not_told_again(story: Story) -> None:
    assert story.next.about("pays-refused") == {}
    assert story.next.paid["pays-refused"] == 0


def test_a_top_up_waits_for_the_minimum_gap_after_the_last_one(story: Story) -> None:
    assert story.was("rises").keys() >= {"jump", "jump_told"}
    assert story.next.about("rises") == {}
    assert story.soon.about("rises") == {}
    assert story.later.said[Said("rises", "topped_up", "topped_up")] == 1
    assert "jump" not in story.later.state("rises")


def places(faults: Iterable[str]) -> list[str]:
    return [fault.partition(": ")[0] for fault in faults]


def announced_at(configuration: Json) -> dict[str, str]:
    return {fault.partition(": ")[0]: at for fault, at in configuration["told"]}


def test_a_known_fault_of_the_configuration_is_not_new(story: Story) -> None:
    """The policy's fault was told to the topic at 10:05; the webhooks get it now."""
    before = next(plain(it) for it in story.items if it["pk"]["S"] == "RUN")["configuration"]
    after = story.next.item("RUN", "RUN")["configuration"]
    assert len(after["faults"]) == 3
    # A later release may say the same in other words: a fault is known by its place, then.
    assert after["alert"] == before["alert"]
    assert places(after["faults"]) == places(before["faults"])
    assert announced_at(after) == announced_at(before)
    told = {channel for channel, it in owed_of(story.items) if it["account"] == "configuration"}
    assert told == {DEFAULT, ONCALL}
    assert story.next.about("configuration") == dict.fromkeys(told, 1)


def test_the_last_good_policy_holds_while_the_parameter_is_out_of_order(story: Story) -> None:
    assert story.next.said[Said("pending", "two checks low", "fired")] == 1
    assert story.next.state("spends")["alerts"].keys() == {"runway", "spend_rate"}


def test_the_end_of_all_faults_is_told_to_who_was_told(story: Story) -> None:
    assert story.soon.said[Said("configuration", "configuration", "resolved")] == 1
    assert story.soon.about("configuration") == {TOPIC: 1, DEFAULT: 1, ONCALL: 1}


def test_a_webhook_that_is_gone_is_not_tried_that_day(story: Story) -> None:
    """What is routed to it goes to the others; with a new address it is one as any."""
    assert story.next.about("pending") == {TOPIC: 1, DEFAULT: 1}
    before = next(plain(it) for it in story.items if it["pk"]["S"] == "RUN")["gone"]
    assert before.keys() == {ARCHIVED}
    assert story.next.item("RUN", "RUN")["gone"] == before
    assert story.soon.item("RUN", "RUN")["gone"] == {}


def test_an_account_that_is_watched_no_more_ends_quietly(story: Story) -> None:
    """Not while a secret has a fault: it may be missing by that alone."""
    assert story.next.state("leaves")["alerts"] == story.was("leaves")["alerts"]
    assert "leaves" in story.next.item("RUN", "RUN")["alerted"]
    assert "alerts" not in story.soon.state("leaves")
    assert "leaves" not in story.soon.item("RUN", "RUN")["alerted"]
    assert [run.about("leaves") for run in (story.next, story.soon, story.later)] == [{}, {}, {}]


def test_an_account_without_a_limit_stays_one(story: Story) -> None:
    assert "reading" not in story.was("no-limit")
    assert "reading" not in story.next.state("no-limit")
    assert story.next.about("no-limit") == {}


def test_what_was_spent_is_remembered(story: Story) -> None:
    """The last day at a sample an hour, and each of the days before."""
    was, now = story.was("spends"), story.next.state("spends")
    assert len(was["days"].split()) == 5
    assert now["days"].split()[:4] == was["days"].split()[:4]
    assert now["trail"].split()[:3] == was["trail"].split()[:3]


def test_a_reminder_comes_a_day_after_the_last_word(story: Story) -> None:
    reminded = [it for it in story.later.said if it.reason == "reminder"]
    assert sorted(reminded) == [
        Said("images", "few points", "reminder"),
        Said("images", "provider_flag", "reminder"),
        Said("sms", "alert_below", "reminder"),
    ]


THREE = {"quiet", "fires", "search"}


def test_a_run_that_died_is_gone_on_with(stage: Stage, dump: Json) -> None:
    """It had stored a transition and what it owes, and a state without its reading."""
    items = tuple(dump["items_of_a_run_that_died"])
    stage.load(items)
    stage.aws.put_policy("# Empty.\n")
    stage.aws.put_secret("balance-watch/accounts/broken", {"accounts": []})
    stage.configure(gone=False, left_out=PROVIDERS.keys() - THREE)
    before = Run({}, (), {}, (), items, Counter())
    assert "lease" in before.item("RUN", "RUN")
    assert before.item("ACCOUNT#quiet", f"AT#{LAST}") is None
    stage.providers.show("quiet", bal="1")
    stage.providers.show("fires", bal="1")
    stage.providers.show("search", bal="600")
    run = stage.run(LAST)
    assert run.item("ACCOUNT#quiet", f"AT#{LAST}")["bal"] == before.state("quiet")["reading"]["bal"]
    assert run.item("ACCOUNT#search", f"AT#{LAST}") is not None
    owed = [it["alert_id"] for channel, it in owed_of(items) if channel == TOPIC]
    assert [it["alert_id"] for it in run.topic] == owed
    assert run.about("fires") == {TOPIC: 1, DEFAULT: 1}
    assert (run.result["read"], run.result["delivered"]) == (1, 2)
