"""Staging: a task run that is a transaction, because one is around it or its options ask for it.

Its value is stored when the transaction commits: at once where none is around. When that is rolled
back, `on_rollback` hooks are called and the run is RolledBack. Nothing here is touched by a call
outside any transaction.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nbflow.locking import IsolationLevel
from nbflow.logging.loggers import run_logger
from nbflow.model import states
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Batch
from nbflow.model.states import State, error_of
from nbflow.results import load
from nbflow.transactions import Transaction

if TYPE_CHECKING:
    from nbflow.engine.keeping import Kept
    from nbflow.engine.task_call import TaskCall


Find = Callable[[], ResultRecord | None]
Write = Callable[[Any], Any]


class _Store:
    """What a task run's transaction keeps its value in: the run's own plan says how."""

    def __init__(self, kept: Kept, find: Find, write: Write) -> None:
        self.kept = kept
        self._find = find
        self._write = write

    def exists(self, key: str) -> bool:
        self.kept.found = self._find()
        return self.kept.found is not None

    def read(self, key: str) -> Any:
        return load(self.kept.found) if self.kept.found else None

    def write(self, key: str, obj: Any) -> None:
        self._write(obj)

    def acquire_lock(self, key: str, holder: str | None = None) -> bool:
        return self.kept.plan.store.acquire_lock(key, holder)

    def release_lock(self, key: str, holder: str | None = None) -> None:
        self.kept.plan.store.release_lock(key, holder)


def prepare(call: TaskCall, kept: Kept, run_key: str, *, find: Find, write: Write) -> None:
    """Make a call a transaction, which `begin` begins; how its value is found and kept is given."""
    plan = kept.plan
    serializable = plan.isolation is IsolationLevel.SERIALIZABLE and kept.key is not None
    kept.staged = Transaction(
        kept.key or run_key,
        _Store(kept, find, write),
        isolation_level=IsolationLevel.SERIALIZABLE if serializable else "read_committed",
        write_on_commit=plan.persist,
        logger=run_logger(call.context),
    )


def begin(call: TaskCall, kept: Kept) -> ResultRecord | None:
    """Begin the transaction; give the record of a value that was committed before."""
    kept.staged.begin(call.outer)
    if kept.found is None:
        call.fn = _inside(call.fn, kept.staged)
    return kept.found


def _inside(fn: Callable[..., Any], staged: Transaction) -> Callable[..., Any]:
    """Give a function whose code finds itself in a transaction."""

    async def abody(*args: Any, **kwargs: Any) -> Any:
        staged.enter()
        try:
            return await fn(*args, **kwargs)
        finally:
            staged.leave()

    def inside(*args: Any, **kwargs: Any) -> Any:
        staged.enter()
        try:
            return fn(*args, **kwargs)
        finally:
            staged.leave()

    return abody if inspect.iscoroutinefunction(fn) else inside


def finish(call: TaskCall, kept: Kept, state: State) -> State:
    """Stage the value of a run that completed and end its transaction; give the state."""
    staged, hooks = kept.staged, getattr(call.task, "hooks", None) or {}
    staged.stage(
        state.result(),
        [*hooks.get("on_rollback", ()), partial(_undo, call, kept)],
        hooks.get("on_commit", ()),
    )
    if kept.plan.persist:
        kept.result_key = staged.key
    staged.end()
    if kept.undone:
        kept.result_key = None
        return states.with_value_of(state, states.RolledBack(message=_UNDONE))
    if staged.is_staged() and kept.plan.persist:
        kept.note = "Its result is stored when its transaction commits."
    return state


def settle(call: TaskCall, state: State) -> None:
    """End the transaction of a run that did not come to `finish`."""
    staged = call.kept.staged
    if staged.is_committed():
        staged.end()
    elif staged.is_active():
        if state.is_completed():  # it was left early: nothing to store, and nothing to undo
            staged.write_on_commit = False
            staged.end()
        else:
            staged.end(error_of(state) or RuntimeError(state.message))


_UNDONE = "Its transaction was rolled back."


def _undo(call: TaskCall, kept: Kept, _: Transaction) -> None:
    if not call.state.is_final():
        kept.undone = True
        return
    kept.note, kept.result_key = _UNDONE, None
    call.enter(states.with_value_of(call.state, states.RolledBack(message=_UNDONE)))
    recorder: Any = call.recorder
    if not recorder.users:  # its flow has ended: nobody sends what is recorded now
        recorder.backend.record(Batch(task_runs=(call.run,)))
