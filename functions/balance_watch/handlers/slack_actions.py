"""SlackActions: the buttons of alerts in Slack, behind a function URL that anybody can send to.

Every request is checked by Slack's signature before anything else is done with it. Slack waits for
three seconds: what takes longer, a payment, is ordered here and made by a check.
"""

import time
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from balance_watch.config.settings import SlackActionsSettings
from balance_watch.handlers.runtime import logger, warm_start
from balance_watch.notifiers.slack_interactions import (
    Interaction,
    parse_interaction,
    private_message,
    updated_message,
)
from balance_watch.notifiers.slack_signature import is_from_slack
from balance_watch.usecases.pressing import Asked
from balance_watch.wiring import SlackActionsWiring

_SECONDS = 2.6
"""An answer takes so long at most, from when the request came in: Slack waits for three seconds
(docs.slack.dev/interactivity/handling-user-interaction)."""

_LEAST = 1.0
"""Slack has so long to take the message, however late it is after a slow start: Slack then shows
that the app did not respond, but also what was done."""

_MILLISECONDS = 1000


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Answers one request of the function URL.

    Args:
        event: of payload format 2.0 ("Invoking Lambda function URLs", AWS Lambda developer guide).
        context: Lambda's.

    Returns:
        200 if Slack sent it, though nothing may have been done; 401 if not; 400 if it is invalid.
    """
    del context
    wired = warm_start(SlackActionsSettings, SlackActionsWiring)
    return respond(wired, event if isinstance(event, Mapping) else {}, datetime.now(UTC))


def respond(wired: SlackActionsWiring, event: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Returns the answer to a request that came in now."""
    deadline = time.monotonic() + _SECONDS - _waited(event, now)
    body, secret = _body(event), wired.signing_secret()
    if body is None or secret is None or not is_from_slack(_headers(event), body, secret, now):
        logger.info("refused: Slack has not signed it, or there is no signing secret")
        return _answer(HTTPStatus.UNAUTHORIZED)
    try:
        interaction = parse_interaction(body, wired.settings.trusted_hosts)
    except (KeyError, ValueError) as error:
        logger.warning("refused: not what Slack sends", extra={"why": type(error).__name__})
        return _answer(HTTPStatus.BAD_REQUEST)
    if interaction is not None:
        press(wired, interaction, now.replace(microsecond=0), deadline)
    return _answer(HTTPStatus.OK)


def press(
    wired: SlackActionsWiring, interaction: Interaction, now: datetime, deadline: float
) -> None:
    """Does what a button says, and tells it in the message.

    Args:
        wired: what presses need.
        interaction: the press.
        now: the time.
        deadline: the time on the monotonic clock by which Slack has the answer.
    """
    asked = Asked(interaction.deed, interaction.subject, interaction.person, interaction.duration)
    why_not = wired.pressing.press(asked, now)
    if why_not is not None:
        answer = private_message(why_not)
    else:
        answer = updated_message(interaction, wired.store.presses.of(interaction.alerts))
    if interaction.response_url:
        left = max(_LEAST, deadline - time.monotonic())
        wired.answer(interaction.response_url, answer, timeout=left)
    else:
        logger.warning("the message was not updated: the request names no address of Slack")


def _body(event: Mapping[str, Any]) -> bytes | None:
    """Returns the body as it was sent; None if it is invalid."""
    body = event.get("body") or ""
    if not isinstance(body, str):
        return None
    try:
        return b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        return None


def _headers(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = event.get("headers")
    found = headers.items() if isinstance(headers, Mapping) else ()
    return [(str(name), str(value)) for name, value in found]


def _waited(event: Mapping[str, Any], now: datetime) -> float:
    """Returns how long the request has waited for this function to start, in seconds."""
    context = event.get("requestContext")
    epoch = context.get("timeEpoch") if isinstance(context, Mapping) else None
    if not isinstance(epoch, int | float):
        return 0.0
    return min(max(0.0, now.timestamp() - epoch / _MILLISECONDS), _SECONDS)


def _answer(status: HTTPStatus) -> dict[str, Any]:
    return {"statusCode": int(status), "headers": {"Content-Type": "text/plain"}, "body": ""}
