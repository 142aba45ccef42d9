"""What the messages to Slack show, alert by alert."""

from typing import Any


def alert_texts(message: dict[str, Any]) -> list[str]:
    """Returns the text of each alert: its section with the fields, and the line below it."""
    alerts = list[str]()
    for block in message["blocks"]:
        if block["type"] == "section":
            parts = [block["text"], *block.get("fields", ())]
            alerts.append("\n".join(part["text"] for part in parts))
        elif block["type"] == "context":
            alerts[-1] += "".join(f"\n{element['text']}" for element in block["elements"])
    return alerts
