"""A zip of a release depends on nothing but the names and contents of its files."""

import os
import zipfile
from pathlib import Path

from release.archive import files_in, files_of, write_archive


def folder(root: Path, names: list[str]) -> Path:
    """Makes a folder of files that hold their own names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_order_times_and_rights_of_the_files_make_no_difference(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", ["b.py", "a/c.py", "a.so"])
    other = folder(tmp_path / "other", ["a.so", "a/c.py", "b.py"])
    os.utime(other / "b.py", (2_000_000_000, 2_000_000_000))
    (other / "a.so").chmod(0o700)
    write_archive(files_of(one), tmp_path / "one.zip")
    write_archive(files_of(other), tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_every_file_is_there_and_may_be_read_by_everybody(tmp_path: Path) -> None:
    names = ["a.py", "package/a.so", "package/__pycache__/a.cpython-313.pyc"]
    write_archive(files_of(folder(tmp_path / "files", names)), tmp_path / "files.zip")
    with zipfile.ZipFile(tmp_path / "files.zip") as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            name: name for name in names
        }
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o644}


def test_another_content_is_another_archive(tmp_path: Path) -> None:
    files = folder(tmp_path / "files", ["a.py"])
    write_archive(files_of(files), tmp_path / "before.zip")
    (files / "a.py").write_text("b")
    write_archive(files_of(files), tmp_path / "after.zip")
    assert (tmp_path / "before.zip").read_bytes() != (tmp_path / "after.zip").read_bytes()


def test_an_archive_is_written_anew_in_its_own_order(tmp_path: Path) -> None:
    target = tmp_path / "any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("b.py", "a.py"):
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 27, 12, 0, 0)), name)
    write_archive(files_in(target), target)
    with zipfile.ZipFile(target) as archive:
        assert [(entry.filename, entry.date_time[0]) for entry in archive.infolist()] == [
            ("b.py", 1980),
            ("a.py", 1980),
        ]
