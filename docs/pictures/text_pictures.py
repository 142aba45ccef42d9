"""Writes pictures that are text, such as SVG, or checks whether they are up to date."""

import sys
from collections.abc import Mapping
from pathlib import Path


def write_or_check(folder: Path, pictures: Mapping[str, str], words: list[str]) -> int:
    """Writes the pictures of a folder that are not up to date, or with `--check` names them.

    Returns the exit code.
    """
    stale = [name for name, picture in pictures.items() if _old(folder / name) != picture]
    if "--check" in words:
        for name in stale:
            sys.stderr.write(f"docs/pictures/{name} is not up to date: run make pictures\n")
        return 1 if stale else 0
    for name in stale:
        (folder / name).write_text(pictures[name], encoding="utf-8")
    return 0


def _old(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
