"""LiteLLM: the key's own budget; without one, that of the key's team, or else of its user.

Facts: https://docs.litellm.ai/docs/proxy/users: if a key belongs to a team, the team's budget is
enforced and not the user's. The addresses and forms are from a client's tests (steipete/CodexBar,
LiteLLMUsageFetcherTests). A budget of a member within its team is not read.
"""

from datetime import datetime

from msgspec.structs import replace

from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure
from balance_watch.providers.decoding import Body
from balance_watch.providers.flow import Flow
from balance_watch.providers.parser import parse_body, parse_reading
from balance_watch.providers.request import balance_request
from balance_watch.providers.spec import Spec
from balance_watch.validation import Json

_OWNERS = ("team", "user")
"""Whose budget counts in place of a key's, the first one that the key has."""

_OF_A_BUDGET = ("max_budget", "spend", "budget_reset_at")


def flow(spec: Spec, account: Account, now: datetime, signed_at: datetime) -> Flow:
    """Reads the key's own information, and its owner's if the key has no limit of its own."""
    del signed_at
    body = parse_body(spec, (yield balance_request(spec, account)))
    if isinstance(body, ReadFailure):
        return body
    key = body.value.get("info") if isinstance(body.value, dict) else None
    owner = _owner(key) if isinstance(key, dict) else None
    if isinstance(owner, ReadFailure):
        return owner
    if owner is None or not isinstance(key, dict):
        return parse_reading(spec, account, body, now)
    kind, name = owner
    request = balance_request(spec, account, f"/{kind}/info")
    reply = yield replace(request, query={**request.query, f"{kind}_id": name})
    owners = parse_body(spec, reply)
    if isinstance(owners, ReadFailure):
        return owners
    info = owners.value.get(f"{kind}_info") if isinstance(owners.value, dict) else None
    budget = {it: info[it] for it in _OF_A_BUDGET if it in info} if isinstance(info, dict) else {}
    whole = {"info": {**budget, "expires": key.get("expires")}}
    return parse_reading(spec, account, Body(whole), now)


def _owner(key: dict[str, Json]) -> tuple[str, str] | ReadFailure | None:
    """Returns whose budget counts: of a key that tells that it has no limit, and not of a tier.

    None: the key's own, or nobody's. A key that does not tell whose it is may have a limit.
    """
    if "max_budget" not in key or key["max_budget"] is not None or key.get("litellm_budget_table"):
        return None
    names = {kind: key.get(f"{kind}_id", "") for kind in _OWNERS}
    for kind, name in names.items():
        if isinstance(name, str) and name:
            return kind, name
    if any(name is not None for name in names.values()):
        text = "The key has no limit of its own, and the reply does not say whose it is."
        return ReadFailure(FailureKind.MALFORMED, text)
    return None
