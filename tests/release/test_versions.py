"""One version stands everywhere: pyproject.toml has it, and the rest follows."""

import re
import tomllib
from pathlib import Path

from balance_watch.transport import USER_AGENT

ROOT = Path(__file__).resolve().parents[2]
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "version"
]


def test_providers_see_the_version_in_the_user_agent() -> None:
    assert f"balance-watch/{VERSION.rpartition('.')[0]}" == USER_AGENT


def test_the_changelog_begins_with_the_version_and_how_to_upgrade_to_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == VERSION
    newest = text.partition(f"## {VERSION}\n")[2].partition("\n## ")[0]
    assert newest.startswith(f"\n### Upgrading from {versions[1]}\n")
