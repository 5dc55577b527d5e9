"""Where secrets and references lie in a block's data: taken out, put back, found. No ciphers here.

A pattern is a dotted path in which `*` stands for any key or item: `password`, `logins.*.token`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from nbflow.exceptions import InvalidInput
from nbflow.model.masking import MASK, SHORTEST
from nbflow.model.shapes import is_list, is_mapping

#: keys and indexes that lead to a value
Path = tuple[str | int, ...]
#: secrets by where they lie
Secrets = Mapping[Path, Any]

_ID = "block_document_id"


def take_out(data: Any, patterns: Sequence[str]) -> tuple[Any, dict[Path, Any]]:
    """Give the data with the mask in place of each secret, and the secrets."""
    found = {path: at(data, path) for pattern in patterns for path in _places(data, pattern)}
    found = {path: value for path, value in found.items() if value is not None}
    for path in found:
        data = _with(data, path, MASK)
    return data, found


def check_long_enough(secrets: Secrets) -> None:
    """Refuse secrets too short to be masked. Raises InvalidInput naming the field."""
    for path, value in secrets.items():
        if isinstance(value, str) and 0 < len(value.strip()) < SHORTEST:
            raise InvalidInput(
                f"The secret at {said(path)} has fewer than {SHORTEST} characters.",
                code="secret.short",
                field=said(path),
                hint="It could not be masked without tearing other text; choose a longer one.",
            )


def put_back(data: Any, secrets: Secrets) -> Any:
    """Give the data with secrets where they lie; a place that is no more is passed over."""
    for path, value in secrets.items():
        if at(data, path) is not None:
            data = _with(data, path, value)
    return data


def masked(data: Any, patterns: Sequence[str]) -> list[Path]:
    """Give the places of secrets at which the mask stands: what is there already stays."""
    return [p for pattern in patterns for p in _places(data, pattern) if at(data, p) == MASK]


def kept(places: Sequence[Path], before: Secrets) -> dict[Path, Any]:
    """Give what was at some places before. Raises InvalidInput: nothing was."""
    for path in places:
        if path not in before:
            raise InvalidInput(
                f"{MASK} stands for a secret that is there already, and at {said(path)} is none.",
                code="block.mask",
                field=said(path),
                hint="Say the secret itself.",
            )
    return {path: before[path] for path in places}


def said(path: Path) -> str:
    """Give a place as messages name it."""
    return ".".join(("data", *map(str, path)))


def at(data: Any, path: Path) -> Any:
    """Give the value at a place; None where there is none."""
    for step in path:
        if is_mapping(data):
            data = data.get(step)
        elif is_list(data) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _with(data: Any, path: Path, value: Any) -> Any:
    """Give a copy of the data with another value at a place that is there."""
    if not path:
        return value
    copy: Any = dict(data) if is_mapping(data) else list(data)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy


def _places(data: Any, pattern: str) -> list[Path]:
    return list(_matching(data, pattern.split("."), ()))


def _matching(data: Any, steps: list[str], here: Path) -> Iterator[Path]:
    if not steps:
        yield here
    elif is_mapping(data):
        for key in data if steps[0] == "*" else [steps[0]]:
            if key in data:
                yield from _matching(data[key], steps[1:], (*here, key))
    elif is_list(data) and steps[0] == "*":
        for index, item in enumerate(data):
            yield from _matching(item, steps[1:], (*here, index))


# -- references -------------------------------------------------------------------------------
def reference(document_id: str) -> dict[str, Any]:
    """Give how data refer to a block that was saved."""
    return {"$ref": {_ID: document_id}}


def referred(value: Any) -> str | None:
    """Give the id a value refers to; None: it is no reference."""
    if not is_mapping(value) or set(value) != {"$ref"} or not is_mapping(value["$ref"]):
        return None
    found = cast("Mapping[str, Any]", value["$ref"]).get(_ID)
    return found if isinstance(found, str) else None


def references(data: Any, here: Path = ()) -> Iterator[tuple[Path, str]]:
    """Give where data refer to blocks, and to which."""
    found = referred(data)
    if found is not None:
        yield here, found
    elif is_mapping(data):
        for key, item in data.items():
            yield from references(item, (*here, str(key)))
    elif is_list(data):
        for index, item in enumerate(data):
            yield from references(item, (*here, index))
