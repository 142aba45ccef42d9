"""Deepgram: the balances of a project; finds the project first, unless the account names it.

Facts: https://developers.deepgram.com/reference/manage/projects/list and …/manage/billing/list.
"""

import re
from datetime import datetime

import jmespath

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reply
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec

_ID = re.compile(r"[0-9A-Za-z_-]{1,100}")


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the balances of the project that the account names, or of the key's only project."""
    del signed_at
    project = account.variables.get("project_id")
    if project is None:
        body = parse_body(spec, (yield balance_request(spec, account)))
        if isinstance(body, ReadFailure):
            return body
        projects = jmespath.search("projects[].project_id", body.value) or []
        if len(projects) != 1:
            return _not_one_project(len(projects))
        project = str(projects[0])
    if not _ID.fullmatch(project):
        return ReadFailure(FailureKind.MALFORMED, "The project id is invalid.")
    url = f"{spec.url}/{project}/balances"
    reply = yield balance_request(spec, account, url)
    return parse_reply(spec, account, reply, now)


def _not_one_project(number: int) -> ReadFailure:
    """Returns the failure: several projects are neither added up, nor is one of them guessed."""
    if number <= 1:
        return ReadFailure(FailureKind.MALFORMED, "The reply names no project.")
    text = f"The key sees {number} projects: name one in the account's variables, as project_id."
    return ReadFailure(FailureKind.AMBIGUOUS, text)
