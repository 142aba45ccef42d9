"""`balance-watch providers`: which providers there are, and what each needs."""

import argparse
from typing import Any

from rich.table import Table
from rich.text import Text

from balance_watch.cli.terminal import out, print_json
from balance_watch.providers.spec import Spec, provider, slugs


def add_commands(commands: Any) -> None:  # noqa: ANN401 (argparse keeps the type to itself)
    """Adds `providers`."""
    command = commands.add_parser("providers", help="list the providers and what each needs")
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.set_defaults(run=_providers)


def _providers(arguments: argparse.Namespace) -> int:
    catalogue = [(slug, spec) for slug in slugs() if (spec := provider(slug)) is not None]
    if arguments.json:
        print_json([_as_json(slug, spec) for slug, spec in catalogue])
        return 0
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("slug", "name", "unit", "credentials", "variables"):
        table.add_column(name, overflow="fold")
    for slug, spec in catalogue:
        linked = Text(spec.name, style=f"link {spec.docs}")
        topping = [f"{name} (to top up)" for name in spec.top_up_variables]
        needed = ", ".join(spec.auth.names), ", ".join((*spec.variables, *topping))
        table.add_row(slug, linked, spec.currency, *needed)
    out.print(table)
    return 0


def _as_json(slug: str, spec: Spec) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": spec.name,
        "currency": spec.currency,
        "credentials": list(spec.auth.names),
        "variables": list(spec.variables),
        "docs": spec.docs,
    }
