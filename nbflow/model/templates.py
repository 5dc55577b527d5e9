"""Texts with placeholders, `{{ flow_run.name | upper }}`: the whole language, and its limits.

A placeholder is a path into plain JSON, or a literal, and filters behind it. There are no calls,
no attributes of objects, no loops and no arithmetic, so that whoever may write a message may not
do more than that. What each filter does is in `template_filters`; what there is to name in
`template_context`. Grammar:

    placeholder  {{ operand | filter | filter: argument, argument }}
    operand      path (`event.payload.rows.0`) or literal
    path         names, whole numbers (places in lists), joined by dots; keys that hold dots
                 themselves are found, too: `event.resource.nbflow.resource.id`
    literal      "text", 'text', a number, true, false, null

Two braces as such: `{{ "{{" }}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import names
from nbflow.model.shapes import is_mapping, is_object, is_sequence
from nbflow.model.template_filters import FILTERS, MISSING, Unfit, written

#: characters of a template, and of what it gives
LONGEST = 65_536
#: placeholders of one template
MOST_PLACEHOLDERS = 200
#: filters of one placeholder
MOST_FILTERS = 10
#: names of one path
MOST_STEPS = 24
#: nesting of values that hold templates
DEEPEST = 32

_OPEN, _CLOSE = "{{", "}}"
_TOKEN = re.compile(
    r"""\s*(?: (?P<text>"[^"\\\n]*(?:\\.[^"\\\n]*)*" | '[^'\\\n]*(?:\\.[^'\\\n]*)*')
      | (?P<number>-?\d{1,15}(?:\.\d{1,15})?)(?![\w.])
      | (?P<path>[A-Za-z_][\w-]*(?:\.[\w-]+)*)
      | (?P<mark>[|:,]) )""",
    re.VERBOSE | re.ASCII,
)
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True)
class Filter:
    """A filter as it was written: its name and arguments."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Placeholder:
    """What stands between two pairs of braces.

    Attributes:
        path: names from the root down; empty for a literal.
        literal: the value, if there is no path.
        filters: in the order of their use.
        at: its place, for people: `line 2, column 5`.
    """

    path: tuple[str, ...]
    literal: Any
    filters: tuple[Filter, ...]
    at: str


Part = str | Placeholder


def check(text: str, roots: Collection[str], *, field: str | None = None) -> None:
    """Check a template before it is kept: its syntax, its filters, the first name of each path.

    Raises InvalidInput (`template.syntax`, `template.filter`, `template.name`, `template.large`),
    which says where and what there is.
    """
    for part in parse(text, field=field):
        if isinstance(part, Placeholder) and part.path and part.path[0] not in roots:
            raise _unknown(part.path[0], roots, part.at, field)


def check_value(value: Any, roots: Collection[str], *, field: str | None = None) -> None:
    """Check every template in a JSON value, keys included; see `check`."""
    for at, text in _texts(value, field or "", 0):
        check(text, roots, field=at or None)


def render(text: str, context: Mapping[str, Any], *, field: str | None = None) -> str:
    """Give a template's text with its placeholders filled in from plain JSON.

    A value that is no text is written as JSON, null as nothing. Raises InvalidInput: beside
    `check`'s, `template.missing` (a name that leads nowhere, without `default`), `template.value`
    (a filter that does not fit) and `template.large` (more than 65,536 characters).
    """
    made: list[str] = []
    size = 0
    for part in parse(text, field=field):
        said = part if isinstance(part, str) else written(_value(part, context, field))
        size += len(said)
        if size > LONGEST:
            raise _large("This template's text", field)
        made.append(said)
    return "".join(made)


def render_value(value: Any, context: Mapping[str, Any], *, field: str | None = None) -> Any:
    """Give a JSON value with every template in it filled in.

    A text that is one placeholder and nothing else becomes its value: a number stays a number.
    Raises what `render` raises.
    """
    left = LONGEST

    def fill(one: Any, at: str, depth: int) -> Any:
        nonlocal left
        _check_depth(depth, at)
        if isinstance(one, str):
            made = _filled(one, context, at or None)
            left -= len(made if isinstance(made, str) else json.dumps(made, ensure_ascii=False))
            if left < 0:
                raise _large("What these templates give", at or None)
            return made
        if is_mapping(one):
            return {
                render(key, context, field=at or None): fill(item, _below(at, key), depth + 1)
                for key, item in one.items()
            }
        if is_sequence(one):
            return [fill(item, _below(at, n), depth + 1) for n, item in enumerate(one)]
        return one

    return fill(value, field or "", 0)


def parse(text: str, *, field: str | None = None) -> list[Part]:
    """Give a template as texts and placeholders. Raises InvalidInput (`template.syntax` …)."""
    if len(text) > LONGEST:
        raise _large("This template", field)
    parts: list[Part] = []
    here, found = 0, 0
    while (begin := text.find(_OPEN, here)) >= 0:
        parts.append(text[here:begin])
        placeholder, here = _Reader(text, begin, field).read()
        parts.append(placeholder)
        found += 1
        if found > MOST_PLACEHOLDERS:
            raise _large(f"A template with more than {MOST_PLACEHOLDERS} placeholders", field)
    parts.append(text[here:])
    return [part for part in parts if part != ""]


# -- reading ----------------------------------------------------------------------------------


class _Reader:
    """Reads one placeholder, from left to right, each character once."""

    def __init__(self, text: str, begin: int, field: str | None) -> None:
        self._text, self._begin, self._field = text, begin, field
        self._here = begin + len(_OPEN)

    def read(self) -> tuple[Placeholder, int]:
        """Give the placeholder, and where the text goes on."""
        kind, operand = self._next("a name, as in {{ flow_run.name }}")
        path: tuple[str, ...] = ()
        literal: Any = None
        if kind == "path" and operand not in _WORDS:
            path = tuple(operand.split("."))
            if len(path) > MOST_STEPS:
                raise self._wrong(f"a path of more than {MOST_STEPS} names")
            self._refuse_insides(path)
        else:
            literal = self._literal(kind, operand)
        filters: list[Filter] = []
        while not self._closes():
            self._mark("|")
            filters.append(self._filter())
            if len(filters) > MOST_FILTERS:
                raise self._wrong(f"more than {MOST_FILTERS} filters")
        return Placeholder(path, literal, tuple(filters), self._at()), self._here

    def _refuse_insides(self, path: tuple[str, ...]) -> None:
        """Refuse what would name the insides of objects, were these not plain JSON."""
        inside = next((name for name in path if name.startswith("__")), None)
        if inside is not None:
            raise InvalidInput(
                f"A template cannot name {names.shown(inside)} ({self._at()}).",
                code="template.inside",
                field=self._field,
                hint="It names values of plain JSON, as {{ event.payload.rows }}; these have no "
                "attributes.",
            )

    def _filter(self) -> Filter:
        kind, name = self._next("a filter")
        if kind != "path" or name not in FILTERS:
            raise InvalidInput(
                f"There is no filter {names.shown(name)} ({self._at()} of this template).",
                code="template.filter",
                field=self._field,
                hint=names.did_you_mean(name, FILTERS, "There are"),
            )
        arguments: list[Any] = []
        if self._peek(":"):
            self._mark(":")
            arguments.append(self._argument(name))
            while self._peek(","):
                self._mark(",")
                arguments.append(self._argument(name))
        least, most = FILTERS[name].arguments
        if not least <= len(arguments) <= most:
            takes = f"{least}" if least == most else f"{least} to {most}"
            raise self._wrong(f"{name} takes {takes} arguments, not {len(arguments)}")
        return Filter(name, tuple(arguments))

    def _argument(self, of: str) -> Any:
        kind, said = self._next(f"an argument of {of}")
        if kind == "path" and said not in _WORDS:
            raise self._wrong(f"{of} takes literals, not names: write {json.dumps(said)}")
        return self._literal(kind, said)

    def _literal(self, kind: str, said: str) -> Any:
        if kind == "text":
            return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), said[1:-1])
        if kind == "number":
            return float(said) if "." in said else int(said)
        if kind == "path":
            return _WORDS[said]
        raise self._wrong(f"{said!r} where a name should be")

    def _next(self, wanted: str) -> tuple[str, str]:
        if self._closes(take=False):
            raise self._wrong(f"{wanted} is missing")
        token = _TOKEN.match(self._text, self._here)
        if token is None:
            raise self._wrong(self._strange())
        self._here = token.end()
        assert token.lastgroup is not None
        return token.lastgroup, token[token.lastgroup]

    def _mark(self, mark: str) -> None:
        kind, said = self._next(f"a {mark}")
        if kind != "mark" or said != mark:
            raise self._wrong(f"{said!r} where {mark!r} or {_CLOSE!r} should be")

    def _peek(self, mark: str) -> bool:
        token = _TOKEN.match(self._text, self._here)
        return token is not None and token["mark"] == mark

    def _closes(self, *, take: bool = True) -> bool:
        here = self._here
        while here < len(self._text) and self._text[here].isspace():
            here += 1
        closes = self._text.startswith(_CLOSE, here)
        if closes and take:
            self._here = here + len(_CLOSE)
        return closes

    def _strange(self) -> str:
        rest = self._text[self._here :].lstrip()
        if not rest:
            return f"{_OPEN} without {_CLOSE}"
        return f"{rest[0]!r} is not part of the language: names, dots, | and filters are"

    def _wrong(self, what: str) -> InvalidInput:
        return InvalidInput(
            f"This template cannot be read at {self._at()}: {what}.",
            code="template.syntax",
            field=self._field,
            hint='Write {{ path | filter }}; two braces as such are {{ "{{" }}.',
        )

    def _at(self) -> str:
        line = self._text.count("\n", 0, self._begin) + 1
        return f"line {line}, column {self._begin - self._text.rfind(chr(10), 0, self._begin)}"


# -- filling in -------------------------------------------------------------------------------


def _filled(text: str, context: Mapping[str, Any], field: str | None) -> Any:
    parts = parse(text, field=field)
    if len(parts) == 1 and isinstance(parts[0], Placeholder):
        return _value(parts[0], context, field)
    return render(text, context, field=field)


def _value(placeholder: Placeholder, context: Mapping[str, Any], field: str | None) -> Any:
    value = _look_up(placeholder, context, field)
    for one in placeholder.filters:
        try:
            value = FILTERS[one.name].apply(value, *one.arguments)
        except Unfit as unfit:
            raise InvalidInput(
                f"{one.name} cannot be used at {placeholder.at} of this template: {unfit}.",
                code="template.value",
                field=field,
            ) from None
        if isinstance(value, str) and len(value) > LONGEST:
            raise _large(f"What {one.name} gives at {placeholder.at}", field)
    return value


def _look_up(placeholder: Placeholder, context: Mapping[str, Any], field: str | None) -> Any:
    if not placeholder.path:
        return placeholder.literal
    value: Any = context
    rest, seen = placeholder.path, ""
    while rest:
        step = _step(value, rest)
        if step is None:
            return _missing(placeholder, value, rest[0], seen, field)
        value, taken = step
        seen = ".".join([*([seen] if seen else []), *rest[:taken]])
        rest = rest[taken:]
    return value


def _step(value: Any, rest: tuple[str, ...]) -> tuple[Any, int] | None:
    """Give what the next name leads to, and how many of the dotted ones it took."""
    if is_mapping(value):
        for taken in range(1, len(rest) + 1):
            key = ".".join(rest[:taken])
            if key in value:
                return value[key], taken
    elif is_sequence(value) and rest[0].isdecimal() and len(rest[0]) < 10:
        place = int(rest[0])
        if place < len(value):
            return value[place], 1
    return None


def _missing(placeholder: Placeholder, value: Any, name: str, seen: str, field: str | None) -> Any:
    if any(one.name == "default" for one in placeholder.filters):
        return MISSING
    if not seen:
        raise _unknown(name, [str(key) for key in value], placeholder.at, field)
    known = [str(key) for key in value][:50] if is_mapping(value) else []
    raise InvalidInput(
        f"{seen} has no {names.shown(name)} ({placeholder.at} of this template).",
        code="template.missing",
        field=field,
        hint=names.did_you_mean(name, known, "It has")
        if known
        else 'Write | default: "" behind it if it may be missing.',
    )


def _unknown(name: str, known: Collection[str], at: str, field: str | None) -> InvalidInput:
    return InvalidInput(
        f"There is no {names.shown(name)} for a template ({at}).",
        code="template.name",
        field=field,
        hint=names.did_you_mean(name, known, "There are"),
    )


def _large(what: str, field: str | None) -> InvalidInput:
    return InvalidInput(
        f"{what} is more than a template may be ({LONGEST} characters).",
        code="template.large",
        field=field,
        hint="Cut long values: {{ event.payload | tojson | truncate: 500 }}.",
    )


def _texts(value: Any, at: str, depth: int) -> Iterator[tuple[str, str]]:
    _check_depth(depth, at)
    if isinstance(value, str):
        yield at, value
    elif is_object(value):
        for key, item in value.items():
            yield at, str(key)
            yield from _texts(item, _below(at, key), depth + 1)
    elif is_sequence(value):
        for n, item in enumerate(value):
            yield from _texts(item, _below(at, n), depth + 1)


def _check_depth(depth: int, at: str) -> None:
    if depth > DEEPEST:
        raise InvalidInput(
            f"Values are nested deeper than {DEEPEST} here.", code="template.deep", field=at[:100]
        )


def _below(at: str, key: Any) -> str:
    return f"{at}.{key}" if at else str(key)
