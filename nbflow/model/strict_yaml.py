"""YAML that says what it seems to say: the scalars of YAML 1.2, no tags, no surprises, bounded.

PyYAML reads YAML 1.1, where `on` is true and `12:30:45` is 45045; only its syntax is used here.
What plain scalars mean is the core schema of YAML 1.2.2 (§10.3.2); `<<` merges, as people expect.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from nbflow.exceptions import InvalidInput
from nbflow.model.names import shown
from nbflow.model.shapes import is_list, is_mapping

LARGEST = 1_000_000
DEEPEST = 32
MOST_ALIASES = 100
#: values of a document with its aliases written out
MOST_VALUES = 100_000

_INT = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
#: what YAML 1.1 made of these; they are text here, and whoever means the other is told
_MEANT_OTHERWISE = frozenset("yes Yes YES no No NO on On ON off Off OFF".split())

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a document says.

    Attributes:
        value: mappings, lists, text, numbers, true, false and null.
        lines: the line, from 1, that each part of it begins in.
    """

    value: Any
    lines: Mapping[Place, int]


def read(text: str, *, name: str) -> Document:
    """Read a document; `name` is what messages call it. Raises InvalidInput with the line.

    Refused: more than 1 MB, syntax errors, several documents, tags, keys that are no text or are
    given twice, `.nan` and `.inf`, nesting deeper than 32, more than 100 aliases.
    """
    if len(text) > LARGEST:
        _fail(name, 1, "too_large", f"It has more than {LARGEST} characters.")
    import yaml  # whoever has no such file need not pay for it

    try:
        node = _compose(yaml, text.removeprefix("\ufeff"), name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        _fail(name, line, "syntax", f"It is not YAML: {_problem(error)}.")
    reader = _Reader(yaml, name)
    return Document(None if node is None else reader.value(node, ()), reader.lines)


def _problem(error: Any) -> str:
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return " ".join(str(words).split())[:200]


def _compose(yaml: Any, text: str, name: str) -> Any:
    depth = aliases = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            _fail(name, line, "documents", "A second document begins; there may be one.")
        aliases += isinstance(event, yaml.AliasEvent)
        if aliases > MOST_ALIASES:
            _fail(name, line, "aliases", f"It has more than {MOST_ALIASES} aliases.")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            _fail(name, line, "too_deep", f"It is nested deeper than {DEEPEST} levels.")
    return yaml.compose(text, Loader=yaml.SafeLoader)


class _Reader:
    """Reads the nodes of one document."""

    def __init__(self, yaml: Any, name: str) -> None:
        self.yaml = yaml
        self.name = name
        self.lines: dict[Place, int] = {}
        self._count = 0

    def value(self, node: Any, at: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines[at] = line
        self._count += 1
        if self._count > MOST_VALUES:
            self._fail(line, "too_large", f"It has more than {MOST_VALUES} values.")
        if len(at) > DEEPEST:
            self._fail(line, "too_deep", f"It is nested deeper than {DEEPEST} levels.")
        if isinstance(node, self.yaml.MappingNode):
            self._no_tag(node, "map")
            return self._mapping(node, at)
        if isinstance(node, self.yaml.SequenceNode):
            self._no_tag(node, "seq")
            return [self.value(item, (*at, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, line)

    def _mapping(self, node: Any, at: Place) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, line)
            if key in own or (key == "<<" and merged):
                self._fail(line, "duplicate_key", f"The key {shown(key)} is given twice.")
            if key == "<<":
                merged = self._merged(value_node, at, line)
            else:
                own[key] = self.value(value_node, (*at, key))
                self.lines[(*at, key)] = line
        return {**merged, **own}

    def _merged(self, node: Any, at: Place, line: int) -> dict[str, Any]:
        value = self.value(node, (*at, "<<"))
        several = value if is_list(value) else [value]
        if not all(map(is_mapping, several)):
            self._fail(line, "merge", "<< merges mappings, and this is none.")
        merged: dict[str, Any] = {}
        for one in reversed(several):
            merged |= one
        return merged

    def _key(self, node: Any, line: int) -> str:
        if not isinstance(node, self.yaml.ScalarNode):
            self._fail(line, "key", "A key is text.")
        return node.value

    def _scalar(self, node: Any, line: int) -> Any:
        if node.style is not None:
            self._no_tag(node, "str")
            return node.value
        text: str = node.value
        self._no_tag(node, self._resolved(text))
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            return number if math.isfinite(number) else self._no_number(text, line)
        if text.lower().lstrip("+-") in (".nan", ".inf"):
            self._no_number(text, line)
        return text

    def _resolved(self, text: str) -> str:
        """Say which tag PyYAML gives a plain scalar by itself: any other was written."""
        resolve: Callable[..., str] = self.yaml.resolver.Resolver().resolve
        return resolve(self.yaml.ScalarNode, text, (True, False)).rpartition(":")[2]

    def _no_tag(self, node: Any, usual: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{usual}":
            line = node.start_mark.line + 1
            self._fail(line, "tag", f"It has the tag {shown(node.tag)}; tags are not read.")

    def _no_number(self, text: str, line: int) -> NoReturn:
        self._fail(line, "number", f"{shown(text)} is not a number JSON can carry.")

    def _fail(self, line: int, code: str, message: str) -> NoReturn:
        _fail(self.name, line, code, message)


def looks_like_a_flag(value: object) -> bool:
    """Say whether a text is one of YAML 1.1's `yes`, `no`, `on`, `off`, which are text here."""
    return isinstance(value, str) and value in _MEANT_OTHERWISE


def _fail(name: str, line: int, code: str, message: str) -> NoReturn:
    raise InvalidInput(f"{name}, line {line}: {message}", code=f"yaml.{code}", field=name)
