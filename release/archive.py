"""Writes zips that are the same bytes wherever and whenever they are made."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""

_MODE = 0o100644
"""A plain file that everybody may read: Lambda runs the function as another user."""


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the path below a folder and the content of each file, in the order of the paths."""
    for name, path in sorted(
        (path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()
    ):
        yield name, path.read_bytes()


def files_in(archive: Path) -> list[tuple[str, bytes]]:
    """Returns the name and the content of each file in a zip, in its order."""
    with zipfile.ZipFile(archive) as opened:
        return [(name, opened.read(name)) for name in opened.namelist()]


def write_archive(files: Iterable[tuple[str, bytes]], target: Path) -> None:
    """Zips files by name and content, without times, owners and rights; replaces the target."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = 3  # Unix, whichever system this is
            entry.external_attr = _MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=9)
