"""Entrypoints: finding a flow by the text that names it.

Importing the flow's file is running user code: nothing in the server does it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model.names import did_you_mean, shown

F = TypeVar("F")


class UserFlow:
    """What every flow is that somebody decorated: by this it is known where its class is not."""


_HINT = 'Write "path.py:name", "module:name" or "module.name".'


def load(entrypoint: Any, kind: type[F]) -> F:
    """Import and give what an entrypoint names. Raises InvalidInput, NotFound, the import's own."""
    where, name = _parts(entrypoint)
    module = _of_file(where) if where.endswith(".py") else _of_module(where)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, kind):
        return found
    there = [key for key, value in vars(module).items() if isinstance(value, kind)]
    what = "is not there" if found is None else f"is a {type(found).__name__}"
    raise NotFound(
        f"{where} has no flow {shown(name)}: it {what}.",
        code="entrypoint.flow",
        field="entrypoint",
        hint=did_you_mean(name, there, "Its flows are"),
    )


def _parts(entrypoint: Any) -> tuple[str, str]:
    if not isinstance(entrypoint, str):
        raise InvalidInput(f"An entrypoint is text, not {shown(entrypoint)}.", field="entrypoint")
    where, colon, name = entrypoint.strip().rpartition(":")
    if not colon:
        where, _, name = entrypoint.strip().rpartition(".")
    if not where or not name.replace(".", "").isidentifier() or where.endswith(".ipynb"):
        raise InvalidInput(
            f"{shown(entrypoint)} names no flow.",
            code="entrypoint.invalid",
            field="entrypoint",
            hint=_HINT,
        )
    return where, name


def _of_file(path: str) -> ModuleType:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise NotFound(f"There is no file {file}.", code="entrypoint.file", field="entrypoint")
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # a script finds its neighbours
    # Not `__main__`: what stands below `if __name__ == "__main__":` must not run.
    name = f"nbflow_entrypoint_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _of_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise  # the module is there; one it imports is not
        raise NotFound(
            f"There is no module {shown(name)}.",
            code="entrypoint.module",
            field="entrypoint",
            hint=_HINT,
        ) from None
