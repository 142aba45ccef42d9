"""Finds a provider by its slug or by a word, and says in a line what it is and what it needs."""

from collections.abc import Mapping
from difflib import get_close_matches

from balance_watch.errors import CommandError
from balance_watch.providers.registry import catalogue_provider, current_slug, find_spec, slugs
from balance_watch.providers.spec import Spec

_WITHOUT_AN_ADDRESS = frozenset(
    (
        "cerebras",
        "cohere",
        "gemini",
        "google",
        "groq",
        "perplexity",
        "replicate",
        "together",
        "z.ai",
    )
)
"""Providers that people look for, and that tell nothing to an API key."""

_KNOWN_BY = {"chatgpt": "openai", "claude": "anthropic", "gpt": "openai", "grok": "xai"}
"""The names of models that people look for, with the provider that they are from."""


def find_provider(name: str, own: Mapping[str, Spec]) -> tuple[str, Spec]:
    """Returns a provider's present slug and its specification.

    Args:
        name: the slug, as a user wrote it.
        own: the providers of the policy, by slug.

    Raises:
        CommandError: there is none; the message says what is similar, or what to do instead.
    """
    for slug in (current_slug(name), current_slug(name.lower())):
        spec = find_spec(slug, own)
        if spec is not None:
            return slug, spec
    raise CommandError(f"There is no provider {name}. {hint(name, own)}")


def hint(name: str, own: Mapping[str, Spec]) -> str:
    """Says which providers have a similar slug, or what to do instead.

    It repeats a name only if that is the one of a known service: another one may be a key that was
    pasted into the wrong place.
    """
    if tells_nothing(name):
        return (
            f'{name} tells no balance and no cost to any API key: docs/providers.md, "Without an'
            ' address", says what to do.'
        )
    if (slug := _KNOWN_BY.get(name.lower())) is not None:
        return f"{name} is by {slug}: see `balance-watch providers {slug}`."
    known = [*slugs(), *own]
    folded = name.lower()
    similar = [slug for slug in known if folded in slug] or get_close_matches(folded, known)
    return f"Similar: {', '.join(similar)}." if similar else "See `balance-watch providers`."


def tells_nothing(name: str) -> bool:
    """Tells whether this is a known service that tells nothing to an API key."""
    return name.lower() in _WITHOUT_AN_ADDRESS


def search(word: str, own: Mapping[str, Spec]) -> list[tuple[str, Spec]]:
    """Returns the providers with this word in what is shown of them; all of them for an empty one.

    Args:
        word: the word, in any case.
        own: the providers of the policy, by slug.
    """
    catalogue = ((slug, catalogue_provider(slug)) for slug in slugs())
    every = [*((slug, spec) for slug, spec in catalogue if spec is not None), *own.items()]
    return [(slug, spec) for slug, spec in every if _has(word, slug, spec)]


def _has(word: str, slug: str, spec: Spec) -> bool:
    """Tells whether a word is in what the list shows of a provider."""
    texts = slug, spec.name, describe_number(spec), unit_of(spec), needs(spec)
    return word.casefold() in " ".join(texts).casefold()


def describe_number(spec: Spec) -> str:
    """Says what a provider's main number is, and whether it is a quota or a cost."""
    number = spec.number or "balance"
    return number if spec.kind == "prepaid" else f"{number} ({spec.kind})"


def unit_of(spec: Spec) -> str:
    """Returns the unit of the number, or the units of all regions."""
    units = (spec.currency, *(region.currency for region in spec.regions.values()))
    return " or ".join(dict.fromkeys(unit for unit in units if unit)) or "account's own"


def needs(spec: Spec) -> str:
    """Lists what an account must have: credentials, variables, and which kind of key."""
    names = ", ".join((*(spec.credentials(None) or ()), *spec.variables))
    return f"{names}: {spec.key}" if spec.key else names
