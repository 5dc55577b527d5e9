"""Where `.submit` runs tasks. Each runner is one file, imported when it is named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbflow.exceptions import InvalidInput
from nbflow.model.names import shown

_HOME = {
    "ConcurrentTaskRunner": "nbflow.task_runners.threads",
    "DaskTaskRunner": "nbflow.task_runners.dask",
    "ProcessPoolTaskRunner": "nbflow.task_runners.processes",
    "SequentialTaskRunner": "nbflow.task_runners.sequential",
    "ThreadPoolTaskRunner": "nbflow.task_runners.threads",
    "get_dask_client": "nbflow.task_runners.dask",
}

#: short names, for the command line and magics
NAMES = {
    "dask": "DaskTaskRunner",
    "processes": "ProcessPoolTaskRunner",
    "sequential": "SequentialTaskRunner",
    "threads": "ThreadPoolTaskRunner",
}
_GROUP = "nbflow.task_runners"

__all__ = [
    "ConcurrentTaskRunner",
    "DaskTaskRunner",
    "ProcessPoolTaskRunner",
    "SequentialTaskRunner",
    "ThreadPoolTaskRunner",
    "get_dask_client",
    "runner_of",
]

if TYPE_CHECKING:
    from nbflow.task_runners.dask import DaskTaskRunner as DaskTaskRunner
    from nbflow.task_runners.dask import get_dask_client as get_dask_client
    from nbflow.task_runners.processes import ProcessPoolTaskRunner as ProcessPoolTaskRunner
    from nbflow.task_runners.sequential import SequentialTaskRunner as SequentialTaskRunner
    from nbflow.task_runners.threads import ConcurrentTaskRunner as ConcurrentTaskRunner
    from nbflow.task_runners.threads import ThreadPoolTaskRunner as ThreadPoolTaskRunner


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'nbflow.task_runners' has no attribute {name!r}")
    return getattr(import_module(home), name)


def runner_of(given: Any) -> Any:
    """Give a task runner: an instance as it is, a class called, a name looked up, None as None.

    A name is one of `NAMES`, a class of this module, or one that another package offers in the
    entry point group `nbflow.task_runners`. Raises InvalidInput.
    """
    if isinstance(given, str):
        given = _named(given)
    runner = given() if isinstance(given, type) else given
    if runner is not None and not callable(getattr(runner, "duplicate", None)):
        raise InvalidInput(
            f"task_runner is {shown(given)}, which is no task runner.",
            field="task_runner",
            hint=f"Give one of {', '.join(sorted(NAMES))}, or a runner of nbflow.task_runners.",
        )
    return runner


def _named(name: str) -> Any:
    name = NAMES.get(name, name)
    if name in _HOME and name.endswith("TaskRunner"):
        return __getattr__(name)
    from importlib.metadata import entry_points

    for found in entry_points(group=_GROUP, name=name):
        return found.load()
    raise InvalidInput(
        f"There is no task runner {name!r}.",
        field="task_runner",
        hint=f"Give one of {', '.join(sorted(NAMES))}.",
    )
