"""Names and tags: what they may look like, how messages show them, what a typo meant."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Iterable
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model.shapes import is_sequence

LONGEST_NAME = 255
LONGEST_TAG = 64
MOST_TAGS = 50

#: what most names are, and nothing is to be done about
_PLAIN = re.compile(rf"[0-9A-Za-z_.-]{{1,{LONGEST_NAME}}}")
_BANNED = re.compile(r"[/%&><]")
# Cc: controls; Cs: lone surrogates; then the marks that reorder the text around them.
_REORDERING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def shown(value: Any, longest: int = 60) -> str:
    """Give a value as it is shown in a message: escaped, and cut when long."""
    if isinstance(value, str):
        # Cut first: the repr of a megabyte is a megabyte.
        text, cut = ascii(value[:longest]), len(value) > longest
    else:
        text, cut = _repr(value).encode("ascii", "backslashreplace").decode(), False
    return f"{text[:longest]}…" if cut or len(text) > longest + 2 else text


def _repr(value: Any) -> str:
    # A look at the beginning of large containers; a repr may raise, and that of a long int does.
    try:
        return reprlib.repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def nearest(word: str, among: Iterable[str]) -> str | None:
    """Give the name that was probably meant, or None."""
    from difflib import get_close_matches

    names = list(among)
    by_fold = {name.casefold(): name for name in reversed(names)}
    if word.casefold() in by_fold:
        return by_fold[word.casefold()]
    typed = word.casefold()[:80]
    close = get_close_matches(typed, by_fold, n=3, cutoff=0.6)
    # People err late in a word: of close ones the one that begins as it does was meant.
    close.sort(key=lambda name: -_alike(typed, name))
    return by_fold[close[0]] if close else None


def _alike(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def twin(name: str, among: Iterable[str]) -> str | None:
    """Give the name that is this one but for capitals and ways to write a letter, or None."""
    wanted = folded(name)
    return next((other for other in among if folded(other) == wanted), None)


def did_you_mean(word: str, among: Iterable[str], otherwise: str) -> str:
    """Give the hint for an unknown name: the nearest one, or what is said otherwise."""
    near = nearest(word, names := list(among))
    if near is not None:
        return f"Did you mean {near!r}?"
    return f"{otherwise} {', '.join(sorted(names)[:20])}." if names else "There are none."


def check_name(value: Any, *, field: str = "name") -> str:
    """Give a name trimmed and in Unicode's NFC.

    Raises InvalidInput (`name.invalid`) for an empty, overlong or unprintable name, or one with
    any of `/ % & > <`.
    """
    if not isinstance(value, str):
        raise _bad(field, f"A {field} is text, not {type(value).__name__}.")
    if _PLAIN.fullmatch(value):
        return value
    name = unicodedata.normalize("NFC", value.strip())
    if not name:
        raise _bad(field, f"The {field} is empty.")
    if len(name) > LONGEST_NAME:
        raise _bad(field, f"The {field} has {len(name)} characters; {LONGEST_NAME} is the most.")
    _check_characters(name, field)
    banned = _BANNED.search(name)
    if banned:
        raise _bad(
            field,
            f"The {field} {shown(name)} contains {banned.group()!r}.",
            hint="Leave out / % & > and <.",
        )
    return name


def folded(name: str) -> str:
    """Give what two names share that people take for one: NFC, and no capitals."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def check_tags(values: Any, *, field: str = "tags") -> tuple[str, ...]:
    """Give tags trimmed and in the order they came. Raises InvalidInput (`tags.invalid`)."""
    if not is_sequence(values):
        raise _bad_tags(field, f"{field} is a list of texts, not {type(values).__name__}.")
    if not values:
        return ()
    tags = tuple(_tag(value, f"{field}[{index}]") for index, value in enumerate(values))
    if len(tags) > MOST_TAGS:
        raise _bad_tags(field, f"There are {len(tags)} tags; {MOST_TAGS} is the most.")
    twice = next((tag for index, tag in enumerate(tags) if tag in tags[:index]), None)
    if twice is not None:
        raise _bad_tags(field, f"The tag {shown(twice)} is given twice.")
    return tags


def _tag(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise _bad_tags(field, f"A tag is text, not {type(value).__name__}.")
    tag = unicodedata.normalize("NFC", value.strip())
    if not tag or len(tag) > LONGEST_TAG:
        raise _bad_tags(field, f"A tag has 1 to {LONGEST_TAG} characters, this one {len(tag)}.")
    _check_characters(tag, field)
    return tag


def tidied(text: str) -> str:
    """Give a text that code made as a name: what is refused in one is a space or a dash."""
    spaced = "".join(" " if _is_refused(char) else char for char in text)
    return _BANNED.sub("-", spaced)[:LONGEST_NAME].strip() or "-"


def _is_refused(char: str) -> bool:
    return char in _REORDERING or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _check_characters(text: str, field: str) -> None:
    if text.isascii() and text.isprintable():  # most are, and are looked at as a whole
        return
    for at, char in enumerate(text):
        if _is_refused(char):
            raise _bad(
                field,
                f"The {field} contains the character U+{ord(char):04X} at position {at}.",
                hint="Control characters and marks that change the reading direction are refused.",
            )


def _bad(field: str, message: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(message, code="name.invalid", field=field, hint=hint)


def _bad_tags(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, code="tags.invalid", field=field)
