"""All seven endpoints of the first four providers, over real HTTP, to the last digit."""

from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from balance_watch.domain.reading import FailureKind
from local.loopback import Request
from local.provider_server import ProviderServer
from local.trouble import BLOCKED, NOT_ALLOWED, canned
from tests.providers.conftest import World
from tests.support.provider_reads import KEY, NOW, SECRET, account_of, failure, reading

ENDPOINTS = {
    "legnext": ("legnext", "/api/account/balance", "x-api-key", KEY),
    "you": ("you", "/v1/billing/account_balance", "x-api-key", KEY),
    "aimlapi-detail": ("aimlapi", "/v2/billing/detail", "authorization", f"Bearer {KEY}"),
    "aimlapi": ("aimlapi", "/v2/billing", "authorization", f"Bearer {KEY}"),
    "aimlapi-v1-legacy": ("aimlapi", "/v1/billing/balance", "authorization", f"Bearer {KEY}"),
    "vonage": (
        "vonage",
        "/account/get-balance",
        "authorization",
        f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}",
    ),
}


def server_of(world: World, slug: str) -> ProviderServer:
    server: ProviderServer = getattr(world, ENDPOINTS[slug][0])
    return server


def sent(server: ProviderServer) -> Request:
    (request,) = server.requests
    return request


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_the_documented_request_is_sent_with_its_key_in_the_header(world: World, slug: str) -> None:
    server = server_of(world, slug)
    reading(world.client, account_of(slug, server.url))
    _, path, header, value = ENDPOINTS[slug]
    request = sent(server)
    assert (request.method, request.path) == ("GET", path)
    assert request.headers[header] == value


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_no_key_is_in_the_address(world: World, slug: str) -> None:
    server = server_of(world, slug)
    reading(world.client, account_of(slug, server.url))
    assert sent(server).query == {}


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_an_explicit_user_agent_is_sent(world: World, slug: str) -> None:
    server = server_of(world, slug)
    reading(world.client, account_of(slug, server.url))
    assert sent(server).headers["user-agent"].startswith("balance-watch/")


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_the_path_of_a_base_url_comes_before_the_provider_s(world: World, slug: str) -> None:
    server = server_of(world, slug)
    failure(world.client, account_of(slug, f"{server.url}/gateway/$eu/"))
    assert sent(server).path == f"/gateway/$eu{ENDPOINTS[slug][1]}"


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_an_unknown_key_is_rejected(world: World, slug: str) -> None:
    server = server_of(world, slug)
    server.accounts.clear()
    assert failure(world.client, account_of(slug, server.url)).kind is FailureKind.KEY_REJECTED


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_a_key_without_permission_is_not_allowed(world: World, slug: str) -> None:
    server = server_of(world, slug)
    server.trouble = NOT_ALLOWED
    assert failure(world.client, account_of(slug, server.url)).kind is FailureKind.NOT_ALLOWED


@pytest.mark.parametrize("slug", ENDPOINTS)
def test_a_reading_belongs_to_its_tick(world: World, slug: str) -> None:
    account = account_of(slug, server_of(world, slug).url)
    assert reading(world.client, account).observed_at == NOW


@pytest.mark.parametrize("flat", [False, True], ids=["in an envelope", "flat"])
def test_legnext_is_read_completely(world: World, flat: bool) -> None:  # noqa: FBT001 (a parameter)
    world.legnext.flat = flat
    got = reading(world.client, account_of("legnext", world.legnext.url))
    assert (got.balance, got.currency) == (Decimal("72.048"), "USD")
    assert (got.credits, got.points) == (Decimal(71000), Decimal(1048))
    assert (got.provider_flag, got.provider_threshold) == (False, Decimal(10))


def test_legnext_s_nine_fractional_digits_are_a_time(world: World) -> None:
    got = reading(world.client, account_of("legnext", world.legnext.url))
    assert got.provider_time == datetime(2025, 11, 5, 8, 22, 37, 784663, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("401", FailureKind.KEY_REJECTED),
        ("403", FailureKind.NOT_ALLOWED),
        ("429", FailureKind.RATE_LIMITED),
        ("500", FailureKind.PROVIDER_ERROR),
        ("0", FailureKind.PROVIDER_ERROR),
        ('"no"', FailureKind.PROVIDER_ERROR),
        ("true", FailureKind.PROVIDER_ERROR),
    ],
)
def test_legnext_s_own_code_counts_although_the_status_is_200(
    world: World, code: str, kind: FailureKind
) -> None:
    world.legnext.trouble = canned(200, f'{{"code":{code},"data":{{"balance_usd":72.048}}}}')
    assert failure(world.client, account_of("legnext", world.legnext.url)).kind is kind


def test_you_s_cents_become_dollars_to_the_last_digit(world: World) -> None:
    got = reading(world.client, account_of("you", world.you.url))
    assert str(got.balance) == "7189.245"
    assert got.currency == "USD"


def test_the_server_in_front_of_you_is_not_mistaken_for_its_api(world: World) -> None:
    account = account_of("you", world.you.url)
    world.you.trouble = BLOCKED
    front = failure(world.client, account)
    world.you.trouble = NOT_ALLOWED
    api = failure(world.client, account)
    assert (front.kind, api.kind) == (FailureKind.BLOCKED, FailureKind.NOT_ALLOWED)
    assert (front.kind.about_the_key, api.kind.about_the_key) == (False, True)
