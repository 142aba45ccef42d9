"""From a specification and an account to the one request that asks for its balance."""

from base64 import b64encode
from collections.abc import Mapping
from string import Template
from urllib.parse import quote, urlsplit, urlunsplit

from balance_watch.domain.account import Account
from balance_watch.providers.spec import Auth, Spec, Text
from balance_watch.transport import Request


def balance_request(spec: Spec, account: Account) -> Request:
    """Returns the request that reads an account's balance."""
    auth = spec.auth_for(account.auth) or spec.auth
    return Request(
        spec.method,
        _url(spec.url, account),
        headers={"Accept": "application/json", **spec.headers, **_headers(auth, account)},
        query=_filled(auth.query, account.credentials),
    )


def top_up_request(spec: Spec, account: Account) -> Request:
    """Returns the request that pays in. Whoever sends it has claimed the payment before.

    Raises:
        LookupError: the provider has no top-up, or the account lacks a variable that it needs.
    """
    if spec.top_up is None:
        raise LookupError(f"{spec.name} cannot be topped up through its API")
    missing = [
        name
        for text in spec.top_up.form.values()
        for name in text.names
        if name not in account.variables
    ]
    if missing:
        raise LookupError(f"the account's variables do not name {', '.join(missing)}")
    auth = spec.auth_for(account.auth) or spec.auth
    return Request(
        "POST",
        _url(spec.top_up.url, account),
        headers={"Accept": "application/json", **spec.headers, **_headers(auth, account)},
        query=_filled(auth.query, account.credentials),
        form=_filled(spec.top_up.form, account.variables),
    )


def host_of(spec: Spec, account: Account) -> str:
    """Returns the host and port that an account is read from; the limit per host counts by it."""
    return urlsplit(account.base_url or spec.url).netloc


def _url(template: Text, account: Account) -> str:
    """Fills in the path; a base_url replaces scheme and host, and its own path goes first."""
    names = {**account.credentials, **account.variables}
    scheme, host, path, query, _ = urlsplit(template)
    quoted = {name: quote(value, safe="") for name, value in names.items()}
    path = Template(path).substitute(quoted)
    if account.base_url is not None:
        base = urlsplit(account.base_url)
        scheme, host, path = base.scheme, base.netloc, base.path.rstrip("/") + path
    return urlunsplit((scheme, host, path, query, ""))


def _headers(auth: Auth, account: Account) -> dict[str, str]:
    headers = _filled(auth.headers, account.credentials)
    if auth.basic is not None:
        user, password = (Template(text).substitute(account.credentials) for text in auth.basic)
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    return headers


def _filled(texts: Mapping[str, Text], names: Mapping[str, str]) -> dict[str, str]:
    return {name: Template(text).substitute(names) for name, text in texts.items()}
