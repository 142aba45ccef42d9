"""docs/deploying.md names the files, parameters and outputs that a release has."""

import re

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


def test_every_parameter_in_a_command_is_one_of_the_template() -> None:
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    named = {name for name in re.findall(r"\b([A-Z]\w+)=", commands) if not name.isupper()}
    assert named >= {"CodeBucket", "AlertEmail"}
    assert named - set(TEMPLATE["Parameters"]) == set()
