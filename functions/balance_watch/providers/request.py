"""Builds the requests for an account: the one that reads its balance, and the one that pays in."""

from base64 import b64encode
from collections.abc import Mapping
from string import Template
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

from balance_watch.domain.account import Account
from balance_watch.providers.spec import Auth, Spec
from balance_watch.providers.spec_types import Text
from balance_watch.transport import Request
from balance_watch.validation import Json


def balance_request(spec: Spec, account: Account, url: str | None = None) -> Request:
    """Returns the request that reads an account's balance.

    Args:
        spec: the provider.
        account: the account.
        url: another address of the same provider, if it takes several requests.
    """
    auth = spec.auth_for(account.auth) or spec.auth
    values = _auth_values(spec, account)
    body = _with_new_ids(spec.json)
    if auth.body and not isinstance(body, list):
        body = {**(body or {}), **_fill_in(auth.body, values)}
    return Request(
        spec.method,
        _address(url or spec.url, account),
        headers={**_accept(spec), **spec.headers, **_auth_headers(auth, values)},
        query=_fill_in(auth.query, values),
        json=body,
        max_body=spec.max_kib * 1024,
    )


def _with_new_ids(body: Json) -> Json:
    """Replaces each `"$uuid"` with a new id, for a provider that accepts an id only once."""
    if isinstance(body, dict):
        return {name: _with_new_ids(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_with_new_ids(value) for value in body]
    return str(uuid4()) if body == "$uuid" else body


def top_up_request(spec: Spec, account: Account) -> Request:
    """Returns the request that pays in. Its sender has to claim the payment first.

    Raises:
        LookupError: the account cannot be topped up, see `Spec.cannot_top_up`.
    """
    reason = spec.cannot_top_up(account)
    if spec.top_up is None or reason is not None:
        raise LookupError(reason)
    auth = spec.auth_for(account.auth) or spec.auth
    values = _auth_values(spec, account)
    return Request(
        "POST",
        _address(spec.top_up.url, account),
        headers={**_accept(spec), **spec.headers, **_auth_headers(auth, values)},
        query=_fill_in(auth.query, values),
        form=_fill_in(spec.top_up.form, account.variables),
    )


def host_of(spec: Spec, account: Account) -> str:
    """Returns the host and port that an account is read from; the limit per host applies to it."""
    return urlsplit(_address(spec.url, account)).netloc


def _address(template: str, account: Account) -> str:
    """Fills in host and path; a base_url replaces scheme and host, and its path comes first."""
    scheme, host, path, query, _ = urlsplit(template)
    quoted = {name: quote(value, safe="") for name, value in account.variables.items()}
    path = Template(path).substitute(quoted)
    if account.base_url is None:
        return urlunsplit((scheme, Template(host).substitute(quoted), path, query, ""))
    base = urlsplit(account.base_url)
    return urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + path, query, ""))


def _auth_values(spec: Spec, account: Account) -> dict[str, str]:
    """Returns the values of the names in `auth`: credentials, and variables of the address."""
    identifiers = {name: account.variables[name] for name in spec.variables}
    return {**account.credentials, **identifiers}


def _accept(spec: Spec) -> dict[str, str]:
    return {"Accept": "*/*" if spec.format == "text" else "application/json"}


def _auth_headers(auth: Auth, values: Mapping[str, str]) -> dict[str, str]:
    headers = _fill_in(auth.headers, values)
    if auth.basic is not None:
        user, password = (Template(text).substitute(values) for text in auth.basic)
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    return headers


def _fill_in(texts: Mapping[str, Text], values: Mapping[str, str]) -> dict[str, str]:
    return {name: Template(text).substitute(values) for name, text in texts.items()}
