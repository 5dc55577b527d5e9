"""Reading a notebook's file, and saying what it takes: what a run or a deployment begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbflow.exceptions import InvalidNotebook
from nbflow.model import cell_graph as graphs
from nbflow.model import deploying, notebooks
from nbflow.model.cell_graph import CellGraph


def read(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Give a notebook file's absolute path and its text. Raises InvalidNotebook."""
    file = Path(os.path.abspath(Path(path).expanduser()))
    deploying.default_name(str(file))
    try:
        _check_size(file, file.stat().st_size)
        return str(file), file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _unreadable(file, "There is no notebook", code="notebook.missing") from None
    except IsADirectoryError:
        raise _unreadable(file, "This is a folder, not a notebook:") from None
    except UnicodeDecodeError:
        raise _unreadable(file, "This is not a notebook but a file of bytes:") from None
    except InvalidNotebook:
        raise
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise _unreadable(file, f"The notebook cannot be read ({said}):") from None


def _check_size(file: Path, size: int) -> None:
    if size > notebooks.LARGEST:
        raise InvalidNotebook(
            f"{file.name} has {size >> 20} MB; {notebooks.LARGEST >> 20} MB is the most.",
            code="notebook.too_large",
            field="path",
        )


def _unreadable(file: Path, problem: str, *, code: str | None = None) -> InvalidNotebook:
    return InvalidNotebook(f"{problem} {file}.", code=code, field="path")


def parameters_schema(notebook: str | os.PathLike[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Give the JSON Schema of a notebook's parameters, read from its `parameters` cell.

    Nothing is evaluated. Without such a cell there are no parameters; in a language other than
    Python any are taken.

    Args:
        notebook: its path, or its content as JSON holds it (nbformat 4).

    Raises InvalidNotebook.
    """
    return notebooks.parameters_schema(_parsed(notebook))


def cell_graph(notebook: str | os.PathLike[str] | Mapping[str, Any]) -> CellGraph:
    """Give the graph of a notebook's cells: which needs what which other binds or changes.

    Nothing is executed. `print` shows it; in a notebook it is drawn.

    Args:
        notebook: its path, or its content as JSON holds it (nbformat 4).

    Raises InvalidNotebook: it cannot be read, or is in another language than Python.
    """
    title = "notebook" if isinstance(notebook, Mapping) else Path(notebook).name
    return graphs.cell_graph(_parsed(notebook), title=title)


def _parsed(notebook: str | os.PathLike[str] | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(notebook, Mapping):
        return notebook
    path, text = read(notebook)
    return notebooks.parse(text, name=Path(path).name)
