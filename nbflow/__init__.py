"""nbflow: orchestration that lives inside Jupyter.

This file holds the public names, each loaded when it is first used, so that `import nbflow` costs
next to nothing, and the extension points by which IPython and Jupyter Server find nbflow. Nothing
else lives here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: public name -> the module where it lives; the one list behind `__all__`, `dir()` and lazy loading
_HOME = {
    "Flow": "nbflow.flows",
    "State": "nbflow.states",
    "Task": "nbflow.tasks",
    "allow_failure": "nbflow.annotations",
    "apause_flow_run": "nbflow.flow_runs",
    "aresume_flow_run": "nbflow.flow_runs",
    "asuspend_flow_run": "nbflow.flow_runs",
    "deploy": "nbflow.deployments",
    "flow": "nbflow.flows",
    "get_client": "nbflow.clients",
    "get_run_logger": "nbflow.logging",
    "opaque": "nbflow.annotations",
    "pause_flow_run": "nbflow.flow_runs",
    "quote": "nbflow.annotations",
    "resume_flow_run": "nbflow.flow_runs",
    "runtime": "nbflow",
    "serve": "nbflow.deployments",
    "settings": "nbflow",
    "skip": "nbflow.flow_runs",
    "stop": "nbflow.flow_runs",
    "suspend_flow_run": "nbflow.flow_runs",
    "tags": "nbflow.context",
    "task": "nbflow.tasks",
    "transaction": "nbflow.transactions",
    "unmapped": "nbflow.annotations",
}
_MODULES = {"runtime", "settings"}

__all__ = sorted([*_HOME, "__version__", "load_ipython_extension", "unload_ipython_extension"])

if TYPE_CHECKING:
    from nbflow import runtime as runtime
    from nbflow import settings as settings
    from nbflow.annotations import allow_failure as allow_failure
    from nbflow.annotations import opaque as opaque
    from nbflow.annotations import quote as quote
    from nbflow.annotations import unmapped as unmapped
    from nbflow.clients import get_client as get_client
    from nbflow.context import tags as tags
    from nbflow.deployments import deploy as deploy
    from nbflow.deployments import serve as serve
    from nbflow.flow_runs import apause_flow_run as apause_flow_run
    from nbflow.flow_runs import aresume_flow_run as aresume_flow_run
    from nbflow.flow_runs import asuspend_flow_run as asuspend_flow_run
    from nbflow.flow_runs import pause_flow_run as pause_flow_run
    from nbflow.flow_runs import resume_flow_run as resume_flow_run
    from nbflow.flow_runs import skip as skip
    from nbflow.flow_runs import stop as stop
    from nbflow.flow_runs import suspend_flow_run as suspend_flow_run
    from nbflow.flows import Flow as Flow
    from nbflow.flows import flow as flow
    from nbflow.logging import get_run_logger as get_run_logger
    from nbflow.states import State as State
    from nbflow.tasks import Task as Task
    from nbflow.tasks import task as task
    from nbflow.transactions import transaction as transaction


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'nbflow' has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"nbflow.{name}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Register `%%task`, `%%flow` and `%nbflow` in an IPython shell (`%load_ext nbflow`)."""
    import_module("nbflow.ipython").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics back out of an IPython shell (`%unload_ext nbflow`)."""
    import_module("nbflow.ipython").unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server where the extension "nbflow" lives (the one import upwards)."""
    app = import_module("nbflow_jupyter.app").NbflowApp
    return [{"module": "nbflow_jupyter", "app": app}]
