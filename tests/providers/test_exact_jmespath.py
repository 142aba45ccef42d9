"""Every function and comparison of jmespath is right on exact numbers, in bounded steps."""

import json
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance_watch.exact_parsing import exact_json
from balance_watch.providers.exact_jmespath import TooManyStepsError, search, syntax_tree
from balance_watch.providers.spec_types import Path

WHOLE = [
    "abs(n)", "ceil(n)", "floor(n)", "avg(ns)", "sum(ns)", "min(ns)", "max(ns)", "sort(ns)",
    "reverse(ns)", "length(ns)", "length(t)", "length(@)", "contains(ns, `3`)", "contains(ns, n)",
    "contains(t, 'b')", "ends_with(t, 'c')", "starts_with(t, 'a')", "join(',', ts)",
    "keys({a: n})", "values({a: n})", "map(&n, os)", "map(&(n), os[?n])", "max_by(os, &n)",
    "max_by(os, &n).s", "min_by(os, &n).s", "sort_by(os, &n)[*].s", "sort_by(os, &s)[*].n",
    "merge({a: n}, {b: t})", "not_null(x, n)", "to_array(n)", "to_array(ns)", "to_number('12')",
    "to_number(n)", "to_number(t)", "to_number(ns)", "to_number(`true`)", "to_string(n)",
    "to_string(os)", "to_string(t)", "type(n)", "type(t)", "type(ns)", "type(os[0])", "type(x)",
    "type(`1`)", "type(`true`)", "n == `3`", "n != `3`", "n < `3`", "n <= `3`", "n > `3`",
    "n >= `3`", "`1` == `true`", "n == `true`", "os[?n > `2`].s", "os[?n == `2`].s",
    "os[?type(n) == 'number'].s", "ns[?@ >= `3`]", "ns[0]", "ns[-1]", "ns[1:3]", "ns[::-1]",
    "!n", "n && t", "x || n", "n || t", "[n, t]", "{a: n}", "ns | [0]", "os[*].n", "*",
    "[ns, ns][]",
    "length(ns) > `2`", "sum(map(&n, os)) > `3`", "`[1, 2]` == `[1, 2]`", "ns == `[1, 2]`",
    "type(limit) != 'number'",
]  # fmt: skip
"""Expressions whose values on whole numbers the library itself knows."""


def plain(value: object) -> object:
    """A value with the library's numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return value


def body(n: int, ns: list[int]) -> dict[str, Any]:
    objects = [{"n": number, "s": f"s{index}"} for index, number in enumerate(ns)]
    return {"n": n, "ns": ns, "t": "abc", "ts": ["a", "b"], "os": objects, "limit": n}


@pytest.mark.parametrize("expression", WHOLE)
@settings(max_examples=12)
@given(st.integers(-5, 5), st.lists(st.integers(-5, 5), min_size=1, max_size=5))
def test_on_whole_numbers_it_is_what_the_library_says(
    expression: str, n: int, ns: list[int]
) -> None:
    expected = jmespath.search(expression, body(n, ns))
    found = search(expression, exact_json(json.dumps(body(n, ns))))
    assert (
        plain(found) == pytest.approx(expected)
        if isinstance(expected, float)
        else (plain(found) == expected)
    )


fractions = st.decimals(-1000, 1000, places=4, allow_nan=False)
numbers = st.lists(fractions, min_size=1, max_size=8)


@given(numbers)
def test_fractions_are_added_and_compared_exactly(ns: list[Decimal]) -> None:
    assert search("sum(@)", ns) == sum(map(Fraction, ns))
    assert (search("max(@)", ns), search("min(@)", ns)) == (max(ns), min(ns))
    assert search("sort(@)", ns) == sorted(ns)
    assert search("[?@ > `0.1`]", ns) == [it for it in ns if it > Decimal("0.1")]
    average = sum(map(Fraction, ns), Fraction(0)) / len(ns)
    assert abs(Fraction(search("avg(@)", ns)) - average) < Fraction(1, 10**30)


@given(fractions)
def test_a_fraction_rounds_up_and_down(number: Decimal) -> None:
    floor, ceil = search("floor(@)", number), search("ceil(@)", number)
    assert floor <= number <= ceil
    assert ceil - floor in (0, 1)
    assert search("abs(@)", number) == abs(number)


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("type(limit) != 'number'", '{"limit": 20}', False),
        ("wallets[?rate == `0.1`].left | [0]", '{"wallets": [{"rate": 0.1, "left": 500}]}', 500),
        ("sum(@)", "[0.1, 0.2]", Decimal("0.3")),
        ("sum(@)", "[12345678901234567890.12, 0.03]", Decimal("12345678901234567890.15")),
        ("to_number(@)", '"0.1"', Decimal("0.1")),
        ("to_number(@)", '"12345678901234567890.123"', Decimal("12345678901234567890.123")),
        ("to_number(@)", '"1_000"', None),
        ("to_number(@)", '"NaN"', None),
        ("to_string(@)", "0.10", "0.1"),
        ("to_string(@)", '{"a": [0.1, null, true, "x"]}', '{"a":[0.1,null,true,"x"]}'),
        ("avg(@)", "[0.1, 0.2]", Decimal("0.15")),
        ("avg(@)", "[1, 0, 0]", Decimal("0." + "3" * 38)),
        ("abs(@)", f"-{'12345678' * 4}.5", Decimal(f"{'12345678' * 4}.5")),
        ("max_by(@, &n).n", '[{"n": 0.1}, {"n": 0.3}, {"n": 0.2}]', Decimal("0.3")),
        ("sort_by(@, &n)[0].n", '[{"n": 0.3}, {"n": 0.1}]', Decimal("0.1")),
        ("a < b", '{"a": 1, "b": "2"}', None),
        ("a == b", '{"a": 1, "b": true}', False),
    ],
)  # fmt: skip
def test_examples_on_exact_numbers(expression: str, text: str, expected: object) -> None:
    assert search(expression, exact_json(text)) == expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("summ(@)", "not a function"),
        ("sum(@, @)", "number of arguments"),
        ("a[?nope(@)]", "not a function"),
        ("join(',')", "number of arguments"),
    ],
)
def test_an_expression_that_can_only_fail_is_a_fault(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Path.parse(expression)


LARGE = [Decimal(number) for number in range(30_000)]
LITERAL = json.dumps(list(range(1000)))


@pytest.mark.parametrize(
    "expression",
    [
        f"map(&map(&@, `{LITERAL}`), @)",
        f"map(&`{LITERAL}`, @) | to_string(@)",
        f"join(',', map(&'{'x' * 4000}', @))",
        "map(&map(&@, [@, @, @])[], @)[] | map(&[@, @, @, @][], @)[] | [@, @, @, @, @][]",
        f"[?contains(`{LITERAL}`, @)]",
        "map(&map(&@, [@, @]), @) | map(&to_string(@), @) | to_string(@)",
    ],
)
def test_no_expression_takes_much_time_or_memory(expression: str) -> None:
    syntax_tree(expression)
    tracemalloc.start()
    try:
        search(expression, LARGE)
    except TooManyStepsError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 40_000_000


def test_an_ordinary_filter_on_a_large_reply_is_far_within_the_steps() -> None:
    accounts = [{"id": Decimal(n), "kind": "main"} for n in range(5000)]
    assert search("[?kind == 'main' && id == `4999`] | [0].id", accounts) == 4999
