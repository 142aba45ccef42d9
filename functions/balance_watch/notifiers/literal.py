"""Text of others as it is shown: no character of it hides or reorders anything."""

_ZERO_WIDTH_JOINER = "\u200d"
"""Joins several emoji into one (👩‍💻); unlike other format characters, it does not reorder text."""


def printable(text: str) -> str:
    """Returns a text with a mark in place of every character that is not shown as itself."""
    return "".join(
        character if character.isprintable() or character == _ZERO_WIDTH_JOINER else "�"
        for character in text
    )


def cut(text: str, limit: int) -> str:
    """Cuts a text off at a length."""
    return text if len(text) <= limit else f"{text[: max(0, limit - 2)]} …"
