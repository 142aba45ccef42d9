"""`balance-watch providers`: lists the providers, shows one, and tries one."""

import argparse
import json
from collections.abc import Sequence
from textwrap import fill
from typing import Any

from rich.text import Text

from balance_watch.cli import trial_report
from balance_watch.cli.grid import Column, Folds, Grid
from balance_watch.cli.provider_search import (
    describe_number,
    find_provider,
    hint,
    needs,
    search,
    unit_of,
)
from balance_watch.cli.provider_trial import try_provider
from balance_watch.cli.terminal import (
    Subparsers,
    is_pipe,
    out,
    pipe_help,
    print_json,
    print_rows_for_pipe,
    sanitize,
)
from balance_watch.domain.reading import ReadFailure
from balance_watch.errors import CommandError
from balance_watch.providers.spec import REGION, Region, Spec

_TRY = "try"
_PIPE_COLUMNS = {
    "slug": "what an account names as its provider",
    "name": "its name",
    "number": "what it tells",
    "unit": "of that number",
    "needs": "credentials and variables of an account, and which kind of key",
}
_USAGE = """
  %(prog)s                              lists them
  %(prog)s SLUG                         shows one, with an account to copy
  %(prog)s try FILE --credentials FILE  asks one, and shows what was read
"""


def add_commands(commands: Subparsers) -> None:
    """Adds `providers`."""
    command = commands.add_parser(
        "providers",
        help="list the providers, show one, or try one of your own",
        description=_USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=fill(pipe_help("a provider", _PIPE_COLUMNS)),
    )
    command.add_argument("what", nargs="?", metavar="SLUG", help="a provider, or the word try")
    command.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="to try: a specification, a policy that has one, or a slug of the catalogue",
    )
    command.add_argument(
        "--credentials",
        metavar="FILE",
        help="to try: JSON with the credentials or a whole account; - for standard input",
    )
    command.add_argument("--provider", metavar="SLUG", help="to try: which provider of a policy")
    command.add_argument(
        "--search", metavar="WORD", default="", help="to list: those with this word in them"
    )
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_providers, wrong_use=command.error)


def _providers(arguments: argparse.Namespace) -> int:
    if arguments.what == _TRY:
        return _try(arguments)
    if arguments.file or arguments.credentials or arguments.provider:
        arguments.wrong_use("FILE, --credentials and --provider belong to try")
    if arguments.what and arguments.search:
        arguments.wrong_use("--search belongs to the list")
    if arguments.what:
        return _show(arguments.what, as_json=arguments.json)
    return _list(arguments.search, as_json=arguments.json)


def _try(arguments: argparse.Namespace) -> int:
    if not arguments.file or not arguments.credentials:
        arguments.wrong_use("try needs FILE and --credentials FILE")
    trial = try_provider(arguments.file, arguments.credentials, arguments.provider)
    if arguments.json:
        print_json(trial_report.as_json(trial))
    else:
        trial_report.show(trial)
    return 1 if isinstance(trial.result, ReadFailure) else 0


def _list(word: str, *, as_json: bool) -> int:
    catalogue = search(word, {})
    if word and not catalogue:
        text = f"No provider has {sanitize(word)} in its name, number or needs."
        raise CommandError(f"{text} {hint(word, {})}")
    if as_json:
        print_json([_as_json(slug, spec) for slug, spec in catalogue])
        return 0
    if is_pipe():
        print_rows_for_pipe(
            _PIPE_COLUMNS,
            (
                (slug, spec.name, describe_number(spec), unit_of(spec), needs(spec))
                for slug, spec in catalogue
            ),
        )
        return 0
    out.print(_table(catalogue))
    out.print("To show one, with an account to copy: balance-watch providers SLUG", style="dim")
    return 0


def _table(catalogue: Sequence[tuple[str, Spec]]) -> Grid:
    """Draws the providers; where there is no room, without the unit, then without the key."""

    def number(spec: Spec) -> Text:
        name = Text(spec.name, style=f"link {spec.docs}")
        return name + Text(f": {describe_number(spec)}", "dim")

    slug = Column("slug", lambda: [Text(it) for it, _ in catalogue], folds=Folds.IN_NAMES)
    what = Column("name and number", lambda: [number(it) for _, it in catalogue], share=0.4)
    unit = Column("unit", lambda: [Text(unit_of(it)) for _, it in catalogue], share=0.15)
    key = Column("key, if special", lambda: [Text(it.key or "") for _, it in catalogue], share=0.25)
    return Grid(lambda: iter([(slug, what, unit, key), (slug, what, key), (slug, what)]))


def _show(name: str, *, as_json: bool) -> int:
    slug, spec = find_provider(name, {})
    if as_json:
        print_json(_details(slug, spec))
        return 0
    out.print(Text(spec.name, style="bold") + Text(f"  {slug}", style="dim"))
    for label, value in _facts(spec):
        # Not folded, so that an address can be clicked and copied.
        out.print(Text(f"{label:<15}", style="dim") + sanitize(value), soft_wrap=True)
    out.print("\nAn account, for a secret:", style="dim")
    print(json.dumps(example(slug, spec), indent=2, ensure_ascii=False))
    return 0


def kind_of(spec: Spec) -> str:
    """Returns what a provider tells: a `balance`, a `quota`, or only a `cost`."""
    return "balance" if spec.kind == "prepaid" else spec.kind


def example(slug: str, spec: Spec) -> dict[str, Any]:
    """Returns an account of a provider, as a secret has it, for people to fill in."""
    entry: dict[str, Any] = {
        "name": f"{slug}-prod",
        "provider": slug,
        "credentials": dict.fromkeys(spec.credentials(None) or (), "…"),
    }
    if spec.variables:
        entry["variables"] = dict.fromkeys(spec.variables, "…")
    if spec.url.startswith("/"):
        entry["base_url"] = "https://…"
    if spec.cost is not None:
        entry["credit"] = [{"amount": "100", "paid_at": "2026-11-01"}]
    return {**entry, "alert_below": "20"}


def _facts(spec: Spec) -> list[tuple[str, str]]:
    """Returns label and value of each fact that is known of a provider."""
    optional = {name: str(what) for name, what in spec.options.items()}
    if spec.regions:
        regions = spec.regions.items()
        optional[REGION] = " or ".join(_region(name, region) for name, region in regions)
    facts = [
        ("the number", f"{describe_number(spec)}, in {unit_of(spec)}"),
        ("needs", needs(spec)),
        ("usual variable", ", ".join(spec.environment)),
        ("may name", "; ".join(f"variables.{name}: {what}" for name, what in optional.items())),
        ("to top up", ", ".join(f"variables.{name}" for name in spec.top_up_variables)),
        ("asks", f"{spec.method} {spec.url}"),
        ("key in the URL", spec.auth.why_query or ""),
        ("documented at", spec.docs or ""),
        ("top up at", spec.billing or ""),
        ("facts from", f"{spec.evidence}, looked up {spec.checked}" if spec.evidence else ""),
    ]
    return [(label, value) for label, value in facts if value]


def _region(name: str, region: Region) -> str:
    return f"{name} ({', '.join(filter(None, (region.host, region.currency)))})"


def _as_json(slug: str, spec: Spec) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": spec.name,
        "currency": spec.currency,
        "kind": kind_of(spec),
        "credentials": list(spec.credentials(None) or ()),
        "variables": list(spec.variables),
        "docs": spec.docs,
    }


def _details(slug: str, spec: Spec) -> dict[str, Any]:
    return {
        **_as_json(slug, spec),
        "number": describe_number(spec),
        "key": spec.key,
        "regions": {name: region.currency for name, region in spec.regions.items()},
        "options": dict(spec.options),
        "billing": spec.billing,
        "evidence": spec.evidence,
        "checked": spec.checked and spec.checked.isoformat(),
        "example": example(slug, spec),
    }
