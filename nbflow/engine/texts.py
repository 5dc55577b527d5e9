"""Text from user code on its way to the store: valid UTF-8, and not endless."""

from __future__ import annotations

#: characters of one message
LONGEST_MESSAGE = 250_000


def safe(text: str) -> str:
    """Give a text that every database takes: cut, without NUL and lone surrogates."""
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[:LONGEST_MESSAGE]}… ({len(text)} characters)"
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")


def of_error(error: BaseException) -> str:
    """Give an exception as one line: its type and what it says."""
    try:
        said = str(error)
    except Exception:  # a user's __str__ may itself fail
        said = "(its text cannot be made)"
    return safe(f"{type(error).__name__}: {said}" if said else type(error).__name__)
