"""The policies, specifications and JSON texts in the documentation are valid as written."""

import json
import re
from pathlib import Path

import pytest

from balance_watch.cli.main import parser
from balance_watch.config.policy import parse_policy
from balance_watch.providers.registry import slugs
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
    *blocks("docs/alerts.md", "toml"),
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


def test_the_pages_show_two_policies_and_three_specifications() -> None:
    assert (len(POLICIES), len(SPECIFICATIONS)) == (2, 3)


def test_every_json_text_is_json() -> None:
    pages = ("docs/accounts.md", "docs/alerts.md", "docs/adding-a-provider.md")
    texts = [block for page in pages for block in blocks(page, "json")]
    assert len([json.loads(block) for block in texts]) > len(pages)


def test_the_readme_tells_how_many_providers_there_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\[(\d+) providers\]", text) == [f"{len(slugs())}"]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_house_in_the_architecture_has_every_file() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    house = text.partition("## The house")[2].partition("```\n\n")[0]
    package = ROOT / "functions" / "balance_watch"
    files = {
        path.name
        for path in package.rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "modules"
    }
    assert set(re.findall(r"(\w+\.py) ", house)) == files


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_files_and_tests_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    roots = (ROOT, ROOT / "functions" / "balance_watch", page.parent)
    named = set(re.findall(r"`([\w.-]+/[\w./-]*\.(?:py|toml|json|yaml|md))`", text))
    assert [file for file in named if not any((root / file).exists() for root in roots)] == []
    tests = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))
    assert [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in tests] == []


def test_the_command_s_page_and_its_help_name_every_exit_code() -> None:
    page = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    epilog = " ".join(parser().format_help().split())
    assert [code for code in ("0", "1", "2", "3", "130") if f"{code}: " not in page] == []
    assert [it for it in ("0 f", "1 the", "2 wrong", "3 an", "130 s") if it not in epilog] == []


def test_the_command_s_page_lists_every_command_that_takes_json() -> None:
    page = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    listed = page[: page.index("`--json`;")].rpartition("\n\n")[2]
    actions = parser()._actions  # noqa: SLF001 (argparse has no other way)
    commands = next(it.choices for it in actions if isinstance(it.choices, dict))
    takes = [name for name, it in commands.items() if "--json" in it.format_help()]
    assert [name for name in takes if f"`{name}`" not in listed] == []
