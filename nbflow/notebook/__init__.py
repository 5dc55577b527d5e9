"""Notebooks as flows: executed cell by cell, each code cell a task run.

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.notebook.again import aresume_notebook as aresume_notebook
    from nbflow.notebook.again import resume_notebook as resume_notebook
    from nbflow.notebook.child import arun_notebook as arun_notebook
    from nbflow.notebook.child import run_notebook as run_notebook
    from nbflow.notebook.files import cell_graph as cell_graph
    from nbflow.notebook.files import parameters_schema as parameters_schema
    from nbflow.notebook.flow import NotebookFlow as NotebookFlow
    from nbflow.notebook.ran import NotebookRun as NotebookRun
    from nbflow.notebook.running import run_now as run_now

_HOME = {
    "NotebookFlow": "nbflow.notebook.flow",
    "NotebookRun": "nbflow.notebook.ran",
    "aresume_notebook": "nbflow.notebook.again",
    "arun_notebook": "nbflow.notebook.child",
    "cell_graph": "nbflow.notebook.files",
    "parameters_schema": "nbflow.notebook.files",
    "resume_notebook": "nbflow.notebook.again",
    "run_notebook": "nbflow.notebook.child",
    "run_now": "nbflow.notebook.running",
}

__all__ = [
    "NotebookFlow",
    "NotebookRun",
    "aresume_notebook",
    "arun_notebook",
    "cell_graph",
    "parameters_schema",
    "resume_notebook",
    "run_notebook",
    "run_now",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nbflow.notebook' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
