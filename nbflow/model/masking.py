"""Secrets of this process, known by value, and the one function that takes them out of texts.

A secret is registered where it becomes known: a `SecretStr` parameter, a setting marked secret.
What is not text (images, pickled results) cannot be masked. Where texts leave a run is
`model.texts`' business.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from bisect import bisect_left
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import quote, quote_plus, unquote, urlsplit

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.model import secret_formats

#: what stands where a secret stood
MASK = "********"
#: a shorter value is likely to be part of any text
SHORTEST = 4
#: the variable by which a run's processes learn of the secrets its job holds, as JSON
JOB = "NBFLOW_JOB_MASKED"
#: and one this short has no base64 of its own: too few characters do not depend on what is around
_SHORTEST_BASE64 = 6
#: collections nested deeper than this are not looked through
_DEEPEST = 32

_lock = threading.Lock()
_secrets: frozenset[str] = frozenset()
_pattern: re.Pattern[str] | None = None
#: what secrets look like, in order; and the characters with which they begin
_ordered: list[str] = []
_firsts: frozenset[str] = frozenset()
_longest = 0
_listeners: list[Callable[[frozenset[str]], None]] = []


def register_secret(value: str | bytes) -> None:
    """Mask a value, and its usual encodings, in every text that leaves a run of this process.

    Encodings: URL, JSON, `repr`, base64 at any alignment, hexadecimal. Raises InvalidInput for a
    value shorter than 4 characters.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if len(text.strip()) < SHORTEST:
        raise InvalidInput(
            f"A secret of fewer than {SHORTEST} characters cannot be masked.",
            code="secret.short",
            hint="Text that has nothing to do with it would be torn; choose a longer one.",
        )
    if text not in _secrets:
        with _lock:
            _know(_secrets | {text})
        for told in _listeners:
            told(frozenset({text}))


def listen(told: Callable[[frozenset[str]], None]) -> None:
    """Have a function told of the secrets registered so far, and of each that follows."""
    if told not in _listeners:
        _listeners.append(told)
        if _secrets:
            told(_secrets)


def register_within(value: Any) -> None:
    """Register every text in a secret JSON value; one too short to mask is passed over."""
    if isinstance(value, (str, bytes)):
        with suppress(InvalidInput):
            register_secret(value)
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            register_within(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            register_within(item)


def register_settings() -> None:
    """Register the settings that are secret, the store's password, and the secrets of the job."""
    for name, setting in settings.SETTINGS.items():
        if setting.secret:
            with suppress(InvalidInput):  # not set, or too short
                register_secret(getattr(settings, name))
    with suppress(ValueError):
        register_within(json.loads(os.environ.get(JOB, "null")))
    with suppress(ValueError):  # no address, or too short (InvalidInput is one)
        address: str = settings.database_url
        register_secret(unquote(urlsplit(address).password or ""))


def mask(text: str) -> str:
    """Give a text with every secret replaced by asterisks: registered ones, and well-known formats.

    Formats (`secret_formats`): keys and tokens of AWS, GitHub, Slack, Google and Stripe, JSON Web
    Tokens, private keys.
    """
    pattern = _pattern
    if pattern is not None:
        text = pattern.sub(MASK, text)
    return secret_formats.mask(text, MASK) if secret_formats.suspicious(text) else text


def mask_json(value: Any) -> Any:
    """Give a JSON value with the secrets in its texts, keys included, replaced."""
    return value if _pattern is None and not _suspicious(value, 0) else _mask_json(value, 0)


def within(data: bytes) -> bool:
    """Say whether bytes hold a registered secret as it is: a pickle of it does."""
    return any(secret.encode("utf-8", "backslashreplace") in data for secret in _secrets)


def unfinished(text: str) -> int:
    """Give how many characters at the end of a text may be the beginning of a secret."""
    if _pattern is None:
        return 0
    begin = max(len(text) - _longest + 1, 0)
    for at in range(begin, len(text)):
        if text[at] in _firsts:
            tail = text[at:]
            found = bisect_left(_ordered, tail)
            if found < len(_ordered) and _ordered[found].startswith(tail):
                return len(tail)
    return 0


class Carry:
    """The texts of one stream, which may cut a secret in two: held back is what may begin one."""

    def __init__(self) -> None:
        self._held = ""

    def take(self, text: str) -> str:
        """Take the next piece; give what may be told, masked."""
        if not self._held and _pattern is None:
            return mask(text)
        masked = mask(self._held + text)
        keep = unfinished(masked)
        self._held = masked[len(masked) - keep :]
        return masked[: len(masked) - keep]

    def rest(self) -> str:
        """Give what was held back: nothing follows."""
        rest, self._held = self._held, ""
        return rest


def registered() -> frozenset[str]:
    """Give the secrets registered so far: a process that works for this one must mask them, too."""
    return _secrets


@contextmanager
def forgetting() -> Generator[None, None, None]:
    """Forget at the end what was registered inside (tests)."""
    before = _secrets
    try:
        yield
    finally:
        with _lock:
            _know(before)


def _know(secrets: frozenset[str]) -> None:
    global _secrets, _pattern, _ordered, _firsts, _longest
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a secret may be part of another.
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    _ordered, _firsts = sorted(forms), frozenset(form[0] for form in forms)
    _longest = len(ordered[0]) if ordered else 0
    _pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None
    _secrets = secrets


def _forms(secret: str) -> set[str]:
    """Give what a secret looks like in texts."""
    data = secret.encode("utf-8", "backslashreplace")
    forms = {secret, secret.strip(), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    forms |= {json.dumps(secret, ensure_ascii=False)[1:-1], quote(data, safe=""), quote(data)}
    forms |= {quote_plus(data), data.hex(), data.hex().upper()}
    if len(data) >= _SHORTEST_BASE64:
        for coded in (base64.b64encode, base64.urlsafe_b64encode):
            forms |= {_inside(coded(b"\0" * before + data).decode(), before, data)
                      for before in range(3)}  # fmt: skip
    return forms


def _inside(coded: str, before: int, data: bytes) -> str:
    """Give the characters of a base64 text that depend on nothing but the data."""
    first = (0, 2, 3)[before]
    whole = (before + len(data)) * 8 // 6
    return coded[first:whole]


def _suspicious(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return secret_formats.suspicious(value)
    if depth > _DEEPEST or not isinstance(value, (Mapping, list, tuple)):
        return False
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return any(_suspicious(k, depth) or _suspicious(v, depth + 1) for k, v in items)
    return any(_suspicious(item, depth + 1) for item in cast("list[Any]", value))


def _mask_json(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return mask(value)
    if not isinstance(value, (Mapping, list, tuple)):
        return value
    if depth > _DEEPEST:
        return "<masked: nested too deep>"
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {_mask_json(key, depth + 1): _mask_json(item, depth + 1) for key, item in items}
    return [_mask_json(item, depth + 1) for item in cast("list[Any]", value)]
