"""Says what to do about an error of AWS, in a sentence without what was sent."""

import re
from collections.abc import Callable
from http import HTTPStatus

import boto3
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_KEY = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
    }
)
_MISSING = frozenset(
    {"NotFound", "NotFoundException", "ParameterNotFound", "ResourceNotFoundException"}
)
_BUSY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_ACTION = re.compile(
    r"not authorized to perform: ([\w-]+:\w+)(?: on resource: (arn:[\w:/.*+=@-]+))?"
)


UNPARSABLE = "The answer is not one of AWS: is there a proxy in between, or an emulator?"
"""What botocore's ResponseParserError means, which is no BotoCoreError."""


def is_denied(error: ClientError) -> bool:
    """Tells whether the person lacks the right to ask."""
    return error.response.get("Error", {}).get("Code") in _DENIED


def is_not_implemented(error: ClientError) -> bool:
    """Tells whether an emulator of AWS answers that it lacks the operation."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return bool(status == HTTPStatus.NOT_IMPLEMENTED)


def explained(error: BotoCoreError | ClientError, session: Callable[[], boto3.Session]) -> str:
    """Returns what happened and what to do about it.

    Args:
        error: what boto3 raised. Its text may repeat what was sent, so no more of it than the name
            of an action and a resource is shown.
        session: returns the session that was used, to name its profile and its region.
    """
    match error:
        case ClientError():
            text = _answer(error, session)
        case exceptions.ProfileNotFound():
            text = f"{error}. `aws configure list-profiles` lists them."
        case exceptions.NoRegionError():
            text = "No AWS region is set: add --region, such as --region eu-central-1."
        case (
            exceptions.SSOTokenLoadError()
            | exceptions.TokenRetrievalError()
            | exceptions.UnauthorizedSSOTokenError()
        ):
            text = f"Your AWS login has expired: run `{_login(session)}`, then try again."
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            text = (
                f"No AWS credentials were found: run `{_login(session)}`, or name a profile with"
                " --profile (`aws configure list-profiles` lists them)."
            )
        case exceptions.EndpointConnectionError():
            text = f"AWS could not be reached: {error} Check --region and your network."
        case _:
            text = f"AWS could not be reached: {error}"
    return text


def _answer(error: ClientError, session: Callable[[], boto3.Session]) -> str:
    answer = error.response.get("Error", {})
    code, operation = answer.get("Code", "an error"), error.operation_name
    if code in _EXPIRED:
        text = f"Your AWS login has expired: run `{_login(session)}`, then try again."
    elif code in _UNKNOWN_KEY:
        text = f"AWS does not know this access key ({code}): check the profile, or run"
        text += f" `{_login(session)}`."
    elif code in _DENIED:
        text = _denied(operation, answer.get("Message", ""))
    elif code in _MISSING:
        text = f"AWS answered {code} to {operation} in {session().region_name}: is it another"
        text += " region (--region) or another stack (--stack)?"
    elif code in _BUSY:
        text = f"AWS answered {code} to {operation}: it is busy. Try again in a minute."
    else:
        text = f"AWS answered {code} to {operation}."
    return text


def _denied(operation: str, text: str) -> str:
    found = _ACTION.search(text)
    if found is None:
        what = operation
    elif found[2]:
        what = f"{found[1]} on {found[2]}"
    else:
        what = found[1]
    return (
        f"You may not do {what}. docs/permissions.md lists what each command needs; the stack's"
        " output ReaderPolicyArn is a policy for looking."
    )


def _login(session: Callable[[], boto3.Session]) -> str:
    try:
        profile = session().profile_name
    except BotoCoreError:
        profile = "default"
    return "aws sso login" + ("" if profile == "default" else f" --profile {profile}")
