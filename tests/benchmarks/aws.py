"""The embedded AWS with the accounts, in a process of its own, so that it is not measured.

    python -m tests.benchmarks.aws PORTS NUMBER...

Each number of accounts gets a secrets prefix and a table of its own. The module prints, by number,
the environment of a function that watches them, and serves until its input ends.
"""

import json
import sys

from local.aws import EmbeddedAws
from tests.support.tables import new_table

PER_SECRET = 50


def main() -> None:
    """Serves until the input ends."""
    ports, numbers = json.loads(sys.argv[1]), [int(number) for number in sys.argv[2:]]
    with EmbeddedAws() as aws:
        environments = {}
        for number in numbers:
            prefix = f"benchmark-{number}/"
            entries = [_entry(index, ports) for index in range(number)]
            for start in range(0, number, PER_SECRET):
                secret = {"accounts": entries[start : start + PER_SECRET]}
                aws.put_secret(f"{prefix}accounts/{start}", secret)
            environments[number] = {
                **aws.environment,
                "SECRETS_PREFIX": prefix,
                "TABLE_NAME": new_table(aws.client("dynamodb")),
                "TRUSTED_HOSTS": ",".join(f"127.0.0.1:{port}" for port in ports),
            }
        sys.stdout.write(json.dumps(environments) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def _entry(index: int, ports: list[int]) -> dict[str, object]:
    return {
        "name": f"search-production-{index:04}",
        "provider": "you",
        "credentials": {"api_key": f"ydc-sk-{index:032}"},
        "alert_below": "50",
        "labels": {"team": "search"},
        "base_url": f"https://127.0.0.1:{ports[index % len(ports)]}",
    }


if __name__ == "__main__":
    main()
