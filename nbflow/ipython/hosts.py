"""What a cell's body runs as: a task run; as a flow run, in `flow_host`.

Each host calls the body, with its retries, and can always say how things stand. Displays and
tracebacks are not its business. The third host, for executed notebooks, is in `adopted`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Protocol

from nbflow import cache_policies
from nbflow.cache_policies import CachePolicy
from nbflow.cell_outputs import Outputs
from nbflow.context import TaskRunContext
from nbflow.engine import run
from nbflow.engine.retrying import RetryPolicy
from nbflow.engine.task_call import PlainTask
from nbflow.exceptions import InvalidInput, Skip
from nbflow.ipython import shown
from nbflow.ipython.caching import CellPolicy
from nbflow.ipython.data import CellData
from nbflow.logging.loggers import run_logger
from nbflow.model import texts
from nbflow.model.cell_definitions import definitions
from nbflow.model.cell_options import CellOptions
from nbflow.model.run_views import View, line
from nbflow.model.runs import TaskKind
from nbflow.model.states import State

Work = Callable[[], Any]


class Host(Protocol):
    """Something that runs a body.

    Attributes:
        begin: called before anything is shown, once there is something to look at.
    """

    begin: Callable[[], None]

    def run(self, work: Work) -> State:
        """Run a body that does not await; give its final state. Raises what also ends the cell."""
        ...

    async def arun(self, work: Work) -> State:
        """Run a body that awaits."""
        ...

    def look(self) -> View:
        """Say how things stand, once the body has begun. Called from any thread."""
        ...


@dataclass(frozen=True)
class TaskCell:
    """A `%%task` cell in a shell.

    Attributes:
        source: its body.
        cell_id: as the front end sends it.
    """

    shell: Any
    name: str
    asked: CellOptions
    source: str
    cell_id: str | None = None

    @cached_property
    def data(self) -> CellData:
        """Give what it reads and leaves."""
        return CellData(self.source, self.asked.returns)


class CellTask(PlainTask):
    """A cell, as the engine takes a task."""

    is_cell = True
    kind: TaskKind = "cell"
    cache_result_in_memory = False  # its outputs are in the namespace
    result_serializer = "pickle"

    def __init__(self, cell: TaskCell, fn: Work, policy: CachePolicy | None) -> None:
        asked = cell.asked
        self.fn = fn
        self.name = cell.name
        self.key = asked.name or cell.cell_id or cell.name
        self.cell_id = cell.cell_id
        self.tags = asked.tags
        # The engine would number the calls; a cell is called what its author calls it.
        self.task_run_name: str | Callable[[], str] | None = lambda: cell.name
        self.retry = RetryPolicy(asked.retries, asked.retry_delays)
        self.timeout_seconds = asked.timeout_seconds
        self.cache_policy = policy
        ttl = asked.ttl_seconds
        self.cache_expiration = None if ttl is None else timedelta(seconds=ttl)
        self.refresh_cache = asked.refresh or None


class AsTask:
    """Runs a body as a task run of the flow run around, else of the kernel's session.

    Its outputs are stored where the cell asks for a cache; with `keeps` always.
    """

    keeps = False

    def __init__(self, cell: TaskCell) -> None:
        self.begin: Callable[[], None] = lambda: None
        self.outputs: tuple[str, ...] = ()
        self.cell = cell
        self._policy: CellPolicy | None = None
        self._context: TaskRunContext

    def run(self, work: Work) -> State:
        """Run a body that does not await."""
        __tracebackhide__ = True
        left = self._left_at_once()
        if left is not None:
            state = self._run_task(self._refused(partial(_raise, left)))
            self.begin()
            return state
        state = self._run_task(self._task(partial(self._call, work)))
        if self._is_unrestorable(state):
            state = self._run_task(self._task(partial(self._call, work), refresh=True))
        return state

    async def arun(self, work: Work) -> State:
        """Run a body that awaits."""
        __tracebackhide__ = True
        left = self._left_at_once()
        if left is not None:
            state = await self._arun_task(self._refused(partial(_araise, left)))
            self.begin()
            return state
        state = await self._arun_task(self._task(partial(self._acall, work)))
        if self._is_unrestorable(state):
            state = await self._arun_task(self._task(partial(self._acall, work), refresh=True))
        return state

    def look(self) -> View:
        """Say how the task run stands."""
        now = self._context.task_run
        return View(replace(line(now), note=now.note or ""))

    # -- the run --------------------------------------------------------------------------------
    def _run_task(self, task: CellTask) -> State:
        return run.run_task(task, (), {}, return_state=True)

    async def _arun_task(self, task: CellTask) -> State:
        return await run.arun_task(task, (), {}, return_state=True)

    def _task(self, fn: Work, *, refresh: bool = False) -> CellTask:
        cell = self.cell
        if refresh:
            cell = replace(cell, asked=replace(cell.asked, refresh=True))
        policy: CachePolicy | None = cache_policies.NO_CACHE if self.keeps else None
        if cell.asked.cache:
            namespace = cell.shell.user_ns
            policy = self._policy = CellPolicy(cell.data, cell.asked.cache, namespace)
        return self._named(CellTask(cell, fn, policy))

    def _refused(self, fn: Work) -> CellTask:
        """Give the task of a cell whose `--if` says no, or cannot say anything."""
        asked = replace(self.cell.asked, retries=0)
        return self._named(CellTask(replace(self.cell, asked=asked), fn, None))

    def _named(self, task: CellTask) -> CellTask:
        """Learn of the task run when it is named: its body may never be called."""

        def name() -> str:
            here = TaskRunContext.get()
            assert here is not None
            self._context = here
            return self.cell.name

        task.task_run_name = name
        return task

    def _left_at_once(self) -> BaseException | None:
        """Give what ends the cell before it begins: its condition is false, or fails."""
        text = self.cell.asked.condition
        if text is None:
            return None
        try:
            code = compile(text, "<--if>", "eval", dont_inherit=True)
            if eval(code, self.cell.shell.user_ns):
                return None
        except Exception as error:
            return InvalidInput(f"--if {text}: {texts.of_error(error)}", field="--if")
        return Skip(f"--if {text} is false.")

    # -- the body -------------------------------------------------------------------------------
    def _call(self, work: Work) -> Outputs | None:
        __tracebackhide__ = True
        self.begin()
        with self._noting() as notes:
            value = work()
        return self._left(value, notes)

    async def _acall(self, work: Work) -> Outputs | None:
        __tracebackhide__ = True
        self.begin()
        with self._noting() as notes:
            value = await work()
        return self._left(value, notes)

    def _noting(self) -> Any:
        return shown.noted(self.cell.shell) if self._policy is not None else nullcontext()

    def _left(self, value: Any, notes: shown.Notes | None) -> Outputs | None:
        """Give what is stored of a run; None: nothing is."""
        if self._policy is None and not self.keeps:
            return None
        found = self.cell.data.left(self.cell.shell.user_ns)
        last = value if notes is not None or not found else None
        outputs = Outputs(found, last, () if notes is None else notes.items).pack()
        self.outputs = tuple(outputs)
        kept = self._context.call.kept
        if outputs.left_out:
            kept.note = f"{kept.note or ''} {_told(outputs.left_out)}".strip()
        why = None if self._policy is None else self._policy.why_not(outputs)
        if why is not None and kept.key is not None:
            run_logger(self._context).warning("The cell is not cached: %s.", why)
            kept.key, kept.note = None, f"Not cached: {why}."
        if kept.key is None and not self.keeps:
            kept.plan.persist = False
            return None
        return outputs

    # -- what was there already -----------------------------------------------------------------
    def _is_unrestorable(self, state: State) -> bool:
        """Restore what a run found in the store; say whether that failed."""
        if state.name != "Cached":
            return False
        self.begin()
        try:
            self._restore(state)
        except Exception as error:
            said = texts.of_error(error)
            run_logger(self._context).warning("Its outputs cannot be restored: %s", said)
            return True
        return False

    def _restore(self, state: State) -> None:
        shell = self.cell.shell
        code = compile(definitions(self.cell.source).code, "<definitions>", "exec")
        try:
            exec(code, shell.user_ns)  # first: the outputs may be of classes among them
            again = False
        except NameError:  # one of them needs an output
            again = True
        outputs: Outputs = state.result()
        self.outputs = tuple(outputs)
        shell.user_ns.update(outputs)
        if again:
            exec(code, shell.user_ns)
        shown.again(shell, outputs.shown, outputs.value)


def _told(left_out: dict[str, str]) -> str:
    return f"Left out: {', '.join(f'{name} ({kind})' for name, kind in left_out.items())}."


def _raise(error: BaseException) -> None:
    __tracebackhide__ = True
    raise error


async def _araise(error: BaseException) -> None:
    __tracebackhide__ = True
    raise error
