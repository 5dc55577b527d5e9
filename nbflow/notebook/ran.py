"""What `run_notebook` gives: a notebook run that ended, and the outputs of its named tasks.

Values are read, and unpickled, when they are asked for, in the process that asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow import results
from nbflow.cell_outputs import Outputs as CellOutputs
from nbflow.connect import connect
from nbflow.exceptions import MissingResult, NbflowError
from nbflow.model import cell_options, names, texts
from nbflow.model.states import State
from nbflow.store import journal

if TYPE_CHECKING:
    from nbflow.model.runs import FlowRun, TaskRun


class NotebookRun:
    """A notebook run that has ended.

    Attributes:
        flow_run: the run as it ended.
        state: its final state.
    """

    def __init__(self, flow_run: FlowRun, state: State) -> None:
        self.flow_run = flow_run
        self.state = state

    @property
    def id(self) -> str:
        """Give the run's id."""
        return self.flow_run.id

    @property
    def name(self) -> str:
        """Give the run's name."""
        return self.flow_run.name

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Give the parameters it was given, as JSON holds them."""
        return self.flow_run.parameters

    @property
    def executed_notebook(self) -> Path | None:
        """Give where the executed notebook lies; None: it never came to one."""
        folder = self.flow_run.run_dir
        path = journal.folder(folder) / journal.NOTEBOOK if folder else None
        return path if path is not None and path.is_file() else None

    @cached_property
    def cells(self) -> tuple[TaskRun, ...]:
        """Give the task runs of its last attempt's cells, in the notebook's order."""
        runs = connect().list_task_runs(self.id)
        last = (r for r in runs if r.kind == "cell" and r.flow_attempt == self.flow_run.attempt)
        return tuple(sorted(last, key=lambda run: run.position))

    @cached_property
    def outputs(self) -> Outputs:
        """Give what its named tasks put out, also of a run that failed later."""
        return Outputs(self)

    def result(self, raise_on_failure: bool = True) -> Any:
        """Give its named tasks' outputs by name, or raise what it ended with.

        With `raise_on_failure=False` the exception is given instead. Raises FailedRun, CrashedRun,
        CancelledRun, PausedRun.
        """
        __tracebackhide__ = True
        return self.outputs if self.is_completed() else self.state.result(raise_on_failure)

    def __getitem__(self, name: str) -> Any:
        """Give what a named task put out. Raises as `result`, and KeyError."""
        __tracebackhide__ = True
        return self.result()[name]

    def is_completed(self) -> bool:
        """Say whether it completed."""
        return self.state.is_completed()

    def is_failed(self) -> bool:
        """Say whether it failed."""
        return self.state.is_failed()

    def is_crashed(self) -> bool:
        """Say whether its kernel or its process ended before it did."""
        return self.state.is_crashed()

    def is_cancelled(self) -> bool:
        """Say whether it was cancelled."""
        return self.state.is_cancelled()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbflow.model import run_views

        return run_views.bundle(run_views.of_run(self.flow_run, self.cells))

    def __repr__(self) -> str:
        flow, name = names.shown(self.flow_run.flow_name), texts.safe(self.name)
        return f"<NotebookRun {name} of {flow}: {self.state.name}>"


class Outputs(Mapping[str, Any]):
    """The outputs of a notebook run's named tasks.

    One output of a task is its value; several are a named tuple; none: its last expression's value.
    """

    def __init__(self, run: NotebookRun) -> None:
        self._run = run

    @cached_property
    def _cells(self) -> dict[str, TaskRun]:
        """Give the cells that have a name of their own, by it."""
        path = self._run.executed_notebook
        document = journal.read(path.parent) if path else {"cells": []}
        named = {cell["id"]: _own_name(cell) for cell in document["cells"]}
        return {
            name: run
            for run in self._run.cells
            if (name := named.get(run.cell_id or "")) and run.state.is_completed()
        }

    def __getitem__(self, name: str) -> Any:
        """Read what a task put out. Raises KeyError, and MissingResult when it was not kept."""
        run = self._cells.get(name)
        if run is None:
            hint = names.did_you_mean(str(name), self._cells, "There are")
            raise KeyError(f"The notebook has no completed task {names.shown(name)}. {hint}")
        if run.result_key is None:
            raise MissingResult(
                f"What the task {name} put out was not kept. {run.note or ''}".strip(),
                hint=f"Begin its cell with `%%task {name}`.",
            )
        stored = results.of_key(run.result_key)
        return stored.given(name) if isinstance(stored, CellOutputs) else stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __repr__(self) -> str:
        return f"<outputs of {', '.join(self) or 'no named task'}>"


def _own_name(cell: Mapping[str, Any]) -> str:
    try:
        return cell_options.of_cell(cell)[0].name if cell["cell_type"] == "code" else ""
    except NbflowError:
        return ""
