"""Executors that are forked, not started: what their parent imports, and who may be its child.

The parent (`kernels.zygote`) has one thread. `rehearse` does there, once, what every run would do
first: import papermill and SQLAlchemy, compile the notebook schema and the store's statements, find
the kernelspecs. It leaves no connection, no thread and no ZeroMQ context behind.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import Any

from nbflow.kernels import specs

#: imported to the last module, so that none is read again for every run
_WHOLE = ("nbflow.model", "nbflow.notebook", "nbflow.kernels", "nbflow.engine", "nbflow.store")
#: variables that a Python reads when it starts: with others, it would be another Python
_AT_START = ("PYTHON", "LANG", "LC_", "VIRTUAL_ENV", "CONDA_PREFIX")


def identity(env: Mapping[str, str]) -> list[Any]:
    """Say which Python an environment makes of this one; an executor of another is none for it."""
    import nbflow

    said = {name: value for name, value in env.items() if name.startswith(_AT_START)}
    return [sys.executable, sys.version, nbflow.__file__, os.getuid(), said]


def main(argv: list[str]) -> int:
    """Be an executor: `module:function` and its arguments; gives its exit code."""
    place, *arguments = argv
    _begin_streams()
    module, _, function = place.partition(":")
    code: int | None = getattr(importlib.import_module(module), function)(arguments)
    _leave(code or 0)
    return 0


def _begin_streams() -> None:
    """Take standard output and error as they now are: a terminal sees each line at once."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]


def _leave(code: int) -> None:
    """End as a process does, but spare taking apart what was imported."""
    import atexit

    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads any more
            pass
    os._exit(code)


# -- in the parent ------------------------------------------------------------------------------
def refuse(request: Mapping[str, Any]) -> str:
    """Say why no child of this process may do what is asked; empty: one may."""
    if json.loads(json.dumps(identity(os.environ))) != identity(request["env"]):
        return "it is another Python, or was started with other settings of Python"
    return ""


def rehearse() -> None:
    """Do once, for all children, what each would do at its beginning."""
    from nbflow.notebook import running

    running.lighten()
    for package in _WHOLE:
        folder = importlib.import_module(package).__path__
        for found in pkgutil.iter_modules(folder, f"{package}."):
            importlib.import_module(found.name)
    _rehearse_store()
    _rehearse_notebook()
    _rehearse_kernel()


def _rehearse_store() -> None:
    """Live a run's life in a store of its own, and take what that taught to the real one."""
    from nbflow import connect, settings
    from nbflow.exceptions import NbflowError
    from nbflow.model import states
    from nbflow.model.runs import Batch, NewFlowRun, TaskRun
    from nbflow.orchestration.orchestrator import Orchestrator

    try:
        known = connect.connect()  # is it there, and of this version?
    except NbflowError:  # each run will say so itself
        return
    finally:
        connect.forget()
    if not settings.store_url().startswith("sqlite"):  # no other is made to rehearse in
        if isinstance(known, Orchestrator):
            connect.hand_on(known)
        return
    with tempfile.TemporaryDirectory(prefix="nbflow-rehearsal-") as folder:
        backend = Orchestrator(f"sqlite:///{folder}/store.sqlite")
        run = backend.create_flow_run(NewFlowRun("rehearsal", kind="notebook"))
        backend.propose(run.id, states.Running(), attempt=run.attempt)
        cell = states.Running()
        tasks = (TaskRun("a", run.id, "a", "a", "cell", cell, cell.at),)
        backend.record(Batch(tasks))
        backend.propose(run.id, states.Completed(), attempt=run.attempt)
        backend.read_flow_run(run.id)
        connect.hand_on(backend)


def _rehearse_notebook() -> None:
    """Load and check a notebook, give it parameters, and hand it to papermill's engine."""
    import nbformat
    import papermill

    from nbflow.model import notebooks
    from nbflow.notebook import attempt

    cell = {"id": "a", "cell_type": "code", "source": "x = 1", "metadata": {"tags": ["parameters"]}}
    cell |= {"outputs": [], "execution_count": None}
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    notebook = notebooks.parse(text, name="rehearsal")
    notebooks.parameters_schema(notebook)
    attempt.prepare(notebook)
    specs.manager().get_all_specs()
    papermill.execute_notebook(
        nbformat.from_dict(notebook),
        None,
        parameters={"x": 2},
        engine_name="nbflow",
        kernel_name="python3",
        language="python",
        request_save_on_cell_execute=False,
        progress_bar=False,
        attempt=_Rehearsal(),
    )


def _rehearse_kernel() -> None:
    """Make what starts a kernel, without starting one: no ZeroMQ context may be there at a fork."""
    from jupyter_client import localinterfaces
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    localinterfaces.local_ips()
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs.manager())
    KernelProvisionerFactory.instance().create_provisioner_instance(
        "rehearsal", manager.kernel_spec, manager
    )


class _Rehearsal:
    """Stands where an attempt does, and executes nothing."""

    source = None

    def run(self, nb: Any, kernel_name: str) -> None:
        """Do nothing."""
