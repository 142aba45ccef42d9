"""What the documentation shows of policies and specifications is in order, word for word."""

import json
import re
from pathlib import Path

import pytest

from balance_watch.config.policy import parse_policy
from balance_watch.providers.spec_validation import parse_spec
from balance_watch.validation import Faults

ROOT = Path(__file__).parent.parent


def blocks(file: str, language: str) -> list[str]:
    """The blocks of code of a page, without their indentation."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


POLICIES = [
    *blocks("README.md", "toml"),
    *(it for it in blocks("docs/adding-a-provider.md", "toml") if "[[providers]]" in it),
]
SPECIFICATIONS = [it for it in blocks("docs/adding-a-provider.md", "toml") if it not in POLICIES]


@pytest.mark.parametrize("text", POLICIES)
def test_every_policy_that_is_shown_is_in_order(text: str) -> None:
    faults = Faults()
    assert parse_policy(text, "policy", faults) is not None, faults


@pytest.mark.parametrize("text", SPECIFICATIONS)
def test_every_specification_that_is_shown_is_in_order(text: str) -> None:
    faults = Faults()
    assert parse_spec(text, "it", faults) is not None, faults


def test_a_policy_and_a_specification_are_shown() -> None:
    assert (len(POLICIES), len(SPECIFICATIONS)) == (2, 2)


def test_every_json_that_is_shown_is_json() -> None:
    shown = [*blocks("README.md", "json"), *blocks("docs/adding-a-provider.md", "json")]
    assert [json.loads(block) for block in shown if block]
