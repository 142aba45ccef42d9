"""Says what a policy changes in another one, section by section, for whoever is to agree to it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import time
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from balance_watch.config.policy import PolicyFile
from balance_watch.exact_parsing import exact_toml
from balance_watch.validation import Faults, without_null

_NAMES = {"rules": "name", "providers": "slug"}
"""The sections whose tables have a name, and the field that holds it."""


class PolicyText(NamedTuple):
    """A valid policy, and the text that it was parsed from."""

    file: PolicyFile
    text: str

    @property
    def raw(self) -> Mapping[str, Any]:
        """The tables of the text."""
        return exact_toml(self.text, "policy", Faults()) or {}


def changes(before: PolicyText, after: PolicyText) -> Iterator[str]:
    """Yields a line for each part that a policy adds, removes or changes.

    The lines name fields as the texts have them. Two texts for one meaning, such as `1d` and `24h`,
    are no change.
    """
    old, new, raw, raw_new = before.file.policy, after.file.policy, before.raw, after.raw
    if old.defaults != new.defaults:
        yield from _fields("[defaults]", raw.get("defaults", {}), raw_new.get("defaults", {}))
    rules, rules_new = ({rule.name: rule for rule in it.rules} for it in (old, new))
    yield from _named("rules", "rule", rules, rules_new, raw, raw_new)
    if [it for it in rules if it in rules_new] != [it for it in rules_new if it in rules]:
        yield "~ rules: another order"
    yield from _in_order("routes", old.routes, new.routes, raw, raw_new)
    yield from _in_order("mute_times", old.mute_times, new.mute_times, raw, raw_new)
    own, own_new = before.file.providers, after.file.providers
    yield from _named("providers", "provider", own, own_new, raw, raw_new)
    if old.digest != new.digest:
        yield from _fields("[digest]", raw.get("digest"), raw_new.get("digest"))


def _named(
    section: str,
    word: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    raw: Mapping[str, Any],
    raw_new: Mapping[str, Any],
) -> Iterator[str]:
    """Yields the changes of a section whose tables have a name."""
    key = _NAMES[section]
    old, new = ({it[key]: it for it in tables.get(section, ())} for tables in (raw, raw_new))
    for name in dict.fromkeys((*before, *after)):
        what = f'{word} "{name}"'
        if before.get(name) != after.get(name):
            without = [{k: v for k, v in it.get(name, {}).items() if k != key} for it in (old, new)]
            yield from _fields(
                what, without[0] if name in old else None, without[1] if name in new else None
            )


def _fields(
    what: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[str]:
    """Yields what is new, gone, or has other fields; None: there is no such table."""
    if before is None or after is None:
        sign, table = ("+", after or {}) if before is None else ("-", before)
        fields = ", ".join(f"{name} = {_toml(value)}" for name, value in table.items())
        yield f"{sign} {what}: {fields}" if fields else f"{sign} {what}"
        return
    old, new = without_null(before), without_null(after)
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            was, becomes = (_toml(it[name]) if name in it else "not set" for it in (old, new))
            yield f"~ {what}: {name} was {was}, becomes {becomes}"


def _in_order(
    section: str,
    before: Sequence[object],
    after: Sequence[object],
    raw: Mapping[str, Any],
    raw_new: Mapping[str, Any],
) -> Iterator[str]:
    """Yields the changes of a section whose tables have no name, but an order that counts."""
    known: list[object] = []
    known += (it for it in (*before, *after) if it not in known)
    keys = [[known.index(it) for it in tables] for tables in (before, after)]
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for _, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if keys[0][old_from:old_to] == keys[1][new_from:new_to]:
            continue
        for number in range(old_from, old_to):
            yield from _fields(f"{section}[{number}]", raw[section][number], None)
        for number in range(new_from, new_to):
            yield from _fields(f"{section}[{number}]", None, raw_new[section][number])


def _toml(value: object) -> str:
    """Returns a value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {_toml(it)}' for name, it in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, time) else f"{value}"
