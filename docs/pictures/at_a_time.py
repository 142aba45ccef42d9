"""Runs the command as if it were a given time, so that what it shows of a stack is always the same.

python -m docs.pictures.at_a_time 2026-11-22T00:02:00+00:00 status
"""

import datetime as dt
import sys


def main(words: list[str]) -> int:
    """Runs the command with the words behind the time; returns its exit code."""
    real = dt.datetime
    behind = real.now(dt.UTC) - real.fromisoformat(words[0])

    class Shifted(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Shifted":
            at = real.now(tz) - behind
            return cls.combine(at.date(), at.timetz())

    # Whoever imports the class from here on gets this one: boto3 too, to which moto is indifferent.
    dt.datetime = Shifted  # type: ignore[misc]
    from balance_watch.cli.main import main as run  # noqa: PLC0415 (as said above)

    return run(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
