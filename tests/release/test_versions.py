"""One version stands everywhere: pyproject.toml has it, and the rest follows."""

import re

import pytest

from balance_watch.transport import USER_AGENT
from release.__main__ import version
from tests.support.templates import OURS, ROOT

APPLICATION = OURS.sam["Metadata"]["AWS::ServerlessRepo::Application"]


def test_providers_see_the_version_in_the_user_agent() -> None:
    assert f"balance-watch/{version().rpartition('.')[0]}" == USER_AGENT


def test_the_changelog_begins_with_the_version_and_how_to_upgrade_to_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == version()
    newest = text.partition(f"## {version()}\n")[2].partition("\n## ")[0]
    assert newest.startswith(f"\n### Upgrading from {versions[1]}\n")


def test_the_application_in_the_repository_has_the_version() -> None:
    assert APPLICATION["SemanticVersion"] == version()


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("Name", "[a-zA-Z0-9-]{1,140}"),
        ("Description", ".{1,256}"),
        ("Author", "[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?"),
        ("SpdxLicenseId", "MIT"),
        ("SemanticVersion", r"\d+\.\d+\.\d+"),
        ("HomePageUrl", "https://.+"),
        ("SourceCodeUrl", "https://.+"),
    ],
)
def test_the_repository_accepts_what_the_application_says_of_itself(
    field: str, pattern: str
) -> None:
    # https://docs.aws.amazon.com/serverlessrepo/latest/devguide/applications.html
    assert re.fullmatch(pattern, APPLICATION[field])


def test_the_repository_accepts_the_labels() -> None:
    labels = APPLICATION["Labels"]
    assert 1 <= len(labels) <= 10
    assert [label for label in labels if not re.fullmatch(r"[a-zA-Z0-9+:_/@-]{1,127}", label)] == []


def test_the_repository_shows_the_readme_and_the_license_of_the_source() -> None:
    assert (ROOT / APPLICATION["ReadmeUrl"]).is_file()
    assert "MIT License" in (ROOT / APPLICATION["LicenseUrl"]).read_text(encoding="utf-8")
