"""People press the buttons of alerts in Slack: each is done once, and the message says by whom."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from balance_watch.domain.policy import CONFIGURATION
from balance_watch.domain.press import Deed
from balance_watch.domain.silences import Silence
from balance_watch.handlers.slack_actions import respond
from balance_watch.store.dynamodb import Store
from balance_watch.wiring import SlackActionsWiring
from local.vonage import VonageServer
from tests.support.check_bench import FINE, LOW, Bench
from tests.support.crash_points import (
    CALL,
    CrashableClient,
    CrashError,
    CrashPoint,
    SimulatedProcess,
    crash_points,
)
from tests.support.examples import TICK
from tests.support.pressed_alerts import (
    MINUTE,
    Begun,
    Make,
    everything,
    low,
    message_of,
    restore,
)
from tests.support.slack_presses import (
    ANN,
    BOB,
    SECRET,
    Channel,
    Message,
    SlackTransport,
    button,
    pressed,
    request,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SILENCES = [f"silence:{it}" for it in ("1h", "4h", "1d", "1w")]
HOSTILE = [
    "*",
    "[*]",
    "<script>alert(1)</script>",
    "<!channel> & co",
    "\u202eevil",
    "漢🔴" * 50,
    "a" * 100,
    '"quoted" \\ back',
]


def reasons(bench: Bench, tick: datetime) -> list[str]:
    bench.delivery.accepted.clear()
    bench.run(tick)
    return [reason for _, reason in bench.delivery.announced]


def test_a_message_has_a_button_for_each_thing_to_do(bench: Bench, channel: Make) -> None:
    low(bench, "sms")
    assert channel().actions[:5] == ["acknowledge", *SILENCES]


def test_an_acknowledged_alert_is_not_reminded_of_until_it_is_worse(
    bench: Bench, channel: Make
) -> None:
    low(bench, "sms")
    slack = channel()
    assert slack.press("acknowledge") == ""
    assert "👀 acknowledged by <@U0ANN>" in slack.shown
    assert "acknowledge" not in slack.actions
    assert reasons(bench, TICK + 3 * DAY) == []
    bench.reads.balances["sms"] = "1"
    assert set(reasons(bench, TICK + 3 * DAY + HOUR)) == {"worsened"}
    assert "Acknowledged by ann, " in bench.delivery.accepted[0].notification.detail
    assert set(reasons(bench, TICK + 5 * DAY)) == {"reminder"}


def test_without_an_acknowledgement_there_is_a_reminder(bench: Bench) -> None:
    low(bench, "sms")
    assert set(reasons(bench, TICK + 3 * DAY)) == {"reminder"}


def test_the_end_of_an_acknowledged_alert_tells_who_acknowledged_it(
    bench: Bench, channel: Make
) -> None:
    low(bench, "sms")
    channel().press("acknowledge")
    bench.reads.balances["sms"] = FINE
    assert "resolved" in reasons(bench, TICK + HOUR)
    (end,) = {
        it.notification.detail
        for it in bench.delivery.accepted
        if it.notification.reason == "resolved"
    }
    assert "Acknowledged by ann, " in end


def test_an_alert_that_fires_anew_is_not_acknowledged(bench: Bench, channel: Make) -> None:
    low(bench, "sms")
    channel().press("acknowledge")
    bench.reads.balances["sms"] = FINE
    bench.run(TICK + HOUR)
    bench.reads.balances["sms"] = LOW
    assert set(reasons(bench, TICK + 3 * DAY)) == {"fired"}
    assert "Acknowledged" not in bench.delivery.accepted[0].notification.detail
    assert set(reasons(bench, TICK + 5 * DAY)) == {"reminder"}


def test_a_second_person_does_nothing_new_and_sees_who_was_first(
    bench: Bench, channel: Make
) -> None:
    low(bench, "sms")
    slack = channel()
    seen = slack.message
    slack.press("acknowledge", ANN)
    slack.press("acknowledge", BOB, seen=seen)
    slack.press("silence:1h", ANN, seen=seen)
    slack.press("silence:1w", BOB, seen=seen)
    assert "U0BOB" not in slack.shown
    assert slack.shown.count("U0ANN") == 2
    (silence,) = bench.store.silences.at(TICK)
    assert silence.until - silence.created_at == HOUR
    ((_, acknowledged),) = bench.store.acknowledgements.by_alert().items()
    assert acknowledged.by == "ann"


def test_an_alert_that_is_over_is_not_acknowledged(bench: Bench, channel: Make) -> None:
    low(bench, "sms")
    slack = channel()
    bench.reads.balances["sms"] = FINE
    bench.run(TICK + HOUR)
    assert slack.press("acknowledge") == "This alert is over, so nothing was done."
    assert bench.store.acknowledgements.by_alert() == {}


def test_an_alert_that_has_become_worse_is_not_acknowledged_by_its_old_message(
    bench: Bench, channel: Make
) -> None:
    low(bench, "sms")
    slack = channel()
    bench.reads.balances["sms"] = "1"
    assert "worsened" in reasons(bench, TICK + HOUR)
    assert "It has become worse since then" in slack.press("acknowledge")
    later = channel()
    assert later.press("acknowledge") == ""
    assert reasons(bench, TICK + 3 * DAY) == []


def test_an_acknowledgement_that_a_run_did_not_see_is_not_lost(bench: Bench, channel: Make) -> None:
    """A run writes the states that it has read; an acknowledgement is none of them."""
    low(bench, "sms")
    slack, read = channel(), bench.reads

    def pressing(*arguments: object, **named: object) -> object:
        slack.press("acknowledge")
        return read(*arguments, **named)  # type: ignore[arg-type]

    bench.reads = pressing  # type: ignore[assignment]
    bench.run(TICK + HOUR)
    bench.reads = read
    assert reasons(bench, TICK + 3 * DAY) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_silence_mutes_exactly_this_account_and_metric(
    bench: Bench, channel: Make, name: str
) -> None:
    low(bench, name)
    slack = channel()
    assert slack.press("silence:1w") == ""
    assert "🔕 silenced by <@U0ANN> until" in slack.shown
    assert [it for it in slack.actions if it in SILENCES] == []
    (silence,) = bench.store.silences.at(TICK)
    facts = {"account": name, "metric": "balance", "severity": "critical"}
    assert silence.mutes(facts, TICK)
    assert not silence.mutes({**facts, "account": "another"}, TICK)
    assert not silence.mutes({**facts, "account": "[*]" if name == "*" else "*"}, TICK) or (
        name == "*"
    )
    assert not silence.mutes({**facts, "metric": "runway"}, TICK)
    assert reasons(bench, TICK + 3 * DAY) == []
    assert set(reasons(bench, TICK + 8 * DAY)) == {"reminder"}


def test_any_number_of_alerts_is_silenced(bench: Bench, channel: Make) -> None:
    low(bench, *(f"a{number}" for number in range(11)))
    slack = channel()
    for number in range(25):
        bench.store.silences.add(replace(_a_silence(), name=f"s{number}"))
    assert slack.press("silence:1h") == ""
    assert len(bench.store.silences.at(TICK)) == 26


def _a_silence() -> Silence:
    return Silence("s", {"account": "x"}, TICK + DAY, "why", TICK)


def test_faults_of_the_configuration_can_be_acknowledged_and_silenced(
    bench: Bench, wired: SlackActionsWiring, slack: SlackTransport
) -> None:
    bench.put_secret("accounts", "no JSON")
    bench.run(TICK)
    channel = Channel(wired, message_of(bench), slack, lambda: TICK)
    assert channel.press("acknowledge") == channel.press("silence:1h") == ""
    (silence,) = bench.store.silences.at(TICK)
    assert reasons(bench, TICK + 3 * DAY) == []
    assert silence.match == {"account": CONFIGURATION, "metric": "configuration"}


def paid(vonage: VonageServer) -> int:
    return len(next(iter(vonage.accounts.values())).top_ups)


def test_a_payment_is_made_once_however_often_and_by_whom_it_is_ordered(
    payable: Bench, channel: Make, vonage: VonageServer, begun: Begun
) -> None:
    slack = channel()
    seen = slack.message
    for person in (ANN, ANN, BOB):
        assert slack.press("top_up", person, seen=seen) == ""
    assert begun.functions == ["CheckBalances"]
    assert "💳 top-up ordered by <@U0ANN>" in slack.shown
    assert paid(vonage) == 0
    assert "topped_up" in reasons(payable, TICK + 2 * MINUTE)
    assert "ann ordered it" in payable.delivery.accepted[0].notification.detail
    payable.run(TICK + HOUR)
    slack.press("top_up", BOB, seen=seen)
    payable.run(TICK + 2 * HOUR)
    assert paid(vonage) == 1


def test_an_order_at_an_alert_that_is_over_is_dropped_and_told(
    payable: Bench, channel: Make, vonage: VonageServer
) -> None:
    channel().press("top_up")
    payable.reads.balances["sms"] = FINE
    assert "fired" in reasons(payable, TICK + 2 * MINUTE)
    details = [it.notification.detail for it in payable.delivery.accepted]
    assert any("ann ordered it, but its alert is over. Nothing was paid." in it for it in details)
    assert paid(vonage) == 0


def test_two_orders_on_one_reading_are_one_payment(
    payable: Bench, channel: Make, vonage: VonageServer
) -> None:
    first = channel()
    reasons(payable, TICK + 2 * DAY)
    reminder = channel()
    reminder.clock = first.clock = lambda: TICK + 2 * DAY + MINUTE
    first.press("top_up", ANN)
    reminder.press("top_up", BOB)
    payable.run(TICK + 2 * DAY + 2 * MINUTE)
    assert paid(vonage) == 1


def test_an_account_that_cannot_be_paid_has_no_button_for_it(bench: Bench, channel: Make) -> None:
    low(bench, "sms")
    assert "top_up" not in channel().actions


def test_a_message_is_updated_however_long_the_function_took_to_start(
    bench: Bench, channel: Make, wired: SlackActionsWiring, slack: SlackTransport
) -> None:
    low(bench, "sms")
    seen = channel().message
    event = request(pressed(seen, button(seen, "acknowledge")), TICK)
    late = TICK + timedelta(seconds=9)
    assert respond(wired, event, late)["statusCode"] == 200
    assert "<@U0ANN>" in str(slack.answers)


def test_a_press_without_an_address_for_the_answer_is_done_all_the_same(
    bench: Bench, channel: Make, wired: SlackActionsWiring, slack: SlackTransport
) -> None:
    low(bench, "sms")
    seen = channel().message
    body = pressed(seen, button(seen, "acknowledge"), response_url="https://evil.example/x")
    assert respond(wired, request(body, TICK), TICK)["statusCode"] == 200
    assert slack.answers == []
    assert len(bench.store.acknowledgements.by_alert()) == 1


def test_an_unknown_alert_is_told_to_whoever_presses(bench: Bench, channel: Make) -> None:
    low(bench, "sms")
    slack = channel()
    for block in slack.message["blocks"]:
        for it in block.get("elements", ()):
            if "value" in it:
                it["value"] = it["value"].replace('"account": "sms"', '"account": "other"')
    assert slack.press("silence:1h") == "This alert is no longer known, so nothing was done."
    assert bench.store.silences.at(TICK) == ()


DEEDS = ["acknowledge", "silence:4h", "top_up"]


Crashing = Callable[[str, SimulatedProcess, tuple[str, str]], Channel]


@pytest.fixture
def crashing(payable: Bench, wired: SlackActionsWiring) -> Crashing:
    """Presses a button of the first message in a process that may crash."""
    message, slack = message_of(payable), SlackTransport()

    def press(action: str, process: SimulatedProcess, person: tuple[str, str]) -> Channel:
        client: Any = CrashableClient(payable.wiring.client("dynamodb"), process)
        in_process = replace(
            wired,
            make_store=lambda _: Store(client, wired.settings.table_name),
            make_transport=lambda: slack,
        )
        made = Channel(in_process, message, slack, lambda: TICK + MINUTE)
        made.press(action, person)
        return made

    return press


@pytest.mark.parametrize("action", DEEDS)
def test_a_press_that_dies_anywhere_is_made_good_by_the_next_one(
    payable: Bench, crashing: Crashing, vonage: VonageServer, action: str
) -> None:
    items, probe = everything(payable), SimulatedProcess()
    crashing(action, probe, ANN)
    assert probe.effects[CALL] >= 5
    for point in crash_points(probe.effects):
        restore(payable, items)
        with pytest.raises(CrashError):
            crashing(action, SimulatedProcess(point), ANN)
        made = crashing(action, SimulatedProcess(), BOB)
        assert_done_once(payable, made, point)
    assert paid(vonage) == 0


def test_a_press_that_died_is_repeated_after_a_check_and_pays_once(
    payable: Bench, crashing: Crashing, vonage: VonageServer
) -> None:
    items, probe = everything(payable), SimulatedProcess()
    crashing("top_up", probe, ANN)
    for point in crash_points(probe.effects):
        restore(payable, items)
        next(iter(vonage.accounts.values())).top_ups.clear()
        with pytest.raises(CrashError):
            crashing("top_up", SimulatedProcess(point), ANN)
        payable.run(TICK + 2 * MINUTE)
        made = crashing("top_up", SimulatedProcess(), BOB)
        payable.run(TICK + 3 * MINUTE)
        assert paid(vonage) == 1, point
        assert payable.store.outbox.pending().orders == [], point
        assert "💳 top-up ordered by <@U0" in made.shown, point


def assert_done_once(bench: Bench, made: Channel, point: CrashPoint) -> None:
    """Checks that one person did it, and that the message tells who."""
    found = [
        *(it.reason for it in bench.store.silences.at(TICK)),
        *(it.by for it in bench.store.acknowledgements.by_alert().values()),
        *(it.by for it in bench.store.outbox.pending().orders),
    ]
    assert len(found) == 1, point
    (presses,) = bench.store.presses.of(
        [it.removeprefix("facts:") for it in ids(made.message)]
    ).values()
    assert all(press.is_done for press in presses), point
    assert presses[0].by.name in str(found[0]), point
    assert f"<@{presses[0].by.id}>" in made.shown, point
    assert presses[0].deed in Deed


def ids(message: Message) -> list[str]:
    found = [block.get("block_id", "") for block in message["blocks"]]
    return [it for it in found if it.startswith("facts:")]


@pytest.mark.parametrize(
    ("is_deployed", "secret", "has_buttons"),
    [(True, SECRET, True), (True, None, False), (False, SECRET, False), (True, "short", False)],
)
def test_alerts_have_buttons_if_the_function_is_deployed_and_presses_can_be_checked(
    bench: Bench, secret: str | None, *, is_deployed: bool, has_buttons: bool
) -> None:
    settings = replace(bench.wiring.settings, slack_actions=is_deployed)
    wiring = replace(bench.wiring, settings=settings)
    bench.put_secret(
        "slack", {"webhooks": {"default": "https://h.example"}, "signing_secret": secret}
    )
    configuration = wiring.load()
    assert "slack:default" in configuration.channels
    assert wiring.connections_of(configuration).buttons is has_buttons
