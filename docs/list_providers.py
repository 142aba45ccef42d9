"""Writes docs/providers.md from the catalogue and the page's template, or checks it.

python docs/list_providers.py [--check]
"""

import sys
import textwrap
from pathlib import Path
from string import Template

import balance_watch.providers
from balance_watch.cli.provider_search import needs, unit_of
from balance_watch.cli.providers import kind_of
from balance_watch.providers.registry import catalogue_provider, slugs
from balance_watch.providers.spec import Spec

PAGE = Path(__file__).parent / "providers.md"
CATALOGUE = Path(balance_watch.providers.__file__).parent / "catalogue"

TEMPLATE = Path(__file__).parent / "providers.template.md"


def page() -> str:
    """Returns the page."""
    catalogue = [(slug, spec) for slug in slugs() if (spec := catalogue_provider(slug)) is not None]
    latest = max(spec.checked for _, spec in catalogue if spec.checked)
    renamed = sorted((CATALOGUE / "renamed").iterdir())
    rows = {
        f"{kind}_rows": "\n".join(_row(*each) for each in catalogue if kind_of(each[1]) == kind)
        for kind in ("balance", "quota", "cost")
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        number=len(catalogue),
        month=f"{latest:%B %Y}",
        **rows,
        renamed="\n".join(f"- `{old.name}` is `{old.read_text().strip()}`" for old in renamed),
        facts="\n".join(_facts(slug, spec) for slug, spec in catalogue),
    )


def _row(slug: str, spec: Spec) -> str:
    cells = (
        f"`{slug}`",
        f"[{spec.name}]({spec.docs})",
        spec.number or "balance",
        unit_of(spec),
        needs(spec),
        spec.evidence or "",
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _facts(slug: str, spec: Spec) -> str:
    """Returns the comments of a specification, and the variables that an account may set."""
    text = (CATALOGUE / f"{slug}.toml").read_text(encoding="utf-8")
    comments = [line.removeprefix("#").strip() for line in text.splitlines() if line[:1] == "#"]
    sentences = [" ".join(comments).removeprefix("Facts: ")]
    sentences += [f"Key in the URL: {spec.auth.why_query}."] if spec.auth.why_query else []
    sentences += [f"`variables.{name}`: {what}." for name, what in spec.options.items()]
    sentences += [f"`variables.region`: {', '.join(spec.regions)}."] if spec.regions else []
    return textwrap.fill(
        f"- **{slug}**: {' '.join(sentences)}",
        width=110,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def main(words: list[str]) -> int:
    """Writes the page, or compares it with --check, and returns the exit code."""
    expected = page()
    if "--check" not in words:
        PAGE.write_text(expected, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == expected:
        return 0
    sys.stderr.write("docs/providers.md differs from the catalogue: run make providers\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
