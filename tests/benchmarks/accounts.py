"""Ordinary accounts: one of each of seven endpoints, with all that its provider reports."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from balance_watch.domain.reading import AutoReload, Reading
from balance_watch.domain.state import AccountState
from balance_watch.domain.use_profile import NO_PROFILE, Profile
from tests.support.examples import full_trend, full_week

TICK = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)


def ordinary_states(number: int) -> list[AccountState]:
    """Returns the states of this many accounts after two weeks of checks, of the seven in turn."""
    at = TICK - timedelta(minutes=5)
    readings = _readings(at)
    names = [*readings]
    profile = _profile(at)
    return [
        AccountState(
            f"{name}-{index:03}",
            checked_at=at,
            reading=readings[name],
            trend=full_trend(at, first=f"{readings[name].balance + 3:f}"),
            days=full_week(at, spent="3.9456"),
            profile=profile,
            gaps=(timedelta(minutes=5),) * 4,
            provider=name,
            purse="d" * 16,
        )
        for index, name in ((index, names[index % len(names)]) for index in range(number))
    ]


def _profile(at: datetime) -> Profile:
    """Returns the use of two weeks, more by day than by night."""
    profile = NO_PROFILE
    for hours in range(14 * 24, 0, -1):
        since = at - timedelta(hours=hours)
        spent = Decimal("0.2192") if 8 <= since.hour < 20 else Decimal("0.1096")
        profile = profile.added(since, since + timedelta(hours=1), spent)
    return profile


def _readings(at: datetime) -> dict[str, Reading]:
    plain = Reading(at, Decimal("7189.245"), "USD")
    auto_reload = AutoReload(enabled=True, threshold=Decimal(20), amount=Decimal(100))
    images = replace(plain, provider_flag=False, provider_threshold=Decimal(10), provider_time=at)
    return {
        "search-production": plain,
        "images-production": replace(
            images, balance=Decimal("72.048"), credits=Decimal(71048), points=Decimal(1000)
        ),
        "images-staging": replace(
            images, balance=Decimal("41.068"), credits=Decimal(41068), points=Decimal(0)
        ),
        "llm-production": replace(plain, balance=Decimal("152.4"), auto_reload=auto_reload),
        "llm-batch": replace(plain, balance=Decimal("123.45")),
        "llm-legacy": replace(
            plain,
            balance=Decimal("275.7822475"),
            credits=Decimal(551564495),
            provider_flag=False,
            provider_threshold=Decimal("0.005"),
            auto_reload=AutoReload(enabled=False),
            status="Balance is current and up to date",
        ),
        "sms-production": replace(
            plain,
            balance=Decimal("24.171275"),
            currency="EUR",
            auto_reload=AutoReload(enabled=True),
        ),
    }
