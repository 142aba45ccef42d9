"""One account at a loopback provider, and who hears of it: a Slack inbox and an SQS queue."""

import json
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Self

from local.providers import ProviderAccount, YouServer
from local.running import Running
from local.slack_inbox import SlackInbox
from local.vonage import VonageServer
from tests.support.canaries import key
from tests.support.ministack import Account
from tests.support.paid_accounts import paid, paying_entry
from tests.support.slack_presses import SECRET

ACCOUNT = "search"
PREFIX = "balance-watch/"


class Watched(Running):
    """The servers, from `start()` to `stop()`, or inside a `with`; and what AWS holds of them."""

    def __init__(self, balance: str) -> None:
        self.provider = YouServer()
        self.slack = SlackInbox()
        self.vonage = VonageServer()
        self.balance = balance
        self._running = ExitStack()

    def start(self) -> Self:
        """Starts the servers."""
        for server in (self.provider, self.slack, self.vonage):
            self._running.enter_context(server)
        return self

    def stop(self) -> None:
        """Stops the servers."""
        self._running.close()

    @property
    def trusted_hosts(self) -> str:
        """The servers, in the form of the template's parameter TrustedHosts."""
        servers = (self.provider, self.slack, self.vonage)
        return ",".join(server.authority for server in servers)

    @property
    def balance(self) -> str:
        """What the provider says, in USD."""
        return str(self.provider.accounts[key(ACCOUNT)].balance)

    @balance.setter
    def balance(self, balance: str) -> None:
        self.provider.accounts[key(ACCOUNT)] = ProviderAccount(balance=Decimal(balance))

    def put_secrets(self, aws: Account) -> None:
        """Stores the account, which alerts below 50 USD, and the webhook, as the README says."""
        watched = {
            "name": ACCOUNT,
            "provider": "you",
            "credentials": {"api_key": key(ACCOUNT)},
            "base_url": self.provider.url,
            "alert_below": "50",
        }
        secrets = aws.client("secretsmanager")
        for name, content in {
            "accounts": {"accounts": [watched]},
            # Without the parameter SlackActions, a signing secret has no effect.
            "slack": {"webhooks": self.slack.webhooks, "signing_secret": SECRET},
        }.items():
            secrets.create_secret(Name=PREFIX + name, SecretString=json.dumps(content))

    def put_payable_account(self, aws: Account) -> None:
        """Stores another account, which is low and can be paid, though no rule pays."""
        self.vonage.accounts[f"{key()}:{key('secret')}"] = ProviderAccount(
            Decimal(8), auto_reload=True
        )
        entry = {**paying_entry(self.vonage), "alert_below": "20"}
        aws.client("secretsmanager").create_secret(
            Name=f"{PREFIX}accounts/payable", SecretString=json.dumps({"accounts": [entry]})
        )

    @property
    def payments(self) -> int:
        """How many payments the account has got."""
        return paid(self.vonage)

    def slack_texts(self) -> list[str]:
        """Returns the messages to the webhook `default`, as JSON."""
        return [json.dumps(message) for message in self.slack.messages["default"]]


class Subscriber:
    """An SQS queue that is subscribed to a topic."""

    def __init__(self, aws: Account, topic: str) -> None:
        self._sqs = aws.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        # As docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html says.
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        aws.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )

    def received(self) -> list[dict[str, Any]]:
        """Returns the messages since the last call, decoded from JSON."""
        messages = list[dict[str, Any]]()
        while batch := self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in batch:
                self._sqs.delete_message(
                    QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )
                messages.append(json.loads(message["Body"]))
        return messages
