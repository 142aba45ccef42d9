"""Deepgram: the balances of a project, which is asked for first unless the account names it.

Facts: https://developers.deepgram.com/reference/manage/projects/list and …/manage/billing/list.
"""

from datetime import datetime
from urllib.parse import quote

import jmespath

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.asking import Asking
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.providers.understanding import body_of, understand


def ask(spec: Spec, account: Account, now: datetime, clock: datetime) -> Asking:
    """Asks for the balances of the project that the account names, or of the only one."""
    del clock
    project = account.variables.get("project_id")
    if project is None:
        body = body_of(spec, (yield balance_request(spec, account)))
        if isinstance(body, ReadFailure):
            return body
        found = jmespath.search("projects[].project_id", body.value) or []
        if len(found) != 1 or not isinstance(found[0], str):
            return _not_one(len(found))
        project = found[0]
    url = f"{spec.url}/{quote(project, safe='')}/balances"
    reply = yield balance_request(spec, account, url)
    return understand(spec, account, reply, now)


def _not_one(number: int) -> ReadFailure:
    """Which one of several is meant is not guessed, and they are never added up."""
    if number <= 1:
        return ReadFailure(FailureKind.MALFORMED, "The reply names no project.")
    text = f"The key sees {number} projects: name one in the account's variables, as project_id."
    return ReadFailure(FailureKind.AMBIGUOUS, text)
