"""The digest of the picture: the accounts of the alerts, hours after their stories have ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

from balance_watch.domain.digest_building import (
    Standings,
    digest_notification,
    digest_of,
    topped_up_since,
)
from balance_watch.domain.past_top_ups import past_top_ups
from balance_watch.domain.reading import Reading
from balance_watch.domain.state import TopUpSeen
from balance_watch.notifiers.slack_digest import render_digest
from docs.pictures.slack_scene import LIVES, Life, hours_of, lived

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SINCE_THEN = 6
"""Hours from the end of a story until the digest."""


def digest_message() -> dict[str, Any]:
    """Returns the message to Slack."""
    hours = {life.account.name: hours_of(life) + _SINCE_THEN for life in LIVES}
    states = [lived(life, hours[life.account.name], AT)[0] for life in LIVES]
    topped_up = topped_up_since(states, AT - _DAY)
    rises = {
        life.account.name: _top_ups(life, hours[life.account.name])
        for life in LIVES
        if life.account.name in topped_up
    }
    digest = digest_of(Standings(states), AT, AT - _DAY, AT, rises)
    return render_digest(digest_notification(digest))


def _top_ups(life: Life, hours: int) -> list[TopUpSeen]:
    results = (life.read(hour, AT - (hours - hour) * _HOUR) for hour in range(hours + 1))
    rises = past_top_ups(it for it in results if isinstance(it, Reading))
    return [it for it in rises if it.at > AT - _DAY]
