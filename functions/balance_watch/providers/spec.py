"""The specification of a provider: how to ask for a balance, and how to understand the reply.

docs/adding-a-provider.md is its description for people. Every path is a jmespath expression
(https://jmespath.org/specification.html), tried out when the specification is read.
"""

import re
import tomllib
from decimal import Decimal
from functools import cache
from importlib.resources import files
from string import Template
from typing import Literal
from urllib.parse import urlsplit

import jmespath
import msgspec

from balance_watch.domain.alerts import Offer
from balance_watch.domain.rules import Metric
from balance_watch.errors import CatalogueError
from balance_watch.validation import Faults, convert

_CATALOGUE = files("balance_watch.providers") / "catalogue"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Path(str):
    """A jmespath expression into the reply."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Path":
        """Raises ValueError on what is no jmespath expression."""
        if not isinstance(value, str):
            raise ValueError("must be a jmespath expression")  # noqa: TRY004 (msgspec's to catch)
        try:
            jmespath.compile(value)
        except jmespath.exceptions.JMESPathError:
            raise ValueError("is not a jmespath expression") from None
        return cls(value)


class Text(str):
    """Text with `$names` that stand for credentials and variables."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Text":
        """Raises ValueError on what is no template."""
        if not isinstance(value, str) or not Template(value).is_valid():
            raise ValueError("must be text, with $names for credentials and variables")
        return cls(value)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it, in order."""
        return tuple(Template(self).get_identifiers())


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the credentials go: headers, HTTP Basic (user, password), or the query."""

    headers: dict[str, Text] = {}
    basic: tuple[Text, Text] | None = None
    query: dict[str, Text] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The credentials that it needs."""
        texts = (*self.headers.values(), *(self.basic or ()), *self.query.values())
        return tuple(dict.fromkeys(name for text in texts for name in text.names))


class Success(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the body that says whether the request succeeded, whatever HTTP says.

    `required`: whether a body without that field is a failure too.
    """

    path: Path
    equals: str | int | bool
    required: bool = True


class ReplyPaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where each fact stands in the reply, below `root`. Only `balance` must be there."""

    balance: Path
    root: Path = Path("@")
    currency: Path | None = None
    credits: Path | None = None
    points: Path | None = None
    provider_flag: Path | None = None
    provider_threshold: Path | None = None
    auto_reload: Path | None = None
    auto_reload_threshold: Path | None = None
    auto_reload_amount: Path | None = None
    provider_time: Path | None = None
    status: Path | None = None


class TopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay a fixed amount in: a form to post, and what the reply's word for it means."""

    url: Text
    form: dict[str, Text]
    outcome: Path
    outcomes: dict[str, Literal["paid", "not_enabled", "key_rejected"]]


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One provider.

    `scale` turns the reply's unit of money into `currency`. `words` gives the meaning of words
    where a yes or no is expected; a word that is not in it is no answer. `billing` is the page
    where the account is topped up, `docs` the page that the facts come from.
    """

    name: str
    docs: str
    billing: str
    url: Text
    method: Literal["GET", "POST"] = "GET"
    headers: dict[str, str] = {}
    auth: Auth
    auth_options: dict[str, Auth] = {}
    currency: str
    scale: Decimal = Decimal(1)
    xml: bool = False
    success: Success | None = None
    reply: ReplyPaths
    words: dict[str, bool] = {}
    top_up: TopUp | None = None

    @property
    def host(self) -> str:
        """The host and port that the requests go to by default."""
        return urlsplit(self.url).netloc

    @property
    def offer(self) -> Offer:
        """What alerts need to know of the provider."""
        told = {
            Metric.CREDITS: self.reply.credits,
            Metric.POINTS: self.reply.points,
            Metric.PROVIDER_FLAG: self.reply.provider_flag or self.reply.provider_threshold,
            Metric.STALENESS: self.reply.provider_time,
        }
        return Offer(self.billing, frozenset(metric for metric, path in told.items() if path))

    @property
    def variables(self) -> tuple[str, ...]:
        """What an account's `variables` must name besides its credentials."""
        return tuple(name for name in self.url.names if name not in self.auth.names)

    @property
    def top_up_variables(self) -> tuple[str, ...]:
        """What an account's `variables` must name to be topped up, besides the rest."""
        texts = self.top_up.form.values() if self.top_up else ()
        return tuple(dict.fromkeys(name for text in texts for name in text.names))

    def credentials(self, auth: str | None) -> tuple[str, ...] | None:
        """Returns the credentials that a way to authenticate needs; None: there is no such way."""
        chosen = self.auth_for(auth)
        return None if chosen is None else chosen.names

    def auth_for(self, option: str | None) -> Auth | None:
        """Returns the way to authenticate that an account chose; None if there is no such way."""
        return self.auth if option is None else self.auth_options.get(option)


def parse_spec(text: str, where: str, faults: Faults) -> Spec | None:
    """Reads one specification; None after noting every fault of it."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        faults.add(where, f"is not TOML: {error}")
        return None
    before = len(faults)
    spec = convert(Spec, raw, where, faults)
    return spec if len(faults) == before else None


@cache
def provider(slug: str) -> Spec | None:
    """Returns a provider of the catalogue, or None when it is not there. Only its file is read."""
    file = _CATALOGUE / f"{slug}.toml"
    if not _SLUG.fullmatch(slug) or not file.is_file():
        return None
    faults = Faults()
    spec = parse_spec(file.read_text(encoding="utf-8"), slug, faults)
    if spec is None:
        raise CatalogueError(f"The catalogue's file is not in order: {'; '.join(faults)}.")
    return spec


def slugs() -> list[str]:
    """Returns every provider of the catalogue."""
    names = (file.name for file in _CATALOGUE.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))
