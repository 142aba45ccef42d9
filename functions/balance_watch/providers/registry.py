"""Finds the specification of an account's provider: in the catalogue, or among the user's own."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from balance_watch.errors import CatalogueError
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import convert_spec, parse_spec
from balance_watch.validation import Faults

_CATALOGUE = files("balance_watch.providers") / "catalogue"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_SLUG = 60


@cache
def catalogue_provider(slug: str) -> Spec | None:
    """Returns a provider of the catalogue, or None if it is not there. Reads only its file."""
    file = _CATALOGUE / f"{slug}.toml"
    if not is_slug(slug) or not file.is_file():
        # Accounts may still use the slug that the provider had before it was renamed.
        renamed = current_slug(slug)
        return catalogue_provider(renamed) if renamed != slug else None
    faults = Faults()
    spec = parse_spec(file.read_text(encoding="utf-8"), slug, faults)
    if spec is None:
        raise CatalogueError(f"The file in the catalogue is invalid: {'; '.join(faults)}.")
    return spec


def find_spec(slug: str, own: Mapping[str, Spec]) -> Spec | None:
    """Returns the provider of a slug: of the catalogue, or else one of the user's own."""
    return catalogue_provider(slug) or own.get(slug)


def resolve(
    own: Mapping[str, Spec], provider: str | Mapping[str, object], where: str, faults: Faults
) -> Spec | None:
    """Returns the specification of an account's provider; notes a fault if there is none.

    The catalogue takes precedence over the user's own providers: otherwise whoever may write the
    policy could send the keys of other people's accounts to another host.

    Args:
        own: the user's own providers, by slug.
        provider: a slug, or a whole specification.
        where: the place of the account.
        faults: the faults found so far.
    """
    if not isinstance(provider, str):
        return convert_spec(provider, f"{where}, provider", faults)
    spec = find_spec(provider, own)
    if spec is None:
        problem = "provider is neither in the catalogue nor in the policy"
        faults.add(where, f"{problem}: see `balance-watch providers`")
    return spec


def catalogue_clashes(own: Iterable[str]) -> list[str]:
    """Returns a fault for each slug of the user's own providers that is in the catalogue."""
    problem = "is also in the catalogue, which takes precedence: choose another slug"
    return [
        f"policy providers, {slug}: {problem}"
        for slug in own
        if catalogue_provider(slug) is not None
    ]


def current_slug(slug: str) -> str:
    """Returns the present slug of a provider that may have been renamed."""
    file = _CATALOGUE / "renamed" / slug
    return file.read_text().strip() if is_slug(slug) and file.is_file() else slug


def is_slug(text: str) -> bool:
    """Tells whether a text can be a provider's name in accounts and rules."""
    return _SLUG.fullmatch(text) is not None and len(text) <= _MAX_SLUG


def slugs() -> list[str]:
    """Returns the slug of every provider in the catalogue, sorted."""
    names = (file.name for file in _CATALOGUE.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))
