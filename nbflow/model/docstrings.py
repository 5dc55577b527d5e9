"""What a docstring says of a function's parameters: Google's, NumPy's and Sphinx's way to write."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

_SPHINX = re.compile(r":param\s+(?:[^:\s]+\s+)*?\*{0,2}(\w+)\s*:\s*(.*)")
_FIELD = re.compile(r":\w[^:]*:")
_GOOGLE = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?")
_LONGEST = 1000


def of_parameters(doc: str | None) -> dict[str, str]:
    """Give what is said of each parameter, on one line."""
    lines = inspect.cleandoc(doc or "").splitlines()
    found: dict[str, str] = {}
    for names, words in (*_sphinx(lines), *_google(lines), *_numpy(lines)):
        said = " ".join(" ".join(words).split())[:_LONGEST]
        for name in re.split(r"\s*,\s*", names):
            if said:
                found.setdefault(name, said)
    return found


def _sphinx(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    for at, line in enumerate(lines):
        begun = _SPHINX.fullmatch(line.strip())
        if begun is not None:
            yield begun[1], [begun[2], *_of_field(lines[at + 1 :])]


def _google(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    heads = ("args:", "arguments:", "parameters:", "params:", "keyword args:")
    start = next((n for n, line in enumerate(lines) if line.strip().lower() in heads), None)
    if start is None:
        return
    section = _indented(lines[start + 1 :])
    outer = min((_indent(line) for line in section if line.strip()), default=0)
    for at, line in enumerate(section):
        begun = _GOOGLE.fullmatch(line.strip()) if _indent(line) == outer else None
        if begun is not None:
            yield begun[1], [begun[2], *_deeper(section[at + 1 :], outer)]


def _numpy(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    pairs = enumerate(pairwise(lines))
    start = next(
        (n for n, (one, two) in pairs if one.strip() == "Parameters" and set(two.strip()) == {"-"}),
        None,
    )
    if start is None:
        return
    section = lines[start + 2 :]
    for at, line in enumerate(section):
        following = section[at + 1] if at + 1 < len(section) else ""
        if set(following.strip()) == {"-"}:
            return
        begun = _NUMPY.fullmatch(line) if line and _indent(line) == 0 else None
        if begun is not None:
            yield begun[1], list(_deeper(section[at + 1 :], 0))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(lines: Iterable[str]) -> list[str]:
    """Give the lines of a section: indented, or empty."""
    found: list[str] = []
    for line in lines:
        if line.strip() and not _indent(line):
            break
        found.append(line)
    return found


def _deeper(lines: Iterable[str], outer: int) -> Iterator[str]:
    for line in lines:
        if line.strip() and _indent(line) <= outer:
            return
        yield line.strip()


def _of_field(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip() or _FIELD.match(line.strip()):
            return
        yield line.strip()
