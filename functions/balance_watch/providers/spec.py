"""The specification of a provider: how to ask for a balance, and how to understand the reply.

docs/adding-a-provider.md is its description for people. Every path is a jmespath expression
(https://jmespath.org/specification.html), tried out when the specification is read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.metrics import METRICS
from balance_watch.providers.spec_types import AmountPaths, Line, Link, Path, Text, Unit, Url
from balance_watch.validation import Faults, convert, exact_toml, named_safely

_MODULES = files("balance_watch.providers") / "modules"
_MODULE = re.compile(r"[a-z]+(_[a-z]+)*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OF_A_KEY = re.compile(
    r"(^|[-_])(authorization|key|apikey|token|secret|password|cookie)$", re.IGNORECASE
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DIGITS = 16
REGION = "region"
"""The variable that chooses one of a provider's regions."""


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the credentials go: headers, HTTP Basic (user, password), the JSON body, the query.

    `signed` names those that go nowhere: a module signs with them. `why_query` says why a key has
    to stand in an address, where the provider leaves no other way.
    """

    headers: dict[str, Text] = {}
    basic: tuple[Text, Text] | None = None
    body: dict[str, Text] = {}
    query: dict[str, Text] = {}
    signed: tuple[str, ...] = ()
    why_query: Line | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all that it fills in."""
        texts = (*self.headers.values(), *(self.basic or ()), *self.body.values())
        return tuple(dict.fromkeys((*_names((*texts, *self.query.values())), *self.signed)))


class Success(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the body that says whether the request succeeded, whatever HTTP says.

    `required`: whether a body without that field is a failure too.
    """

    path: Path
    equals: str | int | bool
    required: bool = True


class ReplyPaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where each fact stands in the reply, below `root`. Only `balance` must be there.

    `each` is a list with an entry per currency, in which `balance` and `currency` stand; with
    `add_up`, several entries of one currency are parts of one balance.
    """

    balance: AmountPaths
    root: Path = Path("@")
    each: Path | None = None
    add_up: bool = False
    currency: Path | None = None
    credits: Path | None = None
    points: Path | None = None
    provider_flag: Path | None = None
    provider_threshold: Path | None = None
    auto_reload: Path | None = None
    auto_reload_threshold: Path | None = None
    auto_reload_amount: Path | None = None
    provider_time: Path | None = None
    resets_at: Path | None = None
    status: Path | None = None


class TopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay a fixed amount in: a form to post, and what the reply's word for it means."""

    url: Url
    form: dict[str, Text]
    outcome: Path
    outcomes: dict[str, Literal["paid", "not_enabled", "key_rejected"]]


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another host of the same provider, with what is different there."""

    host: str
    currency: Unit | None = None
    billing: Link | None = None


KINDS = ("key_rejected", "not_allowed", "rate_limited", "provider_error", "malformed")
"""What `failures` can tell."""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One provider.

    `number` says in words what the balance is, `key` which key it takes if not the ordinary one,
    `options` which variables an account may name besides those that it must, and what for.
    `currency` may be missing where the reply tells it; `currencies` is what its words for them
    mean. `scale` turns the reply's unit of money into `currency`. `numbers` is how it writes
    numbers: as JSON has them, as text, or as text with commas between the thousands. `failures` are
    conditions on the body that are true of a request that failed, by the kind of failure;
    `unlimited` is one that is true where there is no limit to run into. `words` gives the meaning
    of words where a yes or no is expected; a word that is not in it is no answer. `module` names
    the code that asks, where one request is not enough or has to be signed. `billing` is the page
    where the account is topped up, `docs` the page that the facts come from, `evidence` what they
    rest on, `checked` when that was looked up.
    """

    name: Line
    number: Line | None = None
    kind: Literal["prepaid", "quota"] = "prepaid"
    docs: Link | None = None
    billing: Link | None = None
    evidence: Literal["documentation", "sdk", "clients", "one client"] | None = None
    checked: date | None = None
    url: Url
    method: Literal["GET", "POST"] = "GET"
    headers: dict[str, Text] = {}
    json: dict[str, Any] | list[Any] | None = None
    auth: Auth
    auth_options: dict[str, Auth] = {}
    key: Line | None = None
    regions: dict[str, Region] = {}
    options: dict[str, Line] = {}
    currency: Unit | None = None
    currencies: dict[str, Unit] = {}
    scale: Decimal = Decimal(1)
    numbers: Literal["json", "text", "grouped text"] = "json"
    format: Literal["json", "xml", "text"] = "json"
    success: Success | None = None
    failures: dict[str, Path] = {}
    unlimited: Path | None = None
    reply: ReplyPaths
    words: dict[str, bool] = {}
    top_up: TopUp | None = None
    module: str | None = None

    @property
    def traits(self) -> ProviderTraits:
        """What alerts need to know of the provider."""
        metrics = frozenset(
            metric
            for metric, info in METRICS.items()
            if any(getattr(self.reply, field) for field in info.reading_fields)
        )
        return ProviderTraits(self.billing, metrics, renews=self.kind == "quota")

    @property
    def variables(self) -> tuple[str, ...]:
        """What an account's `variables` must name: all that stands in the address."""
        return tuple(dict.fromkeys(self.url.names))

    @property
    def top_up_variables(self) -> tuple[str, ...]:
        """What an account's `variables` must name to be topped up, besides the rest."""
        if self.top_up is None:
            return ()
        names = _names((*self.top_up.form.values(), self.top_up.url))
        return tuple(name for name in names if name not in self.variables)

    def cannot_top_up(self, account: Account) -> str | None:
        """Returns why an account cannot be topped up through the API; None if it can."""
        if self.top_up is None:
            return f"{self.name} cannot be topped up through its API"
        missing = [name for name in self.top_up_variables if name not in account.variables]
        return f"the account's variables do not name {', '.join(missing)}" if missing else None

    def credentials(self, auth: str | None) -> tuple[str, ...] | None:
        """Returns the credentials that a way to authenticate needs; None: there is no such way.

        A name that stands in the address is an identifier and no credential.
        """
        chosen = self.auth_for(auth)
        if chosen is None:
            return None
        return tuple(name for name in chosen.names if name not in self.variables)

    def auth_for(self, option: str | None) -> Auth | None:
        """Returns the way to authenticate that an account chose; None if there is no such way."""
        return self.auth if option is None else self.auth_options.get(option)

    def for_region(
        self, variables: Mapping[str, str], base_url: str | None, where: str, faults: Faults
    ) -> Self:
        """Returns the specification as it is for an account: in its region, if it names one.

        Notes what the account lacks, or has of a form that cannot stand in an address.
        """
        for what in self._misplaced(variables, base_url):
            faults.add(where, what)
        chosen = variables.get(REGION)
        if chosen is None or not self.regions or REGION in self.variables:
            return self
        region = self.regions.get(chosen)
        if region is None:
            known = ", ".join(self.regions)
            faults.add(where, f"variables, {REGION}: can be {known}, or be left out")
            return self
        paid = self.top_up
        if paid is not None:
            paid = msgspec.structs.replace(paid, url=_at_host(paid.url, region.host))
        return msgspec.structs.replace(
            self,
            url=_at_host(self.url, region.host),
            top_up=paid,
            currency=region.currency or self.currency,
            billing=region.billing or self.billing,
        )

    def _misplaced(self, variables: Mapping[str, str], base_url: str | None) -> Iterator[str]:
        for name in self.variables:
            if not variables.get(name):
                yield f"variables has no {name}"
            elif variables[name] in (".", ".."):
                yield f"variables, {name}: leads to another address"
        in_hosts = (*self.url.host_names, *(self.top_up.url.host_names if self.top_up else ()))
        for name in dict.fromkeys(in_hosts):
            if variables.get(name) and not _LABEL.fullmatch(variables[name]):
                yield f"variables, {name}: must be a part of a host's name, no dots"
        if base_url is None and not urlsplit(self.url).netloc:
            yield "has no base_url, and the provider has no address of its own"


def _at_host(url: Url, host: str) -> Url:
    return Url(urlsplit(url)._replace(netloc=host).geturl())


def _names(texts: Any) -> tuple[str, ...]:  # noqa: ANN401 (any iterable of Text)
    return tuple(dict.fromkeys(name for text in texts for name in text.names))


def convert_spec(raw: object, where: str, faults: Faults) -> Spec | None:
    """Reads one specification from a table of TOML or JSON; None after noting every fault of it."""
    before = len(faults)
    try:
        spec = convert(Spec, _with_whole_numbers(raw), where, faults)
        if spec is not None and len(faults) == before:
            for place, what in (*_faults_of_reply(spec), *_faults_of_request(spec)):
                faults.add(f"{where}{place}", what)
    except (ArithmeticError, RecursionError):
        faults.add(where, "holds a number too long, or is nested too deep")
    return spec if len(faults) == before else None


def _with_whole_numbers(raw: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Exact JSON has every number as a Decimal; a whole one is an int, as TOML has it."""
    if isinstance(raw, dict):
        return {name: _with_whole_numbers(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_with_whole_numbers(value) for value in raw]
    short = isinstance(raw, Decimal) and raw.is_finite() and raw.adjusted() < _DIGITS
    return int(raw) if short and raw == raw.to_integral_value() else raw


def _faults_of_reply(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields what is wrong between fields that are each in order: how a reply is understood."""
    reply = spec.reply
    if spec.currency is None and reply.currency is None:
        yield "", "has no currency, nor the path of one in reply"
    if reply.each is not None and reply.currency is None:
        yield ", reply", "has each, a list by currency, and no currency"
    if not _is_scale(spec.scale):
        yield ", scale", "must be a number other than 0, of an ordinary size"
    for kind in spec.failures:
        if kind not in KINDS:
            can = ", ".join(KINDS)
            yield ", failures", f"has no kind {named_safely(kind, KINDS)}; it can have {can}"
    if spec.module is not None and not _is_module(spec.module):
        yield ", module", "is not there"


def _is_scale(scale: Decimal) -> bool:
    return scale.is_finite() and bool(scale) and abs(scale.adjusted()) < _DIGITS


def _is_module(name: str) -> bool:
    return _MODULE.fullmatch(name) is not None and (_MODULES / f"{name}.py").is_file()


def _is_filled_in(auth: Auth) -> bool:
    """Whether no key stands in the specification itself."""
    texts = (*auth.headers.values(), *auth.body.values(), *auth.query.values())
    # Some take the key as the user, and a fixed word or nothing as the password.
    basic = auth.basic is None or any(text.names for text in auth.basic)
    return basic and all(text.names for text in texts)


def _faults_of_request(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields the same of how it is asked."""
    ways = (spec.auth, *spec.auth_options.values())
    headers = [*spec.headers, *(name for way in ways for name in way.headers)]
    if not all(_HEADER.fullmatch(name) for name in headers):
        yield "", "has a header whose name is none"
    if not all(_is_filled_in(way) for way in ways):
        yield ", auth", "must have a $name in each: a key stands in an account's credentials"
    if any(text.names for text in spec.headers.values()):
        yield ", headers", "cannot have $names: what fills in names stands in auth"
    if any(map(_is_name, _texts_of(spec.json))):
        yield ", json", "cannot have $names but $uuid: what fills in names stands in auth.body"
    yield from _literal_keys(spec)
    posts = spec.json is not None or any(way.body for way in ways)
    if posts and spec.method != "POST":
        yield ", method", "must be POST for a body"
    if any(way.body for way in ways) and isinstance(spec.json, list):
        yield ", json", "cannot be a list beside credentials in the body"
    try:
        json.dumps(spec.json)
    except (TypeError, ValueError):
        yield ", json", "must hold text, whole numbers, booleans, tables and lists"
    if not all(_HOST.fullmatch(region.host) for region in spec.regions.values()):
        yield ", regions", "must each have the name of a host"


def _literal_keys(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yields where a key is likely to stand that belongs into an account's credentials."""
    fields = spec.json if isinstance(spec.json, dict) else {}
    query = [name for name, _ in parse_qsl(urlsplit(spec.url).query, keep_blank_values=True)]
    for place, names in (("url", query), ("headers", spec.headers), ("json", fields)):
        if any(_OF_A_KEY.search(name) for name in names):
            way = {"url": "auth.query", "headers": "auth.headers", "json": "auth.body"}[place]
            yield f", {place}", f"holds a key by its name: put it into {way}, as $api_key"


def _is_name(text: str) -> bool:
    return text.startswith("$") and text[1:].isidentifier() and text != "$uuid"


def _texts_of(value: object) -> Iterator[str]:
    """Every text in what JSON holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_of(inner)


def parse_spec(text: str, where: str, faults: Faults) -> Spec | None:
    """Reads one specification; None after noting every fault of it."""
    raw = exact_toml(text, where, faults)
    return None if raw is None else convert_spec(raw, where, faults)
