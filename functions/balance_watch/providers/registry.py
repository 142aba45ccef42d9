"""From an account's word for its provider to the specification: in the catalogue, or its own."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from balance_watch.errors import CatalogueError
from balance_watch.providers.spec import Spec, convert_spec, parse_spec
from balance_watch.validation import Faults

_CATALOGUE = files("balance_watch.providers") / "catalogue"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONG_SLUG = 60


@cache
def catalogue_provider(slug: str) -> Spec | None:
    """Returns a provider of the catalogue, or None when it is not there. Only its file is read."""
    file = _CATALOGUE / f"{slug}.toml"
    if not is_slug(slug) or not file.is_file():
        # By the name that it had before: accounts that use it go on.
        today = current_slug(slug)
        return catalogue_provider(today) if today != slug else None
    faults = Faults()
    spec = parse_spec(file.read_text(encoding="utf-8"), slug, faults)
    if spec is None:
        raise CatalogueError(f"The catalogue's file is not in order: {'; '.join(faults)}.")
    return spec


def resolve(
    own: Mapping[str, Spec], given: str | Mapping[str, object], where: str, faults: Faults
) -> Spec | None:
    """Returns the provider that an account names or holds; None after noting why there is none.

    A provider of the catalogue comes before one of the user's own of that name: who may write the
    policy must not be able to have the keys of others sent to another host.
    """
    if not isinstance(given, str):
        return convert_spec(given, f"{where}, provider", faults)
    found = catalogue_provider(given) or own.get(given)
    if found is None:
        what = "provider is neither in the catalogue nor in the policy"
        faults.add(where, f"{what}: see `balance-watch providers`")
    return found


def clashes(own: Mapping[str, Spec]) -> list[str]:
    """Returns a fault for each of the user's own providers that has a name of the catalogue."""
    what = "is in the catalogue too, and that one is used: call yours something else"
    return [
        f"policy providers: {slug} {what}" for slug in own if catalogue_provider(slug) is not None
    ]


def current_slug(slug: str) -> str:
    """Returns what a provider is called today."""
    file = _CATALOGUE / "renamed" / slug
    return file.read_text().strip() if is_slug(slug) and file.is_file() else slug


def is_slug(text: str) -> bool:
    """Whether it can be a provider's name in accounts and rules."""
    return _SLUG.fullmatch(text) is not None and len(text) <= _LONG_SLUG


def slugs() -> list[str]:
    """Returns every provider of the catalogue."""
    names = (file.name for file in _CATALOGUE.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))
