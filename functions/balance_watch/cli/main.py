"""The balance-watch command: parses its words, does one of them, and exits as the README says."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from botocore.exceptions import BotoCoreError, ClientError

from balance_watch import log_filters
from balance_watch.cli import check, demo, policy, providers, silence, status, top_up
from balance_watch.errors import BalanceWatchError

_FAILED, _INTERRUPTED = 1, 130


def main(words: Sequence[str] | None = None) -> int:
    """Does what the words say; returns 0 when it is well, 1 when the job failed.

    Wrong use ends the process with 2, as argparse does.
    """
    arguments = parser().parse_args(words)
    log_filters.install()
    # The function's log is for CloudWatch; at a terminal each command says what matters.
    logging.getLogger("balance_watch").addHandler(logging.NullHandler())
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except BalanceWatchError as error:
        return _fail(str(error))
    except ClientError as error:
        # The code and the operation alone: AWS's own text may repeat what it was sent.
        code = error.response.get("Error", {}).get("Code", "an error")
        return _fail(f"AWS answers {code} to {error.operation_name}.")
    except BotoCoreError as error:
        return _fail(f"AWS was not reached: {error}")
    except OSError as error:
        return _fail(f"{error.filename or 'A file'}: {error.strerror or type(error).__name__}.")
    except KeyboardInterrupt:
        return _INTERRUPTED


def _fail(text: str) -> int:
    print(f"balance-watch: {text}", file=sys.stderr)
    return _FAILED


def parser() -> argparse.ArgumentParser:
    """Describes every command and its words."""
    top = argparse.ArgumentParser(
        prog="balance-watch",
        description="Tells you before a prepaid API provider runs dry.",
        epilog="It takes the function's environment (TABLE_NAME, TOPIC_ARN, …) and your AWS access."
        " Exit: 0 fine, 1 the job failed, 2 wrong use.",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {version('balance-watch')}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (check, status, providers, policy, silence, top_up, demo):
        module.add_commands(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
