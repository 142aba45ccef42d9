"""Providers of the user's own, in the policy or in an account, watched as any other."""

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


def test_a_provider_of_the_policy_is_watched_and_linked(bench: Bench) -> None:
    bench.aws.put_policy(OWN)
    watch(bench, entry("a", "funds"))
    bench.looks.balances["a"] = LOW
    bench.run()
    said = bench.post.accepted[0]
    assert (said.notification.provider, said.notification.link) == (
        "funds",
        "https://funds.example/pay",
    )


def test_a_provider_in_an_account_is_watched_and_goes_by_its_name(bench: Bench) -> None:
    bench.aws.put_policy('[[rules]]\nname = "ours"\nbelow = "20"\nmatch = { provider = "Ours*" }\n')
    watch(bench, entry("a", INLINE, alert_below=None))
    bench.looks.balances["a"] = LOW
    bench.run()
    said = bench.post.accepted[0].notification
    assert (said.provider, said.rule) == ("Ours & Theirs", "ours")


def test_the_provider_of_a_policy_that_has_gone_bad_stays(bench: Bench) -> None:
    bench.aws.put_policy(OWN)
    watch(bench, entry("a", "funds"))
    bench.run()
    bench.aws.put_policy(OWN.replace("[reply]", "").replace("balance =", "balanse ="))
    bench.run(NEXT)
    assert bench.looks.asked == ["a", "a"]
    assert bench.post.said == [("configuration", "fired")]


def test_a_provider_that_there_is_not_is_told_and_stops_nobody_else(bench: Bench) -> None:
    watch(bench, entry("a", "funds"), entry("b", "you"))
    bench.run()
    assert bench.looks.asked == ["b"]
    assert (
        "neither in the catalogue nor in the policy" in bench.post.accepted[0].notification.detail
    )


def test_no_policy_can_send_the_keys_of_a_catalogue_s_provider_elsewhere(bench: Bench) -> None:
    bench.aws.put_policy(OWN.replace('slug = "funds"', 'slug = "you"'))
    watch(bench, entry("a", "you"))
    assert [spec.url for _, spec in bench.check().load().accounts] == [
        "https://api.you.com/v1/billing/account_balance"
    ]
    bench.run()
    detail = bench.post.accepted[0].notification.detail
    assert "policy providers: you is also in the catalogue, which takes precedence" in detail


def test_a_fault_of_a_provider_in_an_account_is_told_by_its_place_alone(bench: Bench) -> None:
    wrong = {
        **INLINE,
        "reply": {"blance": key("blance")},
        "auth": {"headers": {"X": key("literal")}},
    }
    watch(bench, entry("a", wrong), entry("b", "you"))
    bench.run()
    assert bench.looks.asked == ["b"]
    detail = bench.post.accepted[0].notification.detail
    assert "account a, provider, reply" in detail
    assert key("blance") not in detail


def test_a_key_that_stands_in_the_specification_is_a_fault(bench: Bench) -> None:
    wrong = {**INLINE, "auth": {"headers": {"X-Key": "my-own-key"}}}
    watch(bench, entry("a", wrong))
    bench.run()
    detail = bench.post.accepted[0].notification.detail
    assert "account a, provider, auth: must have a $name in each" in detail
    assert "my-own-key" not in detail
