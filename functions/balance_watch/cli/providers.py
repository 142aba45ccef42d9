"""`balance-watch providers`: which there are, what each needs, and how one is tried out."""

import argparse
import json
from difflib import get_close_matches
from typing import Any

from rich.table import Table
from rich.text import Text

from balance_watch.cli import provider_trial as trying
from balance_watch.cli.terminal import out, print_json, sanitize
from balance_watch.errors import CommandError
from balance_watch.providers.registry import catalogue_provider, current_slug, slugs
from balance_watch.providers.spec import REGION, Region, Spec

TRY = "try"
_USAGE = """
  %(prog)s                                  lists them
  %(prog)s SLUG                             shows one, with an account to copy
  %(prog)s try FILE --credentials FILE      asks once, and shows what was understood
"""


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `providers`."""
    command = commands.add_parser(
        "providers",
        help="list the providers, show one, or try one of your own",
        description=_USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("what", nargs="?", metavar="SLUG", help="a provider, or the word try")
    command.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="to try: a specification, a policy that has one, or a provider of the catalogue",
    )
    command.add_argument(
        "--credentials",
        metavar="FILE",
        help="to try: JSON, the credentials or a whole account; - for standard input",
    )
    command.add_argument("--provider", metavar="SLUG", help="to try: which one of a policy")
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_providers, wrong_use=command.error)


def _providers(arguments: argparse.Namespace) -> int:
    if arguments.what == TRY:
        if not arguments.file or not arguments.credentials:
            arguments.wrong_use("try needs FILE and --credentials FILE")
        return trying.try_out(
            arguments.file, arguments.credentials, arguments.provider, as_json=arguments.json
        )
    if arguments.file or arguments.credentials or arguments.provider:
        arguments.wrong_use("FILE, --credentials and --provider belong to try")
    if arguments.what:
        return _show(arguments.what, as_json=arguments.json)
    catalogue = [(slug, spec) for slug in slugs() if (spec := catalogue_provider(slug)) is not None]
    if arguments.json:
        print_json([_as_json(slug, spec) for slug, spec in catalogue])
        return 0
    if not out.is_terminal:
        # In a pipe a line for each, to be searched and cut.
        for slug, spec in catalogue:
            print(slug, spec.name, what_it_is(spec), unit_of(spec), needs(spec), sep="\t")
        return 0
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("slug", "name and number", "unit", "key, if special"):
        table.add_column(name, overflow="fold", no_wrap=name == "slug")
    for slug, spec in catalogue:
        named = Text(spec.name, style=f"link {spec.docs}") + Text(f": {what_it_is(spec)}", "dim")
        table.add_row(slug, named, unit_of(spec), spec.key or "")
    out.print(table)
    out.print("One of them, with an account to copy: balance-watch providers SLUG", style="dim")
    return 0


def _show(named: str, *, as_json: bool) -> int:
    slug = current_slug(named)
    spec = catalogue_provider(slug)
    if spec is None:
        near = [it for it in slugs() if named.lower() in it] or get_close_matches(named, slugs())
        hint = f" There is {', '.join(near)}." if near else " See `balance-watch providers`."
        raise CommandError(f"There is no provider {named}.{hint}")
    if as_json:
        print_json(_whole(slug, spec))
        return 0
    out.print(Text(spec.name, style="bold") + Text(f"  {slug}", style="dim"))
    for name, value in _facts(spec):
        # Not folded: an address is to be clicked or copied.
        out.print(Text(f"{name:<15}", style="dim") + sanitize(value), soft_wrap=True)
    out.print("\nAn account, for a secret:", style="dim")
    print(json.dumps(example(slug, spec), indent=2, ensure_ascii=False))
    return 0


def what_it_is(spec: Spec) -> str:
    """What the provider's main number is, in words; a quota is told from money that was paid in."""
    number = spec.number or "balance"
    return f"{number} (quota)" if spec.kind == "quota" else number


def unit_of(spec: Spec) -> str:
    """The unit of the number; by region, where it differs."""
    units = (spec.currency, *(region.currency for region in spec.regions.values()))
    return " or ".join(dict.fromkeys(unit for unit in units if unit)) or "account's own"


def needs(spec: Spec) -> str:
    """What an account has to give: its credentials, with what kind of key, and its variables."""
    names = ", ".join((*(spec.credentials(None) or ()), *spec.variables))
    return f"{names}: {spec.key}" if spec.key else names


def example(slug: str, spec: Spec) -> dict[str, Any]:
    """An account of the provider as it stands in a secret, for people to fill in."""
    entry: dict[str, Any] = {
        "name": f"{slug}-prod",
        "provider": slug,
        "credentials": dict.fromkeys(spec.credentials(None) or (), "…"),
    }
    if spec.variables:
        entry["variables"] = dict.fromkeys(spec.variables, "…")
    if spec.url.startswith("/"):
        entry["base_url"] = "https://…"
    return {**entry, "alert_below": "20"}


def _facts(spec: Spec) -> list[tuple[str, str]]:
    optional = {name: str(what) for name, what in spec.options.items()}
    if spec.regions:
        optional[REGION] = " or ".join(_region(name, it) for name, it in spec.regions.items())
    told = [
        ("the number", f"{what_it_is(spec)}, in {unit_of(spec)}"),
        ("needs", needs(spec)),
        ("may name", "; ".join(f"variables.{name}: {what}" for name, what in optional.items())),
        ("to top up", ", ".join(f"variables.{name}" for name in spec.top_up_variables)),
        ("asks", f"{spec.method} {spec.url}"),
        ("key in the URL", spec.auth.why_query or ""),
        ("documented at", spec.docs or ""),
        ("top up at", spec.billing or ""),
        ("facts from", f"{spec.evidence}, looked up {spec.checked}" if spec.evidence else ""),
    ]
    return [(name, value) for name, value in told if value]


def _region(name: str, region: Region) -> str:
    return f"{name} ({', '.join(filter(None, (region.host, region.currency)))})"


def _as_json(slug: str, spec: Spec) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": spec.name,
        "currency": spec.currency,
        "credentials": list(spec.credentials(None) or ()),
        "variables": list(spec.variables),
        "docs": spec.docs,
    }


def _whole(slug: str, spec: Spec) -> dict[str, Any]:
    return {
        **_as_json(slug, spec),
        "number": what_it_is(spec),
        "kind": spec.kind,
        "key": spec.key,
        "regions": {name: region.currency for name, region in spec.regions.items()},
        "options": dict(spec.options),
        "billing": spec.billing,
        "evidence": spec.evidence,
        "checked": spec.checked and spec.checked.isoformat(),
        "example": example(slug, spec),
    }
