"""A child run in its parent: the task run that stands for it there, and finding it on a replay.

The k-th call of a flow in one attempt of its parent has a tracking key; its task run's id follows
from it, so that the next attempt can ask which child runs were made under the same key.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nbflow import connect
from nbflow.context import FlowRunContext
from nbflow.model import states
from nbflow.model.runs import FlowRun, NewFlowRun, TaskRun, advance
from nbflow.model.states import State, StateType, keep

if TYPE_CHECKING:
    from nbflow.model.backend import Backend


_log = logging.getLogger("nbflow.engine")


def _result(child: FlowRun) -> Any:
    return child.state.result()


class Tracking:
    """The task run of a child run. It mirrors the child's states."""

    def __init__(
        self, parent: FlowRunContext, child: NewFlowRun, upstream: tuple[str, ...]
    ) -> None:
        self._parent = parent
        self._child = child
        self._child_id = child.id
        key = f"flow:{child.flow_name}"
        position, self._number = parent.number(key)
        state = self._mirrored(State(StateType.PENDING))
        run = parent.flow_run
        self.run = TaskRun(
            id=self._id(run.attempt),
            flow_run_id=run.id,
            key=key,
            name=f"{child.flow_name}-{self._number}",
            kind="flow",
            state=state,
            created_at=state.at,
            position=position,
            flow_attempt=run.attempt,
            upstream=upstream,
        )
        parent.recorder.task(self.run)

    def enter(self, state: State) -> None:
        """Mirror a state of the child."""
        if self.run.state.is_final():
            return
        self.run = advance(self.run, self._mirrored(state))
        self._parent.recorder.task(self.run)

    def reused(self, read: Callable[[FlowRun], Any] = _result) -> State | None:
        """Give the state of the child that an earlier attempt of the parent completed, if any.

        It was called under the same key, with the same parameters, and its result can be read;
        `read` gives what stands for it.
        """
        child = self._earlier()
        if child is None:
            return None
        try:
            value = read(child)
        except Exception as error:  # whatever reads it back: the child can run again
            _log.info("The result of %s cannot be read, so it runs again: %s", child.name, error)
            return None
        self._child_id = child.id
        message = f"Flow run {child.name} completed in attempt {self._attempt_of(child)}."
        state = keep(states.Cached(message=message), value)
        self.enter(state)
        return state

    def unfinished(self) -> FlowRun | None:
        """Give the child that an earlier attempt of the parent made and that goes on elsewhere."""
        if self._parent.flow_run.attempt < 2:
            return None
        parent = self._parent.flow_run.id
        for child in _children(connect.connect(), parent, self._child.flow_name, _LIVE):
            if self._attempt_of(child) and child.parameters == self._child.parameters:
                self._child_id = child.id
                return child
        return None

    def adopt(self, child: FlowRun) -> None:
        """Stand for a child that was there already (made before under its idempotency key)."""
        self._child_id = child.id

    def _earlier(self) -> FlowRun | None:
        if self._parent.flow_run.attempt < 2:
            return None
        backend = connect.connect()
        parent = self._parent.flow_run.id
        for child in _children(backend, parent, self._child.flow_name, ("COMPLETED",)):
            if self._attempt_of(child) and child.parameters == self._child.parameters:
                return child
        return None

    def _attempt_of(self, child: FlowRun) -> int | None:
        """Give the attempt of the parent in which a child was made under this key."""
        attempts = range(1, self._parent.flow_run.attempt)
        return next((n for n in attempts if self._id(n) == child.parent_task_run_id), None)

    def _id(self, attempt: int) -> str:
        run = self._parent.flow_run
        text = f"{run.id}/{attempt}/{self._child.flow_name}/{self._number}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        # The first half is the parent's, so that ids still sort by when they were made.
        return f"{run.id[:18]}-a{digest[:3]}-{digest[3:15]}"

    def _mirrored(self, state: State) -> State:
        details = {**state.details, "child_flow_run_id": self._child_id}
        return State(state.type, state.name, state.message, state.at, details=details)


_LIVE = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED")


def _children(
    backend: Backend, parent_id: str, flow_name: str, state: tuple[str, ...]
) -> Iterator[FlowRun]:
    from nbflow.model.backend import RunFilter  # loads all the nouns: only for a replay

    where = RunFilter(state=state, parent_flow_run_id=parent_id, flow_name=flow_name, sessions=True)
    cursor: str | None = None
    while True:
        page = backend.list_flow_runs(where, limit=200, cursor=cursor)
        yield from page.rows
        cursor = page.cursor
        if cursor is None:
            return
