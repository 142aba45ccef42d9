"""No value in a secret or a policy raises out of its own parsing: each is read, or is a fault."""

import json
from copy import deepcopy
from functools import partial
from random import Random
from typing import Any

import pytest

from balance_watch.config.policy import parse_policy
from balance_watch.config.secrets import parse_secrets
from balance_watch.config.sources import Secrets
from balance_watch.notifiers.channels import KINDS
from balance_watch.providers.registry import resolve
from balance_watch.validation import Faults
from tests.support.canaries import key, webhook

VARIANTS = 10_000
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, float("inf"), float("nan"), 10**400, "", " ", "x" * 5000,
    "\ud800", "a\udfffb", "\x00", "\u2028", "\ufeff", "\uff41", "\u0661", "[", "[!", "*", "$x",
    "${",
    "{}", "%s", "1e999999999", "sNaN", "Infinity", "-", "1_000", "http://[", "https://a:99999/",
    "9999-12-31", "0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00-23:59", [], {}, [[]], [{}],
    {"a": None}, {"": ""}, {"\ud800": 1}, ["\ud800"], ["3d"], "never", "99999d",
]  # fmt: skip
OWN = {
    "name": "Own",
    "url": "https://api.example.com/$project",
    "method": "POST",
    "json": {"a": None},
    "auth": {"headers": {"X-Key": "$api_key"}},
    "auth_options": {"query": {"query": {"token": "$token"}, "why_query": "No header."}},
    "currency": "USD",
    "numbers": "1.234,56",
    "failures": {"key_rejected": "error == 'x'"},
    "unlimited": "none",
    "reply": {"balance": ["a.b", {"plus": ["c"], "less": ["d"]}], "expires_at": "e"},
}
OF_COSTS = {
    "name": "Costs",
    "kind": "cost",
    "url": "https://api.example.com/costs",
    "auth": {"headers": {"X-Key": "$api_key"}},
    "currency": "USD",
    "cost": {
        "query": {"from": "$since", "to": "$until"},
        "times": "unix",
        "days": 31,
        "each": "data",
        "at": "day",
        "amount": {"plus": ["units"], "nanos": "nanos"},
        "cursor": {"query": "page", "path": "next", "more": "more"},
        "pages": {"query": "page", "total": "total"},
    },
}
SECRETS: dict[str, dict[str, Any]] = {
    "accounts": {
        "accounts": [
            {
                "name": "a",
                "provider": "you",
                "credentials": {"api_key": key()},
                "alert_below": "20",
                "labels": {"team": "x"},
                "base_url": "https://x.example.com",
                "currency": "USD",
                "variables": {"a": "b"},
                "enabled": True,
                "runs_dry": ["3d", "1d"],
                "empty": True,
                "expires_at": "2027-01-01",
            },
            {
                "name": "own",
                "provider": OWN,
                "credentials": {"api_key": key()},
                "variables": {"project": "p"},
            },
            {
                "name": "paid",
                "provider": OF_COSTS,
                "credentials": {"api_key": key()},
                "credit": [{"amount": "5", "paid_at": "2026-11-01", "expires_at": "2027-11-01"}],
            },
            {
                "name": "monthly",
                "provider": "openai",
                "credentials": {"api_key": key()},
                "budget": {"amount": "5", "per": "month"},
            },
        ]
    },
    "slack": {"webhooks": {"default": webhook(), "oncall": webhook("b")}},
    "heartbeat": {"url": "https://hc.example.com/ping?create=1"},
}
POLICY: dict[str, Any] = {
    "defaults": {
        "reminder": "24h",
        "minimum_gap": "6h",
        "unreadable_after": 3,
        "quicken": False,
        "runs_dry": ["3d", "1d"],
        "empty": True,
    },
    "rules": [{"name": "low", "match": {"account": "a"}, "below": "20", "for": "2 checks"}],
    "routes": [
        {"match": {"severity": "critical"}, "channels": ["sns", "slack:a"], "mention": "<!here>"}
    ],
    "digest": {"at": "09:00", "days": ["mon"], "timezone": "UTC", "channels": ["sns"]},
    "mute_times": [{"days": ["sat"], "from": "22:00", "to": "08:00", "timezone": "UTC"}],
    "providers": [{**{k: v for k, v in OWN.items() if k != "json"}, "slug": "own"}],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 (JSON)
    """Returns the path of every value within a value."""
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(it for name, element in inner for it in places(element, (*path, name)))]


def variant(value: Any, random: Random) -> Any:  # noqa: ANN401 (JSON)
    """Returns a value of which some parts are replaced, removed or added."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        *outer, last = random.choice([it for it in places(value) if it])
        table = value
        for name in outer:
            table = table[name]
        change = random.random()
        if change < 0.75:
            table[last] = deepcopy(random.choice(VALUES))
        elif change < 0.85:
            del table[last]
        elif isinstance(table, dict):
            table[random.choice(["\ud800", "", "x", "\x00", f"{last}x"])] = deepcopy(
                random.choice(VALUES)
            )
        else:
            table.append(deepcopy(random.choice(VALUES)))
        if not value:
            break
    return value


@pytest.mark.parametrize("name", SECRETS)
def test_no_value_of_a_secret_raises(name: str) -> None:
    for number in range(VARIANTS):
        random = Random(number)  # noqa: S311 (no secret)
        text = json.dumps(variant(SECRETS[name], random), ensure_ascii=random.random() < 0.5)
        if random.random() < 0.1:
            at = random.randrange(len(text))
            text = text[:at] + random.choice(["", "\ud800", '"', "}", "0" * 50]) + text[at + 1 :]
        secrets = Secrets({f"balance-watch/{name}": text})
        parsed = parse_secrets(secrets, "balance-watch/", partial(resolve, {}), KINDS)
        "\n".join(parsed.faults).encode()


def toml(value: Any) -> str:  # noqa: ANN401 (JSON)
    """Writes a value as inline TOML, as far as TOML has it."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return str(value)
    return json.dumps(value)


def test_no_value_of_a_policy_raises() -> None:
    for number in range(VARIANTS):
        random = Random(number)  # noqa: S311 (no secret)
        table = variant(POLICY, random)
        text = "\n".join(f"{json.dumps(name)} = {toml(value)}" for name, value in table.items())
        faults = Faults()
        policy = parse_policy(text, "policy", faults)
        assert (policy is None) is bool(faults)
        "\n".join(faults).encode()
