"""The twelve filters of templates: each takes plain JSON and literals, and gives plain JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from nbflow.model.shapes import is_mapping, is_sequence

#: what a path that leads nowhere gives, where a default follows
MISSING: Any = object()
#: characters of the longest text a filter takes; what is longer is cut first, by `truncate`
_LONGEST = 1_000_000
#: what `date` may write: no widths and flags, with which C libraries fill memory
_DIRECTIVES = frozenset("YmdHMSyBbAajpIzZ%")
_ELLIPSIS = "…"


class Unfit(Exception):
    """A filter does not fit the value, or its arguments: says why."""


@dataclass(frozen=True)
class Meaning:
    """What a filter does, and how many arguments it takes (least, most)."""

    do: Callable[..., Any]
    arguments: tuple[int, int] = (0, 0)

    def apply(self, value: Any, *arguments: Any) -> Any:
        """Give the filtered value. Raises Unfit."""
        if value is MISSING and self.do is not _default:
            return MISSING
        return self.do(value, *arguments)


def written(value: Any) -> str:
    """Give a value as it stands in a text: itself, nothing for null, else JSON."""
    if value is None or value is MISSING:
        return ""
    return value if isinstance(value, str) else _tojson(value)


def _default(value: Any, instead: Any) -> Any:
    return instead if value is None or value is MISSING else value


def _text(value: Any) -> str:
    said = written(value)
    if len(said) > _LONGEST:
        raise Unfit(f"the value has more than {_LONGEST:,} characters")
    return said


def _truncate(value: Any, longest: Any = 80) -> str:
    if not isinstance(longest, int) or longest < 1:
        raise Unfit("it takes a number of characters, 1 or more")
    said = written(value)
    return said if len(said) <= longest else said[: longest - 1] + _ELLIPSIS


def _date(value: Any, form: Any = "%Y-%m-%d %H:%M %Z", zone: Any = "UTC") -> str:
    if not isinstance(form, str) or not isinstance(zone, str) or len(form) > 100:
        raise Unfit("it takes a format of at most 100 characters, and a time zone")
    for directive in re.findall(r"%(.?)", form, re.DOTALL):
        if directive not in _DIRECTIVES or not directive:
            raise Unfit(f"'%{directive}' is not one of %{' %'.join(sorted(_DIRECTIVES))}")
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo is None else at.astimezone(ZoneInfo(zone))).strftime(form)
    except (TypeError, ValueError, KeyError, OverflowError, OSError):
        raise Unfit("it takes a time such as 2026-03-01T06:00:00Z, and a zone there is") from None


def _tojson(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        raise Unfit("the value is not JSON, or nested too deep") from None


def _join(value: Any, between: Any = ", ") -> str:
    if not is_sequence(value) or not isinstance(between, str):
        raise Unfit("it takes a list, and a text to put between")
    if sum(len(between) + (len(v) if isinstance(v, str) else 8) for v in value) > _LONGEST:
        raise Unfit(f"the text would have more than {_LONGEST:,} characters")
    return between.join(written(item) for item in value)


def _length(value: Any) -> int:
    if not isinstance(value, str) and not is_mapping(value) and not is_sequence(value):
        raise Unfit("it takes a text, a list or an object")
    return len(value)


def _round(value: Any, places: Any = 0) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unfit("it takes a number")
    if not isinstance(places, int) or not 0 <= places <= 15:
        raise Unfit("it takes 0 to 15 places")
    try:
        return round(value, places) if places else round(value)
    except (OverflowError, ValueError):
        raise Unfit("the number is not finite") from None


def _upper(value: Any) -> str:
    return _text(value).upper()


def _lower(value: Any) -> str:
    return _text(value).lower()


def _title(value: Any) -> str:
    return _text(value).title()


def _urlencode(value: Any) -> str:
    return quote(_text(value), safe="", errors="replace")


def _escape(value: Any) -> str:
    return html.escape(_text(value))


#: all there are, by name
FILTERS: dict[str, Meaning] = {
    "default": Meaning(_default, (1, 1)),
    "upper": Meaning(_upper),
    "lower": Meaning(_lower),
    "title": Meaning(_title),
    "truncate": Meaning(_truncate, (0, 1)),
    "date": Meaning(_date, (0, 2)),
    "tojson": Meaning(_tojson),
    "join": Meaning(_join, (0, 1)),
    "length": Meaning(_length),
    "round": Meaning(_round, (0, 1)),
    "urlencode": Meaning(_urlencode),
    "escape": Meaning(_escape),
}
