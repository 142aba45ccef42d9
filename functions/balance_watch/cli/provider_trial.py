"""`balance-watch providers try`: finds the provider and the account to try, and asks once."""

import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from balance_watch.cli.terminal import err, read_text, sanitize
from balance_watch.config.accounts import parse_account
from balance_watch.config.policy import SECTIONS, parse_policy
from balance_watch.config.settings import trusted_hosts
from balance_watch.domain.account import Account
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.errors import CommandError
from balance_watch.exact_parsing import NotExactError, exact_json, exact_toml
from balance_watch.providers.client import ATTEMPT_SECONDS
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.registry import catalogue_clashes, catalogue_provider, current_slug
from balance_watch.providers.spec import Spec
from balance_watch.providers.spec_validation import convert_spec
from balance_watch.transport import Reply, Request, Transport, TransportError
from balance_watch.validation import Faults

_WHOLE_ACCOUNT = 'Put more of the account into the file: {"credentials": {…}, "variables": {…}}'
_MORE = re.compile("variables|base_url|credit or a budget")
_NAME = "tried"
"""The name of the account that is tried; nobody sees it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One read of a provider: every request with its reply, None if none came, and the result."""

    spec: Spec
    account: Account
    exchanges: list[tuple[Request, Reply | None]] = field(repr=False)
    result: ReadResult


def try_provider(provider: str, credentials: str, slug: str | None) -> Trial:
    """Asks a provider once.

    Args:
        provider: a file with a specification, or with a policy that has one; or a slug of the
            catalogue.
        credentials: a file with JSON: the credentials, or a whole account.
        slug: which provider of a policy.

    Raises:
        CommandError: the provider or the credentials are missing or invalid.
    """
    name, spec = _find_provider(provider, slug)
    spec, account = _read_account(credentials, name, spec)
    return _ask(spec, account)


def _find_provider(provider: str, slug: str | None) -> tuple[str, Spec]:
    """Returns a provider of a file or of the catalogue, with its name."""
    is_file = provider == "-" or Path(provider).is_file()
    known = None if is_file else catalogue_provider(provider)
    if known is not None:
        return current_slug(provider), known
    if not is_file:
        raise CommandError(f"{provider} is neither a file nor a provider of the catalogue.")
    faults = Faults()
    named_spec = _parse_provider(read_text(provider), provider, slug, faults)
    if named_spec is None:
        for fault in faults:
            err.print(sanitize(fault))
        raise CommandError(f"{provider} is invalid.")
    return named_spec


def _parse_provider(
    text: str, where: str, slug: str | None, faults: Faults
) -> tuple[str, Spec] | None:
    """Parses a specification in JSON or TOML, or a policy; None after adding its faults."""
    if text.lstrip().startswith("{"):
        return _parse_json(text, faults)
    table = exact_toml(text, where, faults)
    if table is None:
        return None
    if set(table) & set(SECTIONS):
        return _parse_policy(text, slug, faults)
    spec = convert_spec(table, where, faults)
    return (spec.name, spec) if spec else None


def _parse_json(text: str, faults: Faults) -> tuple[str, Spec] | None:
    try:
        spec = convert_spec(exact_json(text), "provider", faults)
    except NotExactError as error:
        faults.add("provider", str(error))
        return None
    return (spec.name, spec) if spec else None


def _parse_policy(text: str, slug: str | None, faults: Faults) -> tuple[str, Spec] | None:
    """Returns the provider with this slug, or the only one of a policy."""
    policy = parse_policy(text, "policy", faults)
    faults += catalogue_clashes(policy.providers) if policy else []
    if policy is None or faults:
        return None
    if not slug and len(policy.providers) == 1:
        (slug,) = policy.providers
    if slug and slug in policy.providers:
        return slug, policy.providers[slug]
    if policy.providers:
        slugs = ", ".join(policy.providers)
        faults.add("policy providers", f"choose one by --provider: {slugs}")
    else:
        faults.add("policy", "has no [[providers]] to try")
    return None


def _read_account(file: str, provider: str, spec: Spec) -> tuple[Spec, Account]:
    """Returns the account of a file, validated as in a secret, and its provider in its region."""
    content = _read_entry(file)
    is_bare = "credentials" not in content
    entry = {"credentials": content} if is_bare else content
    faults = Faults()
    try:
        raw = exact_json(json.dumps({**entry, "name": _NAME, "provider": provider}))
    except NotExactError as error:
        raise CommandError(f"{file} {error}.") from None
    watched = parse_account(raw, "account", lambda *_: spec, faults)
    if watched is None:
        for fault in faults:
            err.print(sanitize(re.sub("^account[:,] ", "", fault)))
        if is_bare and any(map(_MORE.search, faults)):
            err.print(_WHOLE_ACCOUNT)
        raise CommandError(f"{file}: the credentials are invalid.")
    account, spec = watched
    return spec, account


def _read_entry(file: str) -> dict[str, Any]:
    """Returns the credentials, or the one account, in a file."""
    try:
        content = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{file} is not JSON ({where}).") from None
    if isinstance(content, dict) and isinstance(content.get("accounts"), list):
        if len(content["accounts"]) != 1:
            raise CommandError(f"{file} must have exactly one account.")
        (content,) = content["accounts"]
    if not isinstance(content, dict):
        raise CommandError(f"{file} must be a JSON object: the credentials, or one account.")
    return content


def _ask(spec: Spec, account: Account) -> Trial:
    transport, now = Transport(trusted_hosts()), datetime.now(UTC).replace(microsecond=0)
    deadline = time.monotonic() + ATTEMPT_SECONDS
    exchanges: list[tuple[Request, Reply | None]] = []

    def exchange(request: Request) -> Reply:
        exchanges.append((request, None))
        reply = transport.exchange(request, timeout=max(0.001, deadline - time.monotonic()))
        exchanges[-1] = request, reply
        return reply

    result: ReadResult
    try:
        result = run_flow(flow_for(spec, account, now, now), exchange)
    except TransportError as error:
        result = ReadFailure(error.kind, error.message)
    except Exception as error:  # noqa: BLE001 (a reply that raises is a failed read, as in a check)
        text = f"The reply could not be handled ({type(error).__name__})."
        result = ReadFailure(FailureKind.MALFORMED, text)
    return Trial(spec, account, exchanges, result)
