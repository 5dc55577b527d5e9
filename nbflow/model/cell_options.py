"""What a cell asks for itself, on its option line or in its metadata: read, checked, explained.

    %%task load --retries 2 --timeout 5m        # nbflow: task load --retries 2
    cell.metadata.nbflow = {"retries": 2, "timeout": "5m"}

One table of options is behind both. What is on the line the kernel carries out, what is in the
metadata the process that executes the notebook; a line that asks for anything to be done is alone.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NoReturn

from nbflow.exceptions import InvalidInput
from nbflow.model import durations, names, tries
from nbflow.model.shapes import is_mapping, is_sequence

Kind = Literal["task", "flow"]
Where = Literal["line", "metadata"]

#: what a cache key may be made of
CACHE_PARTS = ("inputs", "source")
#: keys of an executed notebook's cells: what became of them, not what they ask for
RUN_FACTS = frozenset(
    {"state", "state_name", "message", "started_at", "ended_at", "left_out", "attempt"}
    | {"result_key", "outputs", "note", "completed_in"}
)


@dataclass(frozen=True)
class CellOptions:
    """What a cell asks for.

    Attributes:
        name: empty: it has no name of its own.
        retry_delays: seconds before each retry; the last repeats.
        timeout_seconds: how long one attempt may take; None: no limit of its own.
        cache: what the key of its outputs is made of, of `CACHE_PARTS`; empty: it always runs.
        ttl_seconds: how long its outputs count; None: for ever.
        refresh: run although there are outputs, and replace them.
        returns: the names that are its outputs; empty: all it binds or changes.
        condition: an expression; where it is false the cell is skipped.
        params: of a flow, name and value; as text where they stand on the line.
        task_runner: of a flow, by name.
        help: only explain the options; the body is not run.
    """

    name: str = ""
    kind: Kind = "task"
    retries: int = 0
    retry_delays: tuple[float, ...] = ()
    timeout_seconds: float | None = None
    cache: tuple[str, ...] = ()
    ttl_seconds: float | None = None
    refresh: bool = False
    returns: tuple[str, ...] = ()
    condition: str | None = None
    tags: tuple[str, ...] = ()
    params: tuple[tuple[str, Any], ...] = ()
    task_runner: str | None = None
    help: bool = False

    def asks(self) -> bool:
        """Say whether it asks for anything to be done, beyond its kind, its name and its tags."""
        default = CellOptions(self.name, self.kind, tags=self.tags)
        return any(getattr(self, f.name) != getattr(default, f.name) for f in fields(self))


@dataclass(frozen=True)
class Option:
    """One option: how it is written, and how its value is read.

    Attributes:
        flag: on the line with two dashes; the key in metadata is the same with underscores.
        into: the field of `CellOptions`.
        metavar: of its value; empty: it has none, it is there or not.
        read: gives the value, from a text or what JSON has. Raises InvalidInput.
        raw: its value on the line is everything up to the next option.
    """

    flag: str
    into: str
    metavar: str
    help: str
    read: Callable[[Any], Any]
    kinds: tuple[Kind, ...] = ("task",)
    raw: bool = False

    @property
    def key(self) -> str:
        """Give its key in a cell's metadata."""
        return self.flag.replace("-", "_")


# -- from a line --------------------------------------------------------------------------------
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\S)+""")
_FLAG = re.compile(r"--(?P<flag>[A-Za-z][\w-]*)(?P<equals>=)?")
#: `%%task …` or `# nbflow: task …`
LINE = re.compile(r"(?:%%|#[ \t]*nbflow:[ \t]*)(?P<kind>task|flow)(?:[ \t]+(?P<rest>.*))?$")


def of_line(kind: Kind, text: str) -> CellOptions:
    """Read what stands behind `%%task` or `%%flow`. Raises InvalidInput naming the option."""
    given: dict[str, Any] = {"kind": kind}
    flags = [found for found in _words(text) if _FLAG.match(found[0])]
    words = [word for word, _ in _words(text[: flags[0][1]] if flags else text)]
    if words and not words[0].startswith("-"):
        given["name"] = names.check_name(_unquoted(words.pop(0)))
    _no_more(words)
    starts = [start for _, start in flags]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=False):
        option, value = _flagged(kind, text[start:end])
        _put(given, option, value, f"--{option.flag}")
    return _whole(given, "--{}")


def line_of(source: str) -> tuple[Kind, str] | None:
    """Find the option line of a cell, which may stand below other cell magics; None: it has none.

    Gives the kind and what stands behind it.
    """
    for line in source.strip().splitlines():
        found = LINE.match(line.strip())
        if found is not None:
            kind: Kind = "task" if found["kind"] == "task" else "flow"
            return kind, (found["rest"] or "").strip()
        if not line.startswith("%%"):
            return None
    return None


def _words(text: str) -> list[tuple[str, int]]:
    return [(found.group(), found.start()) for found in _WORD.finditer(text)]


def _flagged(kind: Kind, text: str) -> tuple[Option, Any]:
    """Give the option a piece of a line begins with, and its value as it is written."""
    found = _FLAG.match(text)
    assert found is not None
    option = _known(kind, found["flag"], "--{}", {o.flag: o for o in OPTIONS})
    value = text[found.end() :].strip()
    if not option.metavar:
        if found["equals"]:
            _wrong(f"--{option.flag}", f"--{option.flag} takes no value.")
        _no_more(value.split())
        return option, True
    if not value:
        _wrong(f"--{option.flag}", f"--{option.flag} needs a value: {option.metavar}.")
    if option.raw:
        return option, _unquoted(value)
    first, *rest = _split(option, value)
    _no_more(rest)
    return option, first


def _split(option: Option, value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        _wrong(f"--{option.flag}", f"--{option.flag} {names.shown(value)}: a quote is not closed.")


def _unquoted(value: str) -> str:
    """Give an expression without the quotes that a person from the shell puts around it."""
    try:
        inner = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
    return inner if isinstance(inner, str) else value


def _no_more(words: list[str]) -> None:
    if words:
        _wrong(None, f"Unrecognized arguments: {' '.join(words)[:100]}.")


# -- from metadata ------------------------------------------------------------------------------
def of_metadata(mapping: Mapping[str, Any]) -> CellOptions:
    """Read a cell's `metadata.nbflow`. Raises InvalidInput naming the key."""
    kind = mapping.get("kind", "task")
    if kind not in ("task", "flow"):
        _wrong("kind", f"kind is {names.shown(kind)}; it must be task or flow.")
    given: dict[str, Any] = {"kind": kind}
    by_key = {option.key: option for option in OPTIONS if option.flag != "help"}
    for key, value in mapping.items():
        if key in RUN_FACTS or key == "kind" or value is None:
            continue
        if key == "name":
            given["name"] = names.check_name(value)
            continue
        option = _known(kind, str(key).replace("-", "_"), "{}", by_key)
        _put(given, option, value, option.key)
    return _whole(given, "{}")


def to_metadata(asked: CellOptions) -> dict[str, Any]:
    """Give options as a cell's `metadata.nbflow` says them: those that are not the defaults."""
    default = CellOptions()
    found: dict[str, Any] = {"name": asked.name} if asked.name else {}
    for option in OPTIONS:
        value = getattr(asked, option.into)
        if value != getattr(default, option.into):
            found[option.key] = dict(value) if option.into == "params" else value
    return found


# -- of a cell ----------------------------------------------------------------------------------
def of_cell(cell: Mapping[str, Any]) -> tuple[CellOptions, Where | None]:
    """Read what a cell of a notebook asks for, and say where it does; None: nowhere.

    A line that asks for anything to be done is alone; else the metadata counts, under the line's
    name and tags. Raises InvalidInput (`cell.options`) naming the cell and the option.
    """
    line = line_of(cell["source"])
    metadata: Any = cell["metadata"].get("nbflow")
    try:
        said = CellOptions() if line is None else of_line(*line)
    except InvalidInput as error:
        raise _of_cell(cell, error, str(error.field or "")) from None
    if said.asks() or not is_mapping(metadata):
        return said, (None if line is None else "line")
    try:
        found = of_metadata({**metadata, "kind": said.kind} if line else metadata)
    except InvalidInput as error:
        raise _of_cell(cell, error, f"metadata.nbflow.{error.field or ''}".rstrip(".")) from None
    if line is not None:
        found = replace(found, name=said.name or found.name, tags=said.tags or found.tags)
    if found.asks():
        return found, "metadata"
    return found, ("line" if line else "metadata" if found.name else None)


def _of_cell(cell: Mapping[str, Any], error: InvalidInput, field: str) -> InvalidInput:
    known = cell.get("id")
    first = next((line for line in cell["source"].splitlines() if line.strip()), "")
    what = f"Cell {known} ({names.shown(first.strip(), 40)})" if known else names.shown(first, 40)
    said = f"{what}: {field}: {error.message}" if field else f"{what}: {error.message}"
    return InvalidInput(said, code="cell.options", field=field or "source", hint=error.hint)


# -- both ---------------------------------------------------------------------------------------
def _known(kind: Kind, name: str, form: str, among: Mapping[str, Option]) -> Option:
    option = among.get(name)
    if option is not None and kind in option.kinds:
        return option
    theirs = [key for key, found in among.items() if kind in found.kinds]
    hint = names.did_you_mean(name, theirs, "There are")
    said = form.format(name)
    if option is not None:
        _wrong(said, f"{said} is not an option of a {kind}.", hint)
    _wrong(said, f"There is no option {said}.", hint)


def _put(given: dict[str, Any], option: Option, value: Any, said: str) -> None:
    if option.into in given:
        _wrong(said, f"{said} is given twice.")
    try:
        given[option.into] = option.read(value)
    except InvalidInput as error:
        raise InvalidInput(
            error.message, code="cell.options", field=said, hint=error.hint
        ) from None


def _whole(given: dict[str, Any], form: str) -> CellOptions:
    """Give the options, if they make sense together."""
    for flag, into, needed in (
        ("retry-delay", "retry_delays", "retries"),
        ("ttl", "ttl_seconds", "cache"),
        ("refresh", "refresh", "cache"),
    ):
        if given.get(into) and not given.get(needed):
            said, other = (form.format(word) for word in (flag, needed))
            if form == "{}":
                said = said.replace("-", "_")
            _wrong(said, f"{said} does nothing without {other}.")
    return CellOptions(**given)


def _wrong(field: str | None, message: str, hint: str | None = None) -> NoReturn:
    raise InvalidInput(message, code="cell.options", field=field, hint=hint)


# -- the values ---------------------------------------------------------------------------------
def _retries(value: Any) -> int:
    whole = isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 10
    return tries.retries(int(value) if whole else value)


def _delays(value: Any) -> tuple[float, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    listed = listed if is_sequence(listed) else [listed]
    tries.check_number(listed)
    return tuple(map(_delay, listed))


def _delay(value: Any) -> float:
    if not isinstance(value, str):
        return tries.delay(value)
    span = durations.parse(value.strip())
    if span is not None:
        return tries.delay(span.total_seconds())
    try:
        return tries.delay(float(value))
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        return tries.delay(value)


def _listed(value: Any, field: str) -> list[str]:
    listed = value.split(",") if isinstance(value, str) else value
    if not is_sequence(listed) or not all(isinstance(item, str) for item in listed):
        _wrong(field, f"{field} is {names.shown(value)}; it must be names with commas between.")
    return [item.strip() for item in listed]


def _cache(value: Any) -> tuple[str, ...]:
    if value is False or value == "none" or value == []:
        return ()
    found = list(CACHE_PARTS) if value is True else _listed(value, "cache")
    for part in found:
        if part not in CACHE_PARTS:
            _wrong(
                "cache",
                f"cache is {names.shown(value)}; it must be none, or {' and '.join(CACHE_PARTS)}.",
                names.did_you_mean(part, [*CACHE_PARTS, "none"], "There are"),
            )
    return tuple(part for part in CACHE_PARTS if part in found)


def _returns(value: Any) -> tuple[str, ...]:
    found = _listed(value, "returns")
    wrong = next((name for name in found if not name.isidentifier()), None)
    if wrong is not None or not found:
        _wrong("returns", f"returns is {names.shown(value)}; it must be variables of the cell.")
    return tuple(dict.fromkeys(found))


def _condition(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        _wrong("if", f"if is {names.shown(value)}; it must be a Python expression.")
    try:
        compile(value.strip(), "<if>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = getattr(error, "msg", None) or str(error)
        _wrong("if", f"if {names.shown(value)} is no Python expression: {said}.")
    return value.strip()


def _tags(value: Any) -> tuple[str, ...]:
    return names.check_tags(value.split(",") if isinstance(value, str) else value)


def _params(value: Any) -> tuple[tuple[str, Any], ...]:
    pairs = list(_pairs(value) if isinstance(value, str) else _items(value))
    for name, _ in pairs:
        if not str(name).isidentifier():
            _wrong("params", f"params: {names.shown(name)} is no name of a parameter.")
    if len(dict(pairs)) < len(pairs):
        _wrong("params", "params: a parameter is given twice.")
    return tuple(pairs)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    try:
        words = shlex.split(text)
    except ValueError:
        _wrong("params", f"params {names.shown(text)}: a quote is not closed.")
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            _wrong("params", f"params: {names.shown(word)} is not NAME=VALUE.")
        yield name, value


def _items(value: Any) -> list[tuple[Any, Any]]:
    if not is_mapping(value):
        _wrong("params", f"params is {names.shown(value)}; it must be an object by name.")
    return list(value.items())


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        _wrong("task_runner", f"task_runner is {names.shown(value)}; it must be a name.")
    return value.strip()


def _flag(field: str) -> Callable[[Any], bool]:
    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            _wrong(field, f"{field} is {names.shown(value)}; it must be true or false.")
        return value

    return read


_BOTH: tuple[Kind, ...] = ("task", "flow")

OPTIONS = (
    Option("params", "params", "K=V …", "the flow's parameters", _params, ("flow",), raw=True),
    Option("retries", "retries", "N", "run it again after a failure, N times", _retries, _BOTH),
    Option("retry-delay", "retry_delays", "S[,S…]",
           "how long before it is run again (1,5: the last repeats)", _delays, _BOTH),
    Option("timeout", "timeout_seconds", "DUR", "how long it may take (30s, 5m, 1h30m)",
           lambda value: durations.seconds(value, field="timeout"), _BOTH),
    Option("cache", "cache", "inputs,source|none",
           "do not run it where these are as before: its outputs are restored", _cache),
    Option("ttl", "ttl_seconds", "DUR", "how long its outputs count as before",
           lambda value: durations.seconds(value, field="ttl")),
    Option("refresh", "refresh", "", "run it all the same, and keep the new outputs",
           _flag("refresh")),
    Option("returns", "returns", "A,B", "its outputs; otherwise all it assigns or changes",
           _returns),
    Option("if", "condition", "EXPR", "skip it where this is false", _condition, raw=True),
    Option("tags", "tags", "A,B", "tags of the task run", _tags),
    Option("task-runner", "task_runner", "NAME", "where its submitted tasks run", _text, ("flow",)),
    Option("help", "help", "", "show this and run nothing", _flag("help"), _BOTH),
)  # fmt: skip
