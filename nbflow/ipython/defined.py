"""A `%%task NAME` cell by its name: a Task that runs the body with other inputs.

Inputs that a call does not give are those the notebook has then. The body runs in a copy of the
namespace, on copies of what it changes, so that a call changes nothing in the notebook.
"""

from __future__ import annotations

import copy
import html
import inspect
import keyword
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbflow.annotations import unmapped
from nbflow.cell_outputs import Outputs
from nbflow.engine import options
from nbflow.exceptions import InvalidInput, Unsendable
from nbflow.ipython import around
from nbflow.ipython.copied import Copied
from nbflow.ipython.hosts import TaskCell
from nbflow.model import cell_source, names
from nbflow.sent_cells import SentCell
from nbflow.tasks import Task

if TYPE_CHECKING:
    from nbflow.futures import Future, FutureList


class CellCall:
    """What a call of a cell does."""

    def __init__(self, cell: TaskCell, *, awaits: bool) -> None:
        self.cell = cell
        self.awaits = awaits
        #: what counts as the source of the task
        self.digest = cell_source.digest(cell.source)
        self._number = cell.shell.execution_count - 1

    @property
    def inputs(self) -> dict[str, Any]:
        """Give the inputs the notebook has now, by name."""
        found = self.cell.data.inputs(self.cell.shell.user_ns)
        return {name: value for name, value in found.items() if not name.startswith("_")}

    @cached_property
    def signature(self) -> inspect.Signature:
        """Give the inputs as parameters, by name only; those nobody has are required."""
        kind = inspect.Parameter.KEYWORD_ONLY
        missing = self.cell.data.missing(self.cell.shell.user_ns)
        found = [inspect.Parameter(name, kind) for name in missing]
        found += [inspect.Parameter(name, kind, default=...) for name in self.inputs]
        return inspect.Signature(sorted(found, key=lambda one: one.name))

    def bound(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give all inputs of a call. Raises InvalidInput naming one that is none, or is missing."""
        known = self.signature.parameters
        for name in given:
            if name not in known and name not in options.RESERVED and not self._is_unknown:
                raise InvalidInput(
                    f"The task {self.cell.name} has no input {name!r}.",
                    code="task.input",
                    field=name,
                    hint=names.did_you_mean(name, known, "It has"),
                )
        now = self.inputs
        for name in known:
            if name not in given and name not in now:
                raise InvalidInput(
                    f"The task {self.cell.name} needs the input {name!r}, which nobody has bound.",
                    code="task.input",
                    field=name,
                    hint=f"Give it: {self.cell.name}({name}=…).",
                )
        return now

    @property
    def _is_unknown(self) -> bool:
        return self.cell.data.code.unknown is not None

    def run(self, values: Mapping[str, Any]) -> Any:
        """Run a body that does not await."""
        __tracebackhide__ = True
        namespace: dict[str, Any] = {}
        return self._given(namespace, self._copied.run(self._own(values), namespace))

    async def arun(self, values: Mapping[str, Any]) -> Any:
        """Run a body that awaits."""
        __tracebackhide__ = True
        namespace: dict[str, Any] = {}
        return self._given(namespace, await self._copied.arun(self._own(values), namespace))

    @cached_property
    def _copied(self) -> Copied:
        # What only says how a cell is shown would bind its names in the notebook itself.
        return Copied(self.cell.shell, around.innermost(self.cell.source), self._number)

    def _own(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give the inputs, those that the body changes as copies, where they can be copied."""
        changed = {n: values[n] for n in self.cell.data.code.mutates if n in values}
        try:
            return {**values, **copy.deepcopy(changed)}
        except Exception:  # a lock, a connection: it is shared, as between any two cells
            return dict(values)

    def _given(self, namespace: Mapping[str, Any], value: Any) -> Any:
        return Outputs(self.cell.data.left(namespace), value).given(self.cell.name)

    def __reduce__(self) -> Any:
        cell = self.cell
        source = around.python(cell.shell, around.innermost(cell.source))
        if "get_ipython()" in source:
            raise Unsendable(
                f"The task {cell.name} uses IPython's own syntax (`!` or `%`), which another "
                "process does not have.",
                hint="Use subprocess and plain Python in the cell, or a ThreadPoolTaskRunner.",
            )
        _, sources = cell.data.reached(cell.shell.user_ns)
        helpers = {name: sources[name] for name in cell.data.reads if name in sources}
        return SentCell, (cell.name, source, helpers, cell.data.outputs)


class CellTask(Task[..., Any]):
    """A `%%task` cell by its name: `NAME(x=…)`, `.submit`, `.map` run it with other inputs."""

    def __init__(self, call: CellCall, **asked: Any) -> None:
        self._call_of = call
        super().__init__(_function(call), **asked)

    def __repr__(self) -> str:
        asked = ", ".join(self._call_of.signature.parameters)
        outputs = ", ".join(self._call_of.cell.data.outputs) or "its last expression"
        return f"<Task {names.shown(self.name)}({asked}) -> {outputs}>"

    def _repr_html_(self) -> str:
        """Show it as HTML (IPython asks)."""
        return f"<code>{html.escape(repr(self))}</code>"

    def __call__(self, **given: Any) -> Any:
        """Run the cell with these inputs, and give its outputs (await it where the cell awaits)."""
        __tracebackhide__ = True
        return super().__call__(**{**self._call_of.bound(given), **given})

    def submit(self, **given: Any) -> Future[Any]:
        """Start the cell with these inputs on the flow's task runner; give its Future at once."""
        return super().submit(**{**self._call_of.bound(given), **given})

    def map(self, **given: Any) -> FutureList[Any]:
        """Start the cell once for each item of the inputs given; give the futures at once."""
        now = {name: unmapped(value) for name, value in self._call_of.bound(given).items()}
        return super().map(**{**now, **given})

    def with_options(self, **changes: Any) -> CellTask:
        """Give a copy with other options (those of `@task`). Raises InvalidInput."""
        return CellTask(self._call_of, **{**self._asked, **(self.hooks or {}), **changes})


def _function(call: CellCall) -> Callable[..., Any]:
    """Make the function of a task; that it captures its digest makes that its source."""
    digest = call.digest

    def fn(**values: Any) -> Any:
        __tracebackhide__ = True
        return call.run(values) if digest else None

    async def afn(**values: Any) -> Any:
        __tracebackhide__ = True
        return await call.arun(values) if digest else None

    made: Any = afn if call.awaits else fn
    made.__name__ = made.__qualname__ = call.cell.name
    made.__module__ = "__main__"
    made.__signature__ = call.signature
    return made


def define(cell: TaskCell, *, awaits: bool) -> None:
    """Bind the name on the magic's line to a Task, unless it is a variable's, or cannot be one."""
    asked, name = cell.asked, cell.asked.name
    if not name.isidentifier() or keyword.iskeyword(name):
        return
    there = cell.shell.user_ns.get(name)
    if there is not None and not isinstance(there, Task):
        _say(f"{name} stays what it is, a {type(there).__name__}; rename the task to call it")
        return
    if isinstance(there, CellTask) and _is_another(there._call_of.cell, cell):
        _say(f"another cell was the task {name}; it is this one now")
    try:
        made = CellTask(
            CellCall(cell, awaits=awaits),
            name=name,
            tags=asked.tags,
            retries=asked.retries,
            retry_delay_seconds=list(asked.retry_delays) or None,
            timeout_seconds=asked.timeout_seconds,
        )
    except InvalidInput as error:
        _say(f"{name} cannot be called: {error.message}")
        return
    cell.shell.user_ns[name] = made


def _is_another(before: TaskCell, cell: TaskCell) -> bool:
    """Say whether a cell is another one than the last of its name, not the same, changed."""
    return bool(before.cell_id and cell.cell_id) and before.cell_id != cell.cell_id


def _say(text: str) -> None:
    sys.stderr.write(f"nbflow: {text}.\n")
