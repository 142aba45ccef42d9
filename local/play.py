"""`make play`: the embedded stack with three days of history, which stays until Ctrl-C.

Run as `python -m local.play`. Another terminal uses the stack with the variables in
`.local/play.env`, a file that exists while the stack is ready. The balances go on falling in real
time, and the function checks them every five minutes, as it does in a stack of AWS.
"""

import fcntl
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import track

from balance_watch import log_filters
from balance_watch.cli.terminal import err, out, sanitize
from balance_watch.errors import BalanceWatchError, CommandError
from local.arrivals import Arrivals, line, published_lines
from local.function import FOLDER, NO_PROXY, NOT_OF_THIS_MACHINE, environment, invoke, log_file
from local.loopback import LOOPBACK
from local.scenario import HOURS, POLICY, states_at, ticks
from local.world import World

_EVERY = timedelta(minutes=5)
"""How often the balances are read: ScheduleMinutes of the template, by default."""

_HOUR = timedelta(hours=1)
_LOOK_SECONDS = 0.5
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def play(folder: Path, hours: int) -> None:
    """Runs the stack until SIGINT, SIGTERM or SIGHUP.

    Args:
        folder: gets the variables for other terminals, an account to add, and the log.
        hours: how many hours of the scenario are the stack's history.

    Raises:
        CommandError: another process runs a stack for this folder.
    """
    for end in _ENDS:
        signal.signal(end, signal.default_int_handler)
    variables, account = folder / "play.env", folder / "play-account.json"
    with _only_one(folder, variables):
        err.print("Starting the embedded stack, with three simulated days …")
        with World() as world, environment(world.environment), log_file(folder / "play.log"):
            world.aws.put_policy(POLICY)
            start = _hour_of(datetime.now(UTC)) - (hours - 1) * _HOUR
            now = _simulate(world, start, hours)
            account.write_text(json.dumps(world.spare(), indent=2), encoding="utf-8")
            _write_variables(variables, world.environment)
            _show_use(variables, account)
            _live(world, start, now)


@contextmanager
def _only_one(folder: Path, variables: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with this process, however that ends."""
    folder.mkdir(exist_ok=True)
    with (folder / "play.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CommandError(
                f"`make play` runs already, as process {lock.read()}: use its stack by"
                f" `. {_shown(variables)}`, or end it with Ctrl-C in its terminal."
            ) from None
        variables.unlink(missing_ok=True)  # of a process that was killed
        lock.truncate(0)
        lock.write(f"{os.getpid()}")
        lock.flush()
        try:
            yield
        finally:
            variables.unlink(missing_ok=True)


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _simulate(world: World, start: datetime, hours: int) -> datetime:
    """Has the function check every hour of the history, and once now; returns that time."""
    text, silent = "Simulating", not err.is_terminal
    for tick in track(ticks(start)[:hours], text, console=err, transient=True, disable=silent):
        world.show(states_at(tick, start), tick)
        invoke(tick)
    now = datetime.now(UTC).replace(microsecond=0)
    world.pass_time(start, tick, now)
    invoke(now)
    return now


def _write_variables(file: Path, variables: Mapping[str, str]) -> None:
    """Writes a file that a shell reads with `. FILE`; it is never there in part."""
    proxies = [f"export {name}=${{{name}:+${name},}}{LOOPBACK}" for name in NO_PROXY]
    lines = [
        f"unset {' '.join(NOT_OF_THIS_MACHINE)}",
        *(f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())),
        *proxies,
    ]
    part = file.with_suffix(".part")
    part.write_text("\n".join([*lines, ""]), encoding="utf-8")
    part.replace(file)


def _show_use(variables: Path, account: Path) -> None:
    command = _shown(Path(sys.executable).with_name("balance-watch"))
    out.print(
        "The stack is ready. In another terminal, in this folder:\n\n"
        f"  . {_shown(variables)}\n"
        f"  {command} status\n\n"
        "Try also history sms, explain sms, check, silence add, policy put. A new account is in\n"
        f"{_shown(account)}, for `providers try you --credentials` and\n"
        "`accounts add books --provider you --credentials`. Ctrl-C ends the stack.\n"
        "What Slack and the topic get:\n",
        soft_wrap=True,
    )


def _shown(file: Path) -> str:
    """Returns a path as short as it can be typed from the working directory."""
    here = Path.cwd()
    return shlex.quote(f"{file.relative_to(here) if file.is_relative_to(here) else file}")


def _live(world: World, start: datetime, now: datetime) -> None:
    """Lets the time pass, checks as the schedule does, and shows what arrives; never returns."""
    arrivals, next_check = Arrivals(world.slack), now + _EVERY
    arrivals.lines("")  # those of the history
    world.aws.published()
    while True:
        time.sleep(_LOOK_SECONDS)
        before, now = now, datetime.now(UTC).replace(microsecond=0)
        world.pass_time(start, before, now)
        if now >= next_check:
            next_check = now + _EVERY
            _check(now)
        at = f"{now:%H:%M:%S}"
        for row in (*arrivals.lines(at), *published_lines(world.aws.published(), at)):
            out.print(row)


def _check(now: datetime) -> None:
    try:
        invoke(now)
    except Exception as error:  # noqa: BLE001 (the stack stays, as one of AWS would)
        text = str(error) if isinstance(error, BalanceWatchError) else type(error).__name__
        out.print(line(f"{now:%H:%M:%S}", "schedule", f"The scheduled check failed: {text}"))


def main(folder: Path = FOLDER, hours: int = HOURS) -> int:
    """Runs the stack; returns 0 once it is ended, or 1 if it cannot start."""
    log_filters.install()
    try:
        play(folder, hours)
    except KeyboardInterrupt:
        out.print("\nThe stack is gone.")
    except BalanceWatchError as error:
        err.print(sanitize(str(error)), soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
