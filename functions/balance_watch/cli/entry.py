"""The entry point of balance-watch: Ctrl-C ends it quietly from its first line on."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

_STANDARD_ERROR = 2

_INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def main() -> int:
    """Imports the command, which takes a while, and runs it."""
    # A shell has its background jobs ignore Ctrl-C: then this process ignores it, too.
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual:
        signal.signal(signal.SIGINT, _leave)
    from balance_watch.cli.main import main as run

    if is_usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run()
    except KeyboardInterrupt:
        print("\nbalance-watch: Stopped.", file=sys.stderr)
        return _INTERRUPTED


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Ends the process: an exception within an import could be caught there, or be printed."""
    with suppress(OSError):  # standard error is closed
        os.write(_STANDARD_ERROR, b"\nbalance-watch: Stopped.\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
