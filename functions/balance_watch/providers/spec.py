"""The specification of a provider: how to ask for a balance, and how to parse the reply.

docs/adding-a-provider.md describes it for people. Every path is a jmespath expression
(https://jmespath.org/specification.html), which is compiled when the specification is read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import msgspec

from balance_watch.domain.account import Account
from balance_watch.domain.alerts import ProviderTraits
from balance_watch.domain.metrics import METRICS
from balance_watch.providers.cost_spec import CostSpec
from balance_watch.providers.host_pace import Rate
from balance_watch.providers.number_forms import NumberForm
from balance_watch.providers.reply_spec import NO_REPLY, ReplyPaths, Success
from balance_watch.providers.spec_types import Line, Link, Path, Text, Unit, Url
from balance_watch.validation import Faults, Json

_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
REGION = "region"
"""The variable that chooses one of a provider's regions."""


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the credentials go: headers, HTTP Basic (user, password), the JSON body, the query.

    `signed` names the credentials that are not sent: a module signs with them. `why_query` says why
    a key has to be in the address, for a provider that accepts it nowhere else.
    """

    headers: dict[str, Text] = {}
    basic: tuple[Text, Text] | None = None
    body: dict[str, Text] = {}
    query: dict[str, Text] = {}
    signed: tuple[str, ...] = ()
    why_query: Line | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names that stand for credentials or variables, each once."""
        texts = (*self.headers.values(), *(self.basic or ()), *self.body.values())
        return tuple(dict.fromkeys((*_names((*texts, *self.query.values())), *self.signed)))

    @property
    def names_in_headers(self) -> frozenset[str]:
        """The names whose values a header carries as they are, those of a signature among them."""
        return frozenset((*_names(self.headers.values()), *self.signed))


class TopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay in a fixed amount: a form to post, and the meaning of the reply's word for it."""

    url: Url
    form: dict[str, Text]
    outcome: Path
    outcomes: dict[str, Literal["paid", "not_enabled", "key_rejected"]]


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another host of the same provider, with what is different there."""

    host: str
    currency: Unit | None = None
    billing: Link | None = None


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One provider.

    `number` says in words what the balance is, `key` which key to use if it is not the ordinary
    one, `env` the usual variable of the environment that holds it, or which credential or variable
    each of several holds, `options` which optional variables an account may name, and what for.
    `currency` may be missing if the reply names it; `currencies` maps the reply's words to units.
    `scale` converts the reply's unit of money to `currency`. `numbers` is the form of numbers: as
    in JSON, as
    text, as text with commas between the thousands, or as an example shows it. `failures` has,
    for each kind of failure, a condition on the body that is true if the request failed that way;
    `unlimited` is a condition that is true if the account has no limit. `words` maps words to yes
    or no where a flag is expected; any other word is no answer. `module` names the code that
    sends the requests, if they are several or have to be signed. `max_kib` is how large a reply
    may be, `rate` how often the host may be asked; `every_hours` is how long a reading holds, where
    a request costs money. `cost` is for a provider that tells costs and no balance, in place of
    `reply`. `billing` is the page for topping up, `docs` the page that the
    facts come from, `evidence` what they are based on, `checked` when they were looked up.
    """

    name: Line
    number: Line | None = None
    kind: Literal["prepaid", "quota", "cost"] = "prepaid"
    docs: Link | None = None
    billing: Link | None = None
    evidence: Literal["documentation", "sdk", "clients", "one client"] | None = None
    checked: date | None = None
    url: Url
    method: Literal["GET", "POST"] = "GET"
    headers: dict[str, Text] = {}
    json: dict[str, Json] | list[Json] | None = None
    auth: Auth
    auth_options: dict[str, Auth] = {}
    key: Line | None = None
    env: str | dict[str, str] | None = None
    regions: dict[str, Region] = {}
    options: dict[str, Line] = {}
    currency: Unit | None = None
    currencies: dict[str, Unit] = {}
    scale: Decimal = Decimal(1)
    numbers: NumberForm = NumberForm("json")
    format: Literal["json", "xml", "text"] = "json"
    success: Success | None = None
    failures: dict[str, Path] = {}
    unlimited: Path | None = None
    reply: ReplyPaths = NO_REPLY
    cost: CostSpec | None = None
    words: dict[str, bool] = {}
    max_kib: Annotated[int, msgspec.Meta(ge=64, le=1024)] = 64
    rate: Rate | None = None
    every_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] | None = None
    top_up: TopUp | None = None
    module: str | None = None

    @property
    def traits(self) -> ProviderTraits:
        """What alerts need to know about the provider."""
        metrics = frozenset(
            metric
            for metric, info in METRICS.items()
            if any(getattr(self.reply, field) for field in info.reading_fields)
        )
        return ProviderTraits(
            self.billing, metrics, renews=self.kind == "quota", currency=self.currency
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that an account must have: the names in the address."""
        return tuple(dict.fromkeys(self.url.names))

    @property
    def environment(self) -> Mapping[str, str]:
        """The credential or variable that each usual variable of the environment holds."""
        if isinstance(self.env, str):
            return {self.env: self.auth.names[0]}
        return self.env or {}

    @property
    def top_up_variables(self) -> tuple[str, ...]:
        """The further variables that an account must have to be topped up."""
        if self.top_up is None:
            return ()
        names = _names((*self.top_up.form.values(), self.top_up.url))
        return tuple(name for name in names if name not in self.variables)

    def cannot_top_up(self, account: Account) -> str | None:
        """Returns why an account cannot be topped up, as a clause; None if it can be."""
        if self.top_up is None:
            return f"{self.name} cannot be topped up through its API"
        missing = [name for name in self.top_up_variables if name not in account.variables]
        return f"the account's variables are missing {', '.join(missing)}" if missing else None

    def credentials(self, auth: str | None) -> tuple[str, ...] | None:
        """Returns the credentials that an authentication option needs; None if it does not exist.

        A name that is in the address is an identifier and not a credential.
        """
        chosen = self.auth_for(auth)
        if chosen is None:
            return None
        return tuple(name for name in chosen.names if name not in self.variables)

    def auth_for(self, option: str | None) -> Auth | None:
        """Returns the authentication that an account chose; None if it does not exist."""
        return self.auth if option is None else self.auth_options.get(option)

    def for_region(
        self, variables: Mapping[str, str], base_url: str | None, where: str, faults: Faults
    ) -> Self:
        """Returns the specification as it applies to an account: in its region, if it names one.

        Notes the variables that the account is missing, or that cannot be part of an address.
        """
        for problem in self._address_problems(variables, base_url):
            faults.add(where, problem)
        chosen = variables.get(REGION)
        if chosen is None or not self.regions or REGION in self.variables:
            return self
        region = self.regions.get(chosen)
        if region is None:
            known = ", ".join(self.regions)
            faults.add(where, f"variables, {REGION}: must be one of {known}, or be left out")
            return self
        top_up = self.top_up
        if top_up is not None:
            top_up = msgspec.structs.replace(top_up, url=_at_host(top_up.url, region.host))
        return msgspec.structs.replace(
            self,
            url=_at_host(self.url, region.host),
            top_up=top_up,
            currency=region.currency or self.currency,
            billing=region.billing or self.billing,
        )

    def _address_problems(
        self, variables: Mapping[str, str], base_url: str | None
    ) -> Iterator[str]:
        for name in self.variables:
            if not variables.get(name):
                yield f"variables, {name}: is missing"
            elif variables[name] in (".", ".."):
                yield f"variables, {name}: leads to another address"
        in_hosts = (*self.url.host_names, *(self.top_up.url.host_names if self.top_up else ()))
        for name in dict.fromkeys(in_hosts):
            if variables.get(name) and not _HOST_LABEL.fullmatch(variables[name]):
                yield f"variables, {name}: must be one part of a host name, without dots"
        if base_url is None and not urlsplit(self.url).netloc:
            yield "base_url: is missing, and the provider has no address of its own"


def _at_host(url: Url, host: str) -> Url:
    return Url(urlsplit(url)._replace(netloc=host).geturl())


def _names(texts: Iterable[Text]) -> tuple[str, ...]:
    """Returns the names in several texts, each once."""
    return tuple(dict.fromkeys(name for text in texts for name in text.names))
