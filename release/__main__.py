"""`make release`: writes the function's zip, its template and the checksums into a folder.

python -m release BUILD FOLDER

BUILD is the folder that `sam build` has made. FOLDER holds the wheel already.
"""

import hashlib
import sys
import tomllib
from pathlib import Path

from local.stack import TEMPLATE, functions, read
from release.archive import files_in, files_of, write_archive
from release.template import released, to_yaml


def version() -> str:
    """Returns the version of the checkout."""
    text = (TEMPLATE.parent / "pyproject.toml").read_text(encoding="utf-8")
    found: str = tomllib.loads(text)["project"]["version"]
    return found


def main(build: Path, folder: Path) -> None:
    """Writes the files of the release, and prints their names."""
    template = read()
    name = f"balance-watch-{version()}"
    package = build / next(iter(functions(template)))  # all functions have the same
    if not any(package.rglob("*.pyc")):
        sys.stderr.write("Without byte code, for there is no Python of the runtime's version.\n")
    write_archive(files_of(package), folder / f"{name}.zip")
    for wheel in folder.glob("*.whl"):
        write_archive(files_in(wheel), wheel)  # without the rights that the sources had here
    header = f"# balance-watch {version()} for CloudFormation, made of template.yaml.\n"
    text = to_yaml(released(template, archive=f"{name}.zip"))
    (folder / f"{name}.yaml").write_text(header + text, encoding="utf-8")
    files = sorted(folder.glob("balance*"))
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    sys.stdout.write("".join(f"{file}\n" for file in [*files, folder / "SHA256SUMS"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
