"""Any text is either a valid policy or has faults; none raises an error."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from balance_watch.config.policy import parse_policy
from balance_watch.validation import Faults


@given(st.text(max_size=200))
@example("\x00")
@example("[[rules]]\n[rules]\n")
@example("rules = 1\n[[rules]]\n")
def test_any_text_is_a_policy_or_has_faults(text: str) -> None:
    faults = Faults()
    assert (parse_policy(text, "policy", faults) is None) is bool(faults)


def toml(value: object) -> str:
    """Writes a value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}" = {toml(inner)}' for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower()


words = st.sampled_from(
    ["", "low", "5", "-1", "2 checks", "24h", "never", "critical", "points", "sns", "slack:a", "*"]
)
plain_values = words | st.booleans() | st.integers() | st.floats(width=16)
inner_names = st.sampled_from(
    ["name", "match", "metric", "below", "above", "recover", "for", "channels", "account", "x"]
)
values = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_names, inner, max_size=5),
    max_leaves=12,
)
tables: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["defaults", "rules", "routes", "digest", "other"]), values, max_size=3
)


@given(tables)
def test_any_table_is_a_policy_or_has_faults(table: dict[str, Any]) -> None:
    text = "\n".join(f"{name} = {toml(value)}" for name, value in table.items())
    faults = Faults()
    assert (parse_policy(text, "policy", faults) is None) is bool(faults)
