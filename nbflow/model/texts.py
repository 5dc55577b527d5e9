"""Text from user code on its way out of a run: without secrets, valid UTF-8, and not endless."""

from __future__ import annotations

from nbflow.model import masking

#: characters of one message
LONGEST_MESSAGE = 250_000


def safe(text: str, *, longest: int = LONGEST_MESSAGE) -> str:
    """Give a text that may leave the run and that every database takes.

    Registered secrets are masked, then it is cut to `longest` characters with its length said; NUL
    and lone surrogates are written as escapes.
    """
    text = masking.mask(text)
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text)} characters)"
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
