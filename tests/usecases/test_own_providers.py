"""Own providers, in the policy or in an account, work like those of the catalogue."""

from typing import Any

from tests.support.canaries import key
from tests.support.check_bench import LOW, Bench
from tests.support.examples import NEXT

OWN = """
[[providers]]
slug = "funds"
name = "Funds"
url = "https://funds.example/balance"
auth = { headers = { Authorization = "Bearer $api_key" } }
currency = "USD"
billing = "https://funds.example/pay"
reply.balance = "left"
"""

INLINE = {
    "name": "Ours & Theirs",
    "url": "https://ours.example/balance",
    "auth": {"headers": {"X-Key": "$api_key"}},
    "currency": "USD",
    "scale": "0.01",
    "success": {"path": "code", "equals": 200},
    "reply": {"balance": "left"},
}


def entry(name: str, provider: object, **more: object) -> dict[str, Any]:
    credentials = {"api_key": key(name)}
    return {
        "name": name,
        "provider": provider,
        "credentials": credentials,
        "alert_below": "20",
        **more,
    }


def watch(bench: Bench, *entries: dict[str, Any]) -> None:
    bench.put_secret("accounts", {"accounts": list(entries)})


def test_an_account_of_a_provider_in_the_policy_is_read_and_its_alert_has_a_link(
    bench: Bench,
) -> None:
    bench.aws.put_policy(OWN)
    watch(bench, entry("a", "funds"))
    bench.reads.balances["a"] = LOW
    bench.run()
    notification = bench.delivery.accepted[0].notification
    assert notification.provider == "funds"
    assert notification.link == "https://funds.example/pay"


def test_rules_match_a_provider_in_an_account_by_its_name(bench: Bench) -> None:
    bench.aws.put_policy('[[rules]]\nname = "ours"\nbelow = "20"\nmatch = { provider = "Ours*" }\n')
    watch(bench, entry("a", INLINE, alert_below=None))
    bench.reads.balances["a"] = LOW
    bench.run()
    notification = bench.delivery.accepted[0].notification
    assert (notification.provider, notification.rule) == ("Ours & Theirs", "ours")


def test_a_provider_of_the_last_valid_policy_is_still_used(bench: Bench) -> None:
    bench.aws.put_policy(OWN)
    watch(bench, entry("a", "funds"))
    bench.run()
    bench.aws.put_policy(OWN.replace("[reply]", "").replace("balance =", "balanse ="))
    bench.run(NEXT)
    assert bench.reads.requested == ["a", "a"]
    assert bench.delivery.announced == [("configuration", "fired")]


def test_an_unknown_provider_is_announced_and_stops_no_other_account(bench: Bench) -> None:
    watch(bench, entry("a", "funds"), entry("b", "you"))
    bench.run()
    assert bench.reads.requested == ["b"]
    assert (
        "neither in the catalogue nor in the policy"
        in bench.delivery.accepted[0].notification.detail
    )


def test_a_policy_cannot_redirect_the_keys_of_a_provider_in_the_catalogue(bench: Bench) -> None:
    bench.aws.put_policy(OWN.replace('slug = "funds"', 'slug = "you"'))
    watch(bench, entry("a", "you"))
    assert [spec.url for _, spec in bench.wiring.load().accounts] == [
        "https://api.you.com/v1/billing/account_balance"
    ]
    bench.run()
    detail = bench.delivery.accepted[0].notification.detail
    assert "policy providers, you: is also in the catalogue, which takes precedence" in detail


def test_a_fault_of_a_provider_in_an_account_is_reported_by_its_place_only(bench: Bench) -> None:
    wrong = {
        **INLINE,
        "reply": {"blance": key("blance")},
        "auth": {"headers": {"X": key("literal")}},
    }
    watch(bench, entry("a", wrong), entry("b", "you"))
    bench.run()
    assert bench.reads.requested == ["b"]
    detail = bench.delivery.accepted[0].notification.detail
    assert "account a, provider, reply" in detail
    assert key("blance") not in detail


def test_a_key_in_the_specification_is_a_fault(bench: Bench) -> None:
    wrong = {**INLINE, "auth": {"headers": {"X-Key": "my-own-key"}}}
    watch(bench, entry("a", wrong))
    bench.run()
    detail = bench.delivery.accepted[0].notification.detail
    assert "account a, provider, auth: must have a $name in each" in detail
    assert "my-own-key" not in detail
