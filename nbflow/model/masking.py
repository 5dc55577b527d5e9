"""Secrets of this process, known by value, and the one function that takes them out of texts.

A secret is registered where it becomes known: a `SecretStr` parameter, a setting marked secret.
What is not text (images, pickled results) cannot be masked. Where texts leave a run is
`model.texts`' business.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import quote, quote_plus, unquote, urlsplit

from nbflow import settings
from nbflow.exceptions import InvalidInput

#: what stands where a secret stood
MASK = "********"
#: a shorter value is likely to be part of any text
SHORTEST = 4
#: and one this short has no base64 of its own: too few characters do not depend on what is around
_SHORTEST_BASE64 = 6
#: collections nested deeper than this are not looked through
_DEEPEST = 32

_lock = threading.Lock()
_secrets: frozenset[str] = frozenset()
_pattern: re.Pattern[str] | None = None


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
    """Register the settings that are secret, where they are set, and the store's password."""
    for name, setting in settings.SETTINGS.items():
        if setting.secret:
            with suppress(InvalidInput):  # not set, or too short
                register_secret(getattr(settings, name))
    with suppress(ValueError):  # no address, or too short (InvalidInput is one)
        address: str = settings.database_url
        register_secret(unquote(urlsplit(address).password or ""))


def mask(text: str) -> str:
    """Give a text with every registered secret replaced by asterisks."""
    pattern = _pattern
    return text if pattern is None else pattern.sub(MASK, text)


def mask_json(value: Any) -> Any:
    """Give a JSON value with the secrets in its texts, keys included, replaced."""
    return value if _pattern is None else _mask_json(value, 0)


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
    global _secrets, _pattern
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a secret may be part of another.
    ordered = sorted(forms, key=lambda form: (-len(form), form))
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
