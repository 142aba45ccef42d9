"""The page about channels is true: its table and its pictures."""

import re

import pytest

from balance_watch.notifiers.channels import KINDS
from docs.pictures.draw_channels import pages
from docs.pictures.page_picture import digest_in, digest_of
from tests.test_documentation import ROOT

PAGE = ROOT / "docs" / "channels.md"
TEXT = PAGE.read_text(encoding="utf-8")
PAGES = pages()
ROWS = {
    row[0].strip("` ").partition(":")[0]: row
    for line in TEXT.splitlines()
    if line.startswith("| `") and len(row := line.strip("| ").split(" | ")) > 3
}
MOST_BYTES = 150_000


def test_every_kind_has_a_row() -> None:
    assert list(ROWS) == list(KINDS)


def test_the_page_is_for_whoever_sets_a_channel_up() -> None:
    assert re.findall(r"\b(?:tests/|\w+\.py\b|pytest)", TEXT) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_names_its_source(kind: str) -> None:
    assert re.search(r"\]\(https://[^)]+\)", " | ".join(ROWS[kind]))


@pytest.mark.parametrize("page", ["docs/channels.md", "docs/alerts.md", "README.md"])
def test_every_picture_that_a_page_shows_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.findall(r'src="([^":]+)"|!\[[^\]]*\]\(([^):]+)\)', text)
    files = [(ROOT / page).parent / (one or other) for one, other in shown]
    assert [file for file in files if not file.is_file()] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_picture_is_of_the_present_messages_light_and_on_the_page(name: str) -> None:
    picture = (ROOT / "docs" / "pictures" / name).read_bytes()
    assert digest_in(picture) == digest_of(PAGES[name])
    assert len(picture) < MOST_BYTES
    assert f'src="pictures/{name}"' in TEXT
