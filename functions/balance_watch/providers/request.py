"""From a specification and an account to the request that asks for its balance."""

from base64 import b64encode
from collections.abc import Mapping
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

from balance_watch.domain.account import Account
from balance_watch.providers.spec import Auth, Spec
from balance_watch.providers.spec_types import Text
from balance_watch.transport import Request


def balance_request(spec: Spec, account: Account, url: str | None = None) -> Request:
    """Returns the request that reads an account's balance, or asks another address of the provider.

    Args:
        spec: the provider.
        account: the account.
        url: instead of the specification's own, for a provider that takes several requests.
    """
    auth = spec.auth_for(account.auth) or spec.auth
    names = _names(spec, account)
    fields = _with_new_ids(spec.json)
    if auth.body and not isinstance(fields, list):
        fields = {**(fields or {}), **_filled(auth.body, names)}
    return Request(
        spec.method,
        _url(url or spec.url, account),
        headers={**_accept(spec), **spec.headers, **_headers(auth, names)},
        query=_filled(auth.query, names),
        json=fields,
    )


def _with_new_ids(fields: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Each `"$uuid"` as an id that was never used, for a provider that takes each only once."""
    if isinstance(fields, dict):
        return {name: _with_new_ids(value) for name, value in fields.items()}
    if isinstance(fields, list):
        return [_with_new_ids(value) for value in fields]
    return str(uuid4()) if fields == "$uuid" else fields


def top_up_request(spec: Spec, account: Account) -> Request:
    """Returns the request that pays in. Whoever sends it has claimed the payment before.

    Raises:
        LookupError: the provider has no top-up, or the account lacks a variable that it needs.
    """
    why_not = spec.cannot_top_up(account)
    if spec.top_up is None or why_not is not None:
        raise LookupError(why_not)
    auth = spec.auth_for(account.auth) or spec.auth
    names = _names(spec, account)
    return Request(
        "POST",
        _url(spec.top_up.url, account),
        headers={**_accept(spec), **spec.headers, **_headers(auth, names)},
        query=_filled(auth.query, names),
        form=_filled(spec.top_up.form, account.variables),
    )


def host_of(spec: Spec, account: Account) -> str:
    """Returns the host and port that an account is read from; the limit per host counts by it."""
    return urlsplit(_url(spec.url, account)).netloc


def _url(template: str, account: Account) -> str:
    """Fills in host and path; a base_url replaces scheme and host, and its own path goes first."""
    scheme, host, path, query, _ = urlsplit(template)
    quoted = {name: quote(value, safe="") for name, value in account.variables.items()}
    path = Template(path).substitute(quoted)
    if account.base_url is None:
        return urlunsplit((scheme, Template(host).substitute(quoted), path, query, ""))
    base = urlsplit(account.base_url)
    return urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + path, query, ""))


def _names(spec: Spec, account: Account) -> dict[str, str]:
    """What stands for the names in `auth`: credentials, and identifiers of the address."""
    identifiers = {name: account.variables[name] for name in spec.variables}
    return {**account.credentials, **identifiers}


def _accept(spec: Spec) -> dict[str, str]:
    return {"Accept": "*/*" if spec.format == "text" else "application/json"}


def _headers(auth: Auth, names: Mapping[str, str]) -> dict[str, str]:
    headers = _filled(auth.headers, names)
    if auth.basic is not None:
        user, password = _filled({"user": auth.basic[0], "password": auth.basic[1]}, names).values()
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    return headers


def _filled(texts: Mapping[str, Text], names: Mapping[str, str]) -> dict[str, str]:
    return {name: Template(text).substitute(names) for name, text in texts.items()}
