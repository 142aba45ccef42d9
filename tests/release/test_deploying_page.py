"""docs/deploying.md names the files, parameters and outputs that a release has."""

import re

import pytest

from release.__main__ import version
from release.template import released
from tests.support.templates import OURS, ROOT

PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
TEMPLATE = released(OURS.sam, archive="any.zip")


def anchor(heading: str) -> str:
    """Returns the anchor that a heading has in Markdown as GitHub shows it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_table_of_contents_has_every_heading() -> None:
    contents = re.findall(r"^- \[(.+)\]\(#(.+)\)$", PAGE, re.MULTILINE)
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert contents == [(heading, anchor(heading)) for heading in headings]


def test_every_link_within_the_page_leads_somewhere() -> None:
    anchors = {anchor(heading) for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    assert set(re.findall(r"\(#(.+?)\)", PAGE)) == anchors


def test_every_file_of_a_release_is_of_this_version() -> None:
    assert set(re.findall(r"balance[-_]watch-(\d+\.\d+\.\d+)", PAGE)) == {version()}


@pytest.mark.parametrize(
    ("language", "file"), [("python", "cdk/app.py"), ("hcl", "terraform/main.tf")]
)
def test_the_page_shows_the_examples_that_are_tested(language: str, file: str) -> None:
    shown = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert shown == [(ROOT / "docs" / "examples" / file).read_text(encoding="utf-8")]


def test_every_parameter_in_a_command_is_one_of_the_template() -> None:
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    assignments = re.findall(r"\b([A-Z]\w+)=|Name=(\w+),Value=", commands)
    named = {one or other for one, other in assignments} - {"REGION", "EMAIL", "Name", "Value"}
    assert named >= {"CodeBucket", "AlertEmail"}
    assert named - set(TEMPLATE["Parameters"]) == set()
