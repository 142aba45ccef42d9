"""The lock files: every requirement is pinned and hashed, and no file names an index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "functions" / "requirements.txt", *sorted((ROOT / "requirements").glob("*.txt"))]


def packages(text: str) -> set[str]:
    """Returns the names of the packages in a requirements file."""
    return {match[1].lower() for match in re.finditer(r"^([A-Za-z0-9][\w.-]*)", text, re.MULTILINE)}


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("lock", LOCKS, ids=by_name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"^(?=\w)", text, flags=re.MULTILINE) if block.strip()]
    requirements = [block for block in blocks if not block.startswith("#")]
    assert requirements
    assert [block for block in requirements if not re.match(r"[\w.\[\],-]+==\S+", block)] == []
    assert [block for block in requirements if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS, ids=by_name)
def test_no_lock_names_an_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "index-url" not in text
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=by_name)
def test_a_lock_has_every_package_of_its_source(lock: Path) -> None:
    required = packages(lock.with_suffix(".in").read_text(encoding="utf-8"))
    assert required
    assert required <= packages(lock.read_text(encoding="utf-8"))


def test_the_package_leaves_boto3_to_the_runtime() -> None:
    shipped = packages((ROOT / "functions" / "requirements.txt").read_text(encoding="utf-8"))
    assert not shipped & {"boto3", "botocore", "s3transfer"}
