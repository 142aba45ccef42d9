"""The embedded AWS of the scale's benchmark, in a process of its own: secrets, queue and topic.

    python -m tests.benchmarks.scale_aws PORTS ACCOUNTS DYNAMODB

It prints the environment of the functions, and then answers each line of its input with the names
of the accounts whose alerts were published since the line before.
"""

import json
import sys

from local.aws import EmbeddedAws
from tests.support.tables import client_of, new_table

PER_SECRET = 250
"""As many accounts as fit into the 64 KB of a secret."""

ALERTING = 10
"""One account in so many alerts."""


def main() -> None:
    """Serves until the input ends."""
    ports, number, dynamodb = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with EmbeddedAws() as aws:
        for start in range(0, number, PER_SECRET):
            entries = [
                _entry(index, ports) for index in range(start, min(number, start + PER_SECRET))
            ]
            aws.put_secret(f"balance-watch/accounts/{start:06}", {"accounts": entries})
        environment = {
            **aws.environment,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            "TABLE_NAME": new_table(client_of(dynamodb)),
            "TRUSTED_HOSTS": ",".join(f"127.0.0.1:{port}" for port in ports),
            "BATCH_QUEUE_URL": str(aws.client("sqs").create_queue(QueueName="batches")["QueueUrl"]),
            "ACCOUNTS_PER_BATCH": "500",
            "WORKER_CONCURRENCY": "10",
        }
        _unsubscribe(aws)
        _print(environment)
        told = 0
        for _ in sys.stdin:
            sent = aws.topic.sent_notifications[told:]
            told += len(sent)
            _print([_account_of(text) for _, text, *_ in sent])


def _unsubscribe(aws: EmbeddedAws) -> None:
    """Takes the queue from the topic, which remembers by itself what was published.

    In moto, a queue of ten thousand messages takes most of an hour to read, as each call looks
    through all of them.
    """
    sns = aws.client("sns")
    for each in sns.list_subscriptions_by_topic(TopicArn=aws.topic.arn)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
    aws.count_subscribers(1)


def _account_of(message: str) -> str:
    """Returns the account of an alert, from the text for queues of a message."""
    return str(json.loads(json.loads(message)["sqs"])["account"])


def _print(content: object) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def account_names(number: int) -> list[str]:
    """Returns the names of the accounts."""
    return [_name(index) for index in range(number)]


def alerting_names(number: int) -> list[str]:
    """Returns the names of the accounts that alert."""
    return [_name(index) for index in range(0, number, ALERTING)]


def _name(index: int) -> str:
    return f"search-production-{index:06}"


def _entry(index: int, ports: list[int]) -> dict[str, object]:
    return {
        "name": _name(index),
        "provider": "you",
        "credentials": {"api_key": f"ydc-sk-{index:032}"},
        # The provider answers 7,189.245 to everybody.
        "alert_below": "8000" if index % ALERTING == 0 else "50",
        "labels": {"team": "search"},
        "base_url": f"https://127.0.0.1:{ports[index % len(ports)]}",
    }


if __name__ == "__main__":
    main()
