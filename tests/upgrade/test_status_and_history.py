"""The commands show what an earlier release stored, and that release could read what we store."""

import json

import pytest

from tests.upgrade.stack import DUMP, LAST, NEXT
from tests.upgrade.upgrade import HISTORIES, Upgrade


def test_status_shows_what_the_release_showed(upgrade: Upgrade) -> None:
    """Fields have been added since."""
    released = json.loads((DUMP / "status.json").read_text(encoding="utf-8"))
    for now, then in zip(upgrade.status, released, strict=True):
        assert {name: now[name] for name in then} == then


@pytest.mark.parametrize("account", HISTORIES)
def test_history_is_read_back_exactly(upgrade: Upgrade, account: str) -> None:
    items = [item for item in upgrade.items if item["pk"]["S"] == f"ACCOUNT#{account}"]
    readings = [item for item in items if item["sk"]["S"].startswith("AT#")]
    assert upgrade.histories[account] == [
        {
            "observed_at": reading["sk"]["S"].removeprefix("AT#"),
            "balance": reading["bal"]["N"],
            "currency": reading["cur"]["S"],
            "credits": reading.get("credits", {}).get("N"),
            "points": reading.get("points", {}).get("N"),
            "provider_flag": reading.get("flag", {}).get("BOOL"),
            "provider_threshold": reading.get("limit", {}).get("N"),
            "auto_reload": reading.get("reload", {}).get("BOOL"),
        }
        for reading in readings
    ]
    assert len(readings) > 5


def test_history_shows_the_status_text_of_the_provider(upgrade: Upgrade) -> None:
    texts = upgrade.history_of_tokens.count("the small plan")
    assert texts == len(upgrade.histories["tokens"])


def test_new_readings_have_every_attribute_that_the_release_wrote(upgrade: Upgrade) -> None:
    """So the release could be deployed again."""
    for item in upgrade.items:
        if item["sk"]["S"] == f"AT#{LAST}" and item["pk"]["S"] != "ACCOUNT#leaves":
            # An hour later, the readings of the hour are an item.
            written = upgrade.soon.item(item["pk"]["S"], f"AT#{NEXT}")
            assert written.keys() >= item.keys()
            assert upgrade.next.item(item["pk"]["S"])["reading"].keys() >= (
                item.keys() - {"pk", "sk", "expires_at"}
            )
