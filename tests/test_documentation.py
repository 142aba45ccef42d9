"""The policies, specifications and JSON texts in the documentation are valid as written."""

import json
import re
from pathlib import Path

import pytest

from balance_watch.config.policy import parse_policy
from balance_watch.providers.spec_validation import parse_spec
from balance_watch.validation import Faults

ROOT = Path(__file__).parent.parent


def blocks(file: str, language: str) -> list[str]:
    """Returns a page's blocks of code in a language, without their indentation."""
    text = (ROOT / file).read_text(encoding="utf-8")
    indented = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in indented]


PROVIDER_BLOCKS = blocks("docs/adding-a-provider.md", "toml")
POLICIES = [
    *blocks("README.md", "toml"),
    *(block for block in PROVIDER_BLOCKS if "[[providers]]" in block),
]
SPECIFICATIONS = [block for block in PROVIDER_BLOCKS if block not in POLICIES]


@pytest.mark.parametrize("text", POLICIES)
def test_every_policy_is_valid(text: str) -> None:
    faults = Faults()
    assert parse_policy(text, "policy", faults) is not None, faults


@pytest.mark.parametrize("text", SPECIFICATIONS)
def test_every_specification_is_valid(text: str) -> None:
    faults = Faults()
    assert parse_spec(text, "specification", faults) is not None, faults


def test_the_pages_show_two_policies_and_two_specifications() -> None:
    assert (len(POLICIES), len(SPECIFICATIONS)) == (2, 2)


def test_every_json_text_is_json() -> None:
    texts = [*blocks("README.md", "json"), *blocks("docs/adding-a-provider.md", "json")]
    assert [json.loads(block) for block in texts if block]
