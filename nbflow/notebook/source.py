"""What a run executes: its notebook found and checked, its folder, and papermill given it.

Shared by notebooks and flows of scripts; a run's life around it is `running`'s. papermill and
nbformat are imported when a run needs them.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.engine import laying
from nbflow.exceptions import InvalidNotebook
from nbflow.kernels import specs
from nbflow.model import entrypoints, notebooks, run_options, slices
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun
from nbflow.notebook import injecting, stored
from nbflow.store import journal, mirroring

if TYPE_CHECKING:
    from nbflow.model.notebooks import Notebook
    from nbflow.notebook.attempt import Attempt
    from nbflow.notebook.past import Past


class Source:
    """The notebook of a run, checked before anything starts.

    Raises InvalidNotebook (not there, not a notebook, no such kernel), ParameterError.
    """

    def __init__(self, backend: Backend, run: FlowRun, before: Past | None = None) -> None:
        from nbflow.model import parameters

        run = stored.placed(run)
        name = Path(run.path or "notebook").name
        self.notebook = _notebook(backend, run, before, name)
        notebooks.check_cells(self.notebook, name=name)
        self.schema = slices.parameters_schema(self.notebook)
        self.parameters = parameters.check(self.schema, run.parameters, what=run.flow_name)
        self.kernel_name = run.kernel_name or notebooks.kernel_name(self.notebook) or "python3"
        folder = working_folder(backend, run)
        self.cwd = None if folder is None else laying.work_in(backend, run, folder)

    def execute(self, attempt: Attempt) -> None:
        """Execute with papermill, which is given a notebook and no path to read or write."""
        import nbformat

        from nbflow.notebook.attempt import prepare

        language = _language(self.kernel_name)
        prepare(self.notebook)
        nb: Any = nbformat.from_dict(self.notebook)
        injected = slices.fill(nb, self.schema, self.parameters)
        if injected:
            text = injecting.source(
                self.schema, injected, kernel_name=self.kernel_name, language=language
            )
            injecting.inject(nb, text, injected)
        execute(nb, self.kernel_name, attempt, language=language)


def execute(nb: Any, kernel_name: str, attempt: Attempt, *, language: str | None = None) -> None:
    """Execute a notebook (a NotebookNode) with papermill, which gets no path to read or write."""
    import papermill

    papermill.execute_notebook(
        nb,
        None,
        engine_name="nbflow",
        kernel_name=kernel_name,
        language=language or _language(kernel_name),
        request_save_on_cell_execute=False,
        progress_bar=False,
        attempt=attempt,
    )


def _notebook(backend: Backend, run: FlowRun, before: Past | None, name: str) -> Notebook:
    """Give the notebook to execute: as it was started before, as it is now, or as deployed."""
    options = run_options.of_json(run.options)
    current = options.resume_source == "current"
    if before is not None and not current:
        cells = before.notebook["cells"]
        kept = [cell for cell in cells if "injected-parameters" not in notebooks.tags(cell)]
        return copy.deepcopy({**before.notebook, "cells": kept})
    snapshot = None if current else run.snapshot
    text = mirroring.snapshot(backend, snapshot) if snapshot else read(run.path)
    nb = notebooks.parse(text, name=name)
    if run.function is not None:
        return slices.flow_slice(nb, run.function).notebook
    return slices.cells_slice(nb, options.cells).notebook if options.cells else nb


def read(path: str | None) -> str:
    """Read a notebook file. Raises InvalidNotebook."""
    try:
        return Path(path or "").read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidNotebook(
            f"There is no notebook {path}.", code="notebook.missing", field="path",
            hint="It was moved or deleted since the run was created.",
        ) from None  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidNotebook(f"{path} cannot be read: {error}", field="path") from None


def working_folder(backend: Backend, run: FlowRun) -> str | None:
    """Give where a kernel starts: as the job says, else the notebook's folder.

    A notebook kept by a server of another machine, whose folder is not here, gets its attempt's.
    Raises InvalidNotebook.
    """
    said = os.environ.get("NBFLOW_JOB_WORKING_DIR")
    if said is not None:
        if not Path(said).is_dir():
            raise InvalidNotebook(
                f"The working folder {said} is not there.", code="job.working_dir",
                field="working_dir", hint="It is a job variable of the deployment or its pool.",
            )  # fmt: skip
        return said
    own = None if run.path is None else entrypoints.folder_of(run.path, run.entrypoint)
    here = own is None or Path(own).is_dir()
    if here or run.snapshot is None or backend.shares_home():
        return _folder(own)
    folder = journal.folder(f"runs/{run.id}/{run.attempt}") / "work"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


def _folder(folder: str | None) -> str | None:
    if folder is not None and not Path(folder).is_dir():
        raise InvalidNotebook(
            f"The notebook's folder {folder} is not there.", code="notebook.folder", field="path"
        )
    return folder


def _language(kernel_name: str) -> str:
    from jupyter_client.kernelspec import NoSuchKernel

    manager = specs.manager()
    try:
        return manager.get_kernel_spec(kernel_name).language
    except NoSuchKernel:
        there = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise InvalidNotebook(
            f"There is no kernel {kernel_name!r} here.", code="kernel.missing",
            field="kernel_name", hint=f"Kernels here: {there}.",
        ) from None  # fmt: skip
