"""Recognizes a wall in front of an API: a service that blocks robots, in JSON too.

What a wall replies says nothing of the key. A header that a service adds to every reply proves
nothing by itself, such as Cloudflare's `cf-ray`: only what it adds to a reply of its own counts.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from balance_watch.exact_parsing import NotExactError, exact_json
from balance_watch.transport import Reply
from balance_watch.validation import Json


class Wall(Struct, frozen=True):
    """A service, the headers that its own replies have, and what their JSON has.

    `headers` are patterns of values by name in lower case.
    """

    name: str
    headers: Mapping[str, str] = {}
    body: Callable[[Json], bool] = lambda _: False


def _names(*names: str) -> Callable[[Json], bool]:
    return lambda body: all(name in body for name in names)


def _of_cloudflare(body: Json) -> bool:
    """Tells whether a problem document is Cloudflare's own, such as that of error 1010.

    It has `cloudflare_error` (developers.cloudflare.com, Cloudflare 1xxx errors).
    """
    return body.get("cloudflare_error") is True or "developers.cloudflare.com/support/" in str(
        body.get("type", "")
    )


WALLS = (
    # `cf-mitigated: challenge` marks challenges (developers.cloudflare.com, Detect a challenge).
    Wall("Cloudflare", {"cf-mitigated": r"."}, _of_cloudflare),
    # Every reply has X-Iinfo; `r(0 -1)` in it is of one that no server behind Imperva has made.
    Wall("Imperva", {"x-iinfo": r"^(?!.*\br\((?!0 -1\))).+"}),
    # AWS WAF's developer guide, Challenge and CAPTCHA actions.
    Wall("AWS WAF", {"x-amzn-waf-action": r"."}),
    # docs.datadome.co, the reply to a blocked request.
    Wall(
        "DataDome",
        {"x-datadome": r"^protected$", "x-dd-b": r"."},
        lambda body: "captcha-delivery.com" in str(body.get("url", "")),
    ),
    Wall("HUMAN", {}, _names("appId", "jsClientSrc", "blockScript")),
    Wall("Sucuri", {"x-sucuri-block": r"."}),
    Wall("Vercel", {"x-vercel-mitigated": r"."}),
    Wall("Akamai", {"server": r"^AkamaiGHost"}),
)
"""Walls that are known, each a row."""


def wall_of(reply: Reply) -> str | None:
    """Returns the name of the wall that made a reply; None if it is the API's own, or unknown."""
    body = _table(reply)
    for wall in WALLS:
        for name, pattern in wall.headers.items():
            if re.search(pattern, reply.header(name) or ""):
                return wall.name
        if body and wall.body(body):
            return wall.name
    return None


def _table(reply: Reply) -> dict[str, Json]:
    try:
        body = exact_json(reply.body, any_length=True)
    except NotExactError:
        return {}
    return body if isinstance(body, dict) else {}
