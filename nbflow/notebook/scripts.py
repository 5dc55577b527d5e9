"""A flow of a script or module, executed by a kernel: a notebook of one cell that calls it.

For pools of the type `kernel`: their runs take place in the environment of the pool's kernelspec,
where nbflow has to be installed too. The flow's own run is a child of the deployed one.
"""

from __future__ import annotations

import json
from typing import Any

from nbflow.engine import deployed, laying
from nbflow.model import entrypoints
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun
from nbflow.notebook import stored
from nbflow.notebook.attempt import Attempt
from nbflow.notebook.source import execute, working_folder

_CELL = """import importlib, importlib.util, json, sys

sys.path.insert(0, {folder!r})
{load}
{name}(**json.loads({parameters!r}))"""
_MODULE = "module = importlib.import_module({where!r})\n{name} = module.{name}"
_FILE = """spec = importlib.util.spec_from_file_location({stem!r}, {where!r})
module = sys.modules[{stem!r}] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
{name} = module.{name}"""


class ScriptSource:
    """The notebook that calls a deployed flow. Raises what finding its code does.

    Attributes:
        cwd: where its kernel starts.
    """

    def __init__(self, backend: Backend, run: FlowRun) -> None:
        run = stored.placed(run)
        self.cwd = working_folder(backend, run)
        if self.cwd is not None:
            self.cwd = laying.work_in(backend, run, self.cwd)
        self._kernel = run.kernel_name or "python3"
        self._cell = _cell(deployed.code_of(backend, run), run, self.cwd or ".")

    def execute(self, attempt: Attempt) -> None:
        """Execute it."""
        execute(_notebook(self._cell, self._kernel), self._kernel, attempt)


def _cell(entrypoint: str, run: FlowRun, folder: str) -> str:
    where, name, is_file = entrypoints.parse(entrypoint)
    stem = where.rpartition("/")[2].removesuffix(".py")
    load = (_FILE if is_file else _MODULE).format(where=where, name=name, stem=stem)
    return _CELL.format(
        folder=folder, load=load, name=name, parameters=json.dumps(dict(run.parameters))
    )


def _notebook(source: str, kernel: str) -> Any:
    from nbformat.v4 import new_code_cell, new_notebook

    cell = new_code_cell(source, id="flow")
    return new_notebook(cells=[cell], metadata={"kernelspec": {"name": kernel, "display_name": ""}})
