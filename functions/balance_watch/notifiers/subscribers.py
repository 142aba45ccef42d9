"""Asks SNS how many people hear the topic of the stack."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_DENIED = ("AccessDenied", "AuthorizationError")


class ConfirmedSubscribers(Struct, frozen=True):
    """How many subscribers of a topic have confirmed; None, with the reason, if SNS did not say.

    `is_denied` means that the role lacks the right to ask.
    """

    number: int | None
    why: str = ""
    is_denied: bool = False


def confirmed_subscribers(client: "SNSClient", topic: str) -> ConfirmedSubscribers:
    """Asks SNS how many subscribers of a topic have confirmed; a topic that is gone has none."""
    try:
        attributes = client.get_topic_attributes(TopicArn=topic)["Attributes"]
        return ConfirmedSubscribers(int(attributes["SubscriptionsConfirmed"]))
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an error without a code"))
        if code.startswith("NotFound"):
            return ConfirmedSubscribers(0)
        return ConfirmedSubscribers(None, f"SNS answers {code}.", code.startswith(_DENIED))
    except BotoCoreError as error:
        return ConfirmedSubscribers(None, f"SNS cannot be reached ({type(error).__name__}).")
    except (KeyError, TypeError, ValueError):
        return ConfirmedSubscribers(None, "SNS answers without the number of subscribers.")
