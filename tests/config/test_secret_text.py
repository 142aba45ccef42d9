"""The text of a secret is edited in place: nothing else of it changes."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balance_watch.config.secret_text import (
    NotEditableError,
    entries_of,
    with_entry,
    with_purchase,
    without_entry,
)

WRITTEN = """ {
  "accounts" : [
    {"name": "a", "alert_below": 0.10, "labels": {"x]": "[,}"}},
    { "name":"b" ,"credit":[ {"amount": 1.50, "paid_at": "2026-11-01"} ]}
  ]
}
"""
NEW = {"name": "c", "provider": "you", "credentials": {"api_key": "k"}}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
names = st.sampled_from("abc")
accounts = st.builds(
    lambda name, more: {**more, "name": name},
    names,
    st.dictionaries(st.text(max_size=4), values, max_size=3),
)
layouts = st.sampled_from([None, 0, 1, 4])


def accounts_of(text: str) -> Any:  # noqa: ANN401 (JSON)
    return json.loads(text, parse_float=Decimal)["accounts"]


def written(content: list[Any], indent: int | None) -> str:
    return json.dumps({"accounts": content}, indent=indent)


def test_an_account_is_added_and_every_byte_before_stays() -> None:
    text = with_entry(WRITTEN, NEW)
    assert accounts_of(text) == [*accounts_of(WRITTEN), NEW]
    assert '"alert_below": 0.10, "labels": {"x]": "[,}"}}' in text
    assert text.startswith(WRITTEN[: WRITTEN.rindex("}\n  ]") + 1])


def test_a_new_secret_has_the_one_account() -> None:
    assert accounts_of(with_entry(None, NEW)) == [NEW]


def test_an_account_is_removed_and_the_others_stay_as_they_are() -> None:
    assert '"alert_below": 0.10' in without_entry(WRITTEN, "b")
    assert '{ "name":"b" ,"credit":[ {"amount": 1.50' in without_entry(WRITTEN, "a")


def test_a_purchase_is_added_to_the_others() -> None:
    text = with_purchase(WRITTEN, "b", {"amount": "200", "paid_at": "2026-11-20"})
    assert '{"amount": 1.50, "paid_at": "2026-11-01"}, {"amount": "200"' in text
    assert len(accounts_of(text)[1]["credit"]) == 2


def test_the_first_purchase_of_an_account_is_added() -> None:
    text = with_purchase(WRITTEN, "a", {"amount": "5"})
    assert accounts_of(text)[0]["credit"] == [{"amount": "5"}]
    assert accounts_of(text)[0]["alert_below"] == Decimal("0.10")


@given(st.lists(accounts, max_size=4), accounts, layouts)
def test_adding_appends_whatever_the_layout(
    content: list[Any], new: dict[str, Any], indent: int | None
) -> None:
    assert accounts_of(with_entry(written(content, indent), new)) == [*content, new]


@given(st.lists(accounts, max_size=5), names, layouts)
def test_removing_takes_out_every_account_of_the_name_and_no_other(
    content: list[Any], name: str, indent: int | None
) -> None:
    kept = [it for it in content if it["name"] != name]
    assert accounts_of(without_entry(written(content, indent), name)) == kept


@given(st.lists(accounts, max_size=4), names, layouts, st.none() | st.lists(values, max_size=2))
def test_a_purchase_goes_into_the_first_account_of_the_name(
    content: list[Any], name: str, indent: int | None, credit: list[Any] | None
) -> None:
    if credit is not None:
        content = [{**it, "credit": credit} for it in content]
    index = next((i for i, it in enumerate(content) if it["name"] == name), None)
    text = written(content, indent)
    if index is None:
        with pytest.raises(NotEditableError, match="has no account"):
            with_purchase(text, name, {"amount": "1"})
        return
    content[index] = {**content[index], "credit": [*(credit or []), {"amount": "1"}]}
    assert accounts_of(with_purchase(text, name, {"amount": "1"})) == content


def test_a_credit_that_is_no_list_is_left_alone() -> None:
    with pytest.raises(NotEditableError, match="no list"):
        with_purchase('{"accounts": [{"name": "a", "credit": 5}]}', "a", {"amount": "1"})


def test_a_credit_that_is_null_is_as_if_it_were_absent() -> None:
    text = with_purchase('{"accounts": [{"credit": null, "name": "a"}]}', "a", {"amount": "1"})
    assert text == '{"accounts": [{"credit": [{"amount": "1"}], "name": "a"}]}'


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"accounts": {}}', '{"accounts": [], "x": 1}', '{"a": 1, "a": 2}', "5"],
)
def test_what_is_no_accounts_secret_is_not_edited(text: str) -> None:
    with pytest.raises(NotEditableError):
        entries_of(text)


def test_a_byte_order_mark_stays() -> None:
    text = with_entry("\ufeff" + WRITTEN, NEW)
    assert text.startswith("\ufeff {")
    assert len(entries_of(text)) == 3


@pytest.mark.parametrize("number", ["9" * 5000, "1e99999999999999999999", "NaN", "-Infinity"])
def test_a_number_that_is_no_amount_hides_no_account(number: str) -> None:
    text = f'{{"accounts": [{{"name": "a", "alert_below": {number}}}, {{"name": "b"}}]}}'
    assert [it.name for it in entries_of(text)] == ["a", "b"]
