"""A request's body as strict JSON: what a lenient parser lets through is refused here, by name.

Shapes are `nbflow.model.reading`'s; this file knows JSON only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from nbflow.exceptions import MalformedRequest

DEEPEST = 32

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class TooLarge(MalformedRequest):
    """The body is larger than this route takes."""

    status = 413
    code = "body.too_large"


class TooSlow(MalformedRequest):
    """The body did not arrive in time."""

    status = 408
    code = "body.too_slow"


class UnsupportedMedia(MalformedRequest):
    """The body is not sent as JSON."""

    status = 415
    code = "body.media_type"


def check_media_type(headers: Mapping[str, str]) -> None:
    """Refuse a body that calls itself something else than plain JSON. Raises UnsupportedMedia."""
    packed = headers.get("Content-Encoding", "identity").strip().lower()
    if packed != "identity":  # never unpacked: a few bytes may hold gigabytes
        raise UnsupportedMedia(f"The body is packed ({packed!r}).", hint="Send it as it is.")
    given = headers.get("Content-Type") or "application/json"
    kind = given.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        hint = "Send it as Content-Type: application/json."
        raise UnsupportedMedia(f"The body is sent as {kind!r}.", hint=hint)


def text_of(body: bytes, *, most_keys: int = 0) -> str:
    """Give the text of a body that is a strict JSON object. Raises MalformedRequest saying why not.

    Refused: what is not an object, duplicate keys, NaN and numbers beyond a double, nesting deeper
    than 32, more than `most_keys` keys in all (0: any number), text that is not Unicode.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _fail("encoding", f"The body is not UTF-8 (byte {error.start}).")
    value = _decoded(text)
    if not isinstance(value, dict):
        _fail("not_object", "The body is not a JSON object.", "Send {…}.")
    _check_shape(value, most_keys)
    if _SURROGATE.search(text):
        _check_text(value)
    return text


def _decoded(text: str) -> Any:
    if not text.strip():
        _fail("not_object", "The body is empty.", "Send {…}.")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        _fail("not_json", f"The body is not JSON: {error.msg} at {place}.")
    except RecursionError:
        _too_deep()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _fail("duplicate_key", f"The key {twice[:60]!r} is given twice.", field=twice[:60])
    return found


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _constant(text)


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # thousands of digits: Python refuses, for it would take long
        _constant(text)


def _constant(text: str) -> NoReturn:
    _fail("number", f"{text[:20]} is not a number JSON can carry.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)


def _check_shape(value: Any, most_keys: int) -> None:
    """Refuse what is nested too deeply, or has too many keys, before anything walks it."""
    depth, keys, level = 0, 0, [value]
    while level:
        depth += 1
        if depth > DEEPEST:
            _too_deep()
        keys += sum(len(item) for item in level if isinstance(item, dict))
        if most_keys and keys > most_keys:
            _fail("too_many_keys", f"The body has more than {most_keys:,} keys.")
        level = [child for item in level for child in _children(item)]


def _children(value: dict[str, Any] | list[Any]) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value
    return [child for child in inside if isinstance(child, (dict, list))]


def _check_text(value: Any) -> None:
    """Refuse half of a surrogate pair: it is no text, and the store cannot hold it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _fail("encoding", "The body holds half of a surrogate pair, which is not text.")


def _too_deep() -> NoReturn:
    _fail("too_deep", f"The body is nested deeper than {DEEPEST} levels.")


def _fail(code: str, message: str, hint: str | None = None, field: str | None = None) -> NoReturn:
    raise MalformedRequest(message, code=f"body.{code}", field=field, hint=hint)
