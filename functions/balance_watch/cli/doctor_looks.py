"""What `balance-watch doctor` looks at, from the schedule to the ear, a function for each thing."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch.cli.channel_listing import ears
from balance_watch.cli.doctor_log import latest_error, log
from balance_watch.cli.doctor_patient import Line, Patient, bad, ok
from balance_watch.cli.doctor_rights import rights
from balance_watch.config.secret_writing import MAX_BYTES
from balance_watch.domain.channels import TOPIC
from balance_watch.domain.formatting import counted, format_duration, format_time
from balance_watch.domain.state import AccountState
from balance_watch.notifiers.heartbeat import HEARTBEAT
from balance_watch.store.items import RUN_KEY, time_of
from balance_watch.store.table import deserialize, serialize

_LATE = timedelta(minutes=20)
"""A run is late if the latest one began longer ago than the schedule's period and this."""

_NO_SCHEDULE = "ResourceNotFoundException"
"""The error of a schedule that does not exist (Scheduler API reference, GetSchedule)."""

_ANEW = (
    "Remove the stack and deploy it anew with the table that it leaves (docs/operations.md): a"
    " deployment does not bring back what was deleted by hand."
)

_MEND = "Mend it: docs/channels.md and docs/operations.md show its form."
_NEARLY_FULL = 0.9
_SHOWN = 5


def _stack(patient: Patient) -> Iterator[Line]:
    status = patient.description["StackStatus"]
    is_ok = status.endswith("_COMPLETE") and "ROLLBACK" not in status
    do = "" if is_ok else "Deploy again: the latest deployment has failed, or is under way."
    yield Line("stack", is_ok, f"{patient.stack} is {status}", do)


def _function(patient: Patient) -> Iterator[Line]:
    (name,) = patient.ids("AWS::Lambda::Function", "CheckBalances")
    found = patient.function
    state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
    is_ok = state in ("Active", "Inactive") and update != "Failed"
    detail = f"{name} is {state}, its latest update {update}"
    yield Line("function", is_ok, detail, "" if is_ok else "Deploy again.")


def _schedule(patient: Patient) -> Iterator[Line]:
    names = patient.ids("AWS::Scheduler::Schedule")
    if not names:
        yield bad("schedule", "the stack has none", "Deploy again.")
    for name in names:
        try:
            found = patient.client("scheduler").get_schedule(Name=name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != _NO_SCHEDULE:
                raise
            yield bad("schedule", f"{name} is gone: nothing is checked", _ANEW)
            continue
        is_ok = found["State"] == "ENABLED"
        do = "" if is_ok else "Turn it on in EventBridge Scheduler: nothing is checked until then."
        yield Line("schedule", is_ok, f"{found['ScheduleExpression']}, {found['State']}", do)


def _last_run(patient: Patient) -> Iterator[Line]:
    store, settings = patient.client("dynamodb"), patient.wired.settings
    reply = store.get_item(TableName=settings.table_name, Key=serialize(RUN_KEY))
    item = deserialize(reply.get("Item", {}))
    if "tick" not in item:
        yield bad("last run", "there was none", "Wait for the schedule; see its log.")
        return
    tick = time_of(item["tick"])
    age = max(timedelta(), patient.now - tick)
    detail = f"{format_time(tick)}, {format_duration(age)} ago"
    try:
        period = patient.period or timedelta(days=1)
    except (BotoCoreError, ClientError):
        period = timedelta(days=1)
    if "lease" in item and item.get("lease_until", 0) < patient.now.timestamp():
        yield bad("last run", f"{detail}: it ended before its time", _reason(patient, tick))
    elif age > period + _LATE:
        yield bad("last run", f"{detail}: it is late", "See the schedule and the log.")
    elif not item.get("done") and "lease" not in item:
        yield bad("last run", f"{detail}: it is incomplete", _reason(patient, tick))
    else:
        yield ok("last run", detail)


def _reason(patient: Patient, tick: datetime) -> str:
    text = latest_error(patient, tick)
    return f"The log says: {text}" if text else "See the log for the reason."


def _missed_ticks(patient: Patient) -> Iterator[Line]:
    (url,) = patient.ids("AWS::SQS::Queue", "MissedTicks")
    found = patient.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    number = int(found["Attributes"]["ApproximateNumberOfMessages"])
    if number:
        do = "The schedule could not invoke the function: see docs/operations.md."
        yield bad("missed ticks", f"{counted(number, 'tick')} did not reach the function", do)
    else:
        yield ok("missed ticks", "none: the schedule has reached the function each time")


def _secrets(patient: Patient) -> Iterator[Line]:
    secrets = patient.secrets
    faults = list(patient.configuration.faults)
    for name, text in secrets.texts.items():
        size = len(text.encode())
        places = (f"secret {name}: ", f"secret {name}, ")
        own = [fault[len(places[0]) :] for fault in faults if fault.startswith(places)]
        kind = name.removeprefix(patient.wired.settings.secrets_prefix).partition("/")[0]
        if size > _NEARLY_FULL * MAX_BYTES:
            own.append(f"it has {size:,} of {MAX_BYTES:,} bytes")
        do = "Mend it, or put new accounts into another secret." if kind == "accounts" else _MEND
        do = do if own else ""
        yield Line(f"secret {name}", not own, "; ".join(own) or f"{size:,} bytes, valid", do)
    others = [
        it for it in secrets.faults if not any(it.startswith(f"secret {n}:") for n in secrets.texts)
    ]
    for fault in others:
        place, _, problem = fault.partition(": ")
        yield bad(place, problem, "Mend it, or remove it.")
    if not secrets.texts:
        yield bad("secrets", "there are none", "`balance-watch accounts add` makes one.")


def _policy(patient: Patient) -> Iterator[Line]:
    configuration = patient.configuration
    faults = [fault for fault in configuration.faults if fault.startswith("policy")]
    for fault in faults:
        problem = fault.removeprefix("policy").lstrip(": ")
        yield bad("policy", problem, "`balance-watch policy check FILE`, then `policy put`.")
    if not faults:
        yield ok("policy", f"{len(configuration.policy.rules)} rules of its own, valid")


def _accounts(patient: Patient) -> Iterator[Line]:
    configuration = patient.configuration
    accounts = [account for account, _ in configuration.accounts]
    if not accounts:
        yield bad("accounts", "there are none", "`balance-watch accounts add`.")
        return
    names = [account.name for account in accounts]
    states = patient.wired.store.accounts.states(names)
    failing = [name for name in names if states.get(name, AccountState(name)).failure]
    unseen = [name for name in names if name not in states]
    unwatched = configuration.policy.unwatched(accounts)
    yield ok("accounts", f"{counted(len(names), 'account')} watched")
    if failing:
        do = "`balance-watch status` says why."
        yield bad("accounts", f"cannot be read: {_listed(failing)}", do)
    if unseen:
        yield bad("accounts", f"not read yet: {_listed(unseen)}", "`balance-watch check`.")
    if unwatched:
        do = "Give them alert_below, or a rule of the policy."
        yield bad("accounts", f"no rule on an amount watches: {_listed(unwatched)}", do)


def _channels(patient: Patient) -> Iterator[Line]:
    found = list(ears(patient.wired, tuple(patient.configuration.channels.values())))
    has_other = any(ear.is_ok for ear in found[1:])
    for ear in found:
        # A topic without a subscriber is no fault where a webhook hears every alert.
        is_ok = ear.is_ok or (ear.channel == TOPIC and has_other)
        do = "" if is_ok else "`balance-watch channels test`, then put a new address."
        yield Line(f"channel {ear.channel}", is_ok, ear.state, do)
    configuration = patient.configuration
    for kind in sorted(configuration.unread_kinds):
        channel = configuration.kinds[kind].default
        if channel not in configuration.channels:
            secret = configuration.prefix + kind
            detail = f"the secret {secret} has a fault: alerts wait for it, since it may exist"
            yield bad(f"channel {channel}", detail, f"Mend the secret {secret}.")
    if not any(ear.is_ok for ear in found):
        yield bad("channels", "nobody hears an alert", "`balance-watch channels add`.")


def _heartbeat(patient: Patient) -> Iterator[Line]:
    """Tells whether there is an address; whether it answers, only the function can tell."""
    variables = patient.function.get("Environment", {}).get("Variables", {})
    configuration = patient.configuration
    name = patient.wired.settings.secrets_prefix + HEARTBEAT
    if variables.get("HEARTBEAT_URL"):
        yield ok("heartbeat", "configured by the function's variable HEARTBEAT_URL")
    elif not configuration.heartbeat_is_read:
        do = f'Put {{"url": "https://…"}} into the secret {name}.'
        yield bad("heartbeat", "its secret is invalid, so nothing is pinged", do)
    elif configuration.heartbeat:
        yield ok("heartbeat", "configured, with a valid address; a ping that fails is in the log")
    else:
        text = "not configured: nothing outside AWS notices if balance-watch stops"
        yield ok("heartbeat", f"{text} (the secret {name}, docs/operations.md)")


def _alarms(patient: Patient) -> Iterator[Line]:
    names = patient.ids("AWS::CloudWatch::Alarm")
    if not names:
        yield bad("alarms", "the stack has none", "Deploy again.")
        return
    found = patient.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    for name in sorted(set(names) - {alarm["AlarmName"] for alarm in found}):
        yield bad(f"alarm {name}", "it is gone", _ANEW)
    for alarm in found:
        is_ok = alarm["StateValue"] != "ALARM" and alarm["ActionsEnabled"]
        detail = alarm["StateValue"] + ("" if alarm["ActionsEnabled"] else ", actions turned off")
        do = "" if is_ok else alarm.get("AlarmDescription", "See the alarm in CloudWatch.")
        yield Line(f"alarm {alarm['AlarmName']}", is_ok, detail, do)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


Look = Callable[[Patient], Iterator[Line]]
"""Looks at one thing; its name is what the thing is called."""

LOOKS: tuple[Look, ...] = (
    _stack,
    _function,
    rights,
    _schedule,
    _last_run,
    _missed_ticks,
    log,
    _secrets,
    _policy,
    _accounts,
    _channels,
    _heartbeat,
    _alarms,
)
"""What is looked at, from the schedule to the ear."""
