"""Leaving, pausing, suspending and resuming flow runs.

A paused run waits in its process, which holds it; a suspended one ends its process and is executed
again from the top when it is resumed, passing over the pauses that were answered. What becomes of
the state is decided by `rules.flow`; how a task waits while its run is paused is the engine's.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from nbflow import connect, context
from nbflow.connect import Rests
from nbflow.context import FlowRunContext, TaskRunContext
from nbflow.exceptions import (
    Aborted,
    Conflict,
    FlowPauseTimeout,
    InvalidInput,
    MissingContextError,
    Skip,
    Stop,
)
from nbflow.model import clock, pauses, states
from nbflow.model.inputs import answer_key
from nbflow.model.names import shown
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Accept, Verdict
from nbflow.rules import flow as rules
from nbflow.store.spool import OUTAGES

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

T = TypeVar("T")

#: how often a server is asked whether a run was resumed; a store on this machine tells of it
POLL_SECONDS = 0.5
#: seconds after which a run that nobody resumes fails
TIMEOUT_SECONDS = 3600.0
_LONGEST_KEY = 200

_Waiting = Generator[float, None, T]


def skip(reason: str = "") -> NoReturn:
    """Leave the task or the cell around this code: it ends COMPLETED, named Skipped.

    The run goes on; whoever asks for the task's value gets None. Raises `exceptions.Skip`.
    """
    raise Skip(reason)


def stop(reason: str = "") -> NoReturn:
    """Complete the flow run around this code here and now; its remaining cells do not run.

    Raises `exceptions.Stop`.
    """
    raise Stop(reason)


def pause_flow_run(
    wait_for_input: Any = None,
    timeout: float | None = TIMEOUT_SECONDS,
    poll_interval: float = POLL_SECONDS,
    key: str | None = None,
) -> Any:
    """Pause the flow run around this code until somebody resumes it; give the input it asked for.

    The process waits. Tasks that run go on to their end, and none begins. On a retry of the run a
    pause that was answered is passed over, and gives the same answer.

    Args:
        wait_for_input: what to ask for: a `RunInput` or another pydantic model, or a type such as
            `int`; None: nothing.
        timeout: seconds after which the run fails; None: never.
        poll_interval: seconds between two looks, where a change is not told of by itself.
        key: names the pause within the run; the number of the pause when left out.

    Raises FlowPauseTimeout, MissingContextError (no flow run around, or inside a task),
    InvalidInput (the answer does not pass the model's own validators).
    """
    waiting = _pausing(wait_for_input, timeout, poll_interval, key)
    return connect.wait_out(waiting, _flow_here("paused").hold.pause)


async def apause_flow_run(
    wait_for_input: Any = None,
    timeout: float | None = TIMEOUT_SECONDS,  # noqa: ASYNC109 (of the run, not of this call)
    poll_interval: float = POLL_SECONDS,
    key: str | None = None,
) -> Any:
    """Pause the flow run around this code; other coroutines go on (as `pause_flow_run`)."""
    waiting = _pausing(wait_for_input, timeout, poll_interval, key)
    return await connect.await_out(waiting, _flow_here("paused").hold.check)


def suspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: str | None = None,
    timeout: float | None = TIMEOUT_SECONDS,
    key: str | None = None,
) -> Any:
    """Suspend a flow run: its process ends, and once it is resumed it is executed from the top.

    The run around this code ends here; executed again, it passes this line and is given the input.
    Another run (`flow_run_id`) ends at its next task.

    Args:
        wait_for_input: as `pause_flow_run` takes it; only for the run around this code.
        flow_run_id: another run than the one around this code.
        timeout: seconds after which the run fails; None: never.
        key: names the pause within the run; the number of the pause when left out.

    Raises MissingContextError, Conflict (a run that another run called; not Running), NotFound.
    """
    around = context.here()
    if flow_run_id is not None and (
        around is None or around.flow_context.flow_run.id != flow_run_id
    ):
        return _suspend_other(flow_run_id, wait_for_input, timeout, key)
    here = _flow_here("suspended")
    state, kind = _asking(here, wait_for_input, timeout, key, states.Suspended)
    backend: Backend = here.hold.backend or connect.connect()
    run = here.flow_run
    if _key(state) in rules.answered(backend.list_states(run.id)):
        return _answer(backend, run.id, state, kind)
    if run.parent_flow_run_id is not None:
        raise Conflict(
            f"The run {run.name} was called by another; it is not suspended by itself.",
            code="run.child",
            hint="Suspend the run that calls it, or pause this one.",
        )
    if here.hold.backend is None:  # a kernel: another process holds the run
        _accepted(backend.propose(run.id, state), "suspended")
    return here.hold.leave(state)


async def asuspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: str | None = None,
    timeout: float | None = TIMEOUT_SECONDS,  # noqa: ASYNC109 (of the run, not of this call)
    key: str | None = None,
) -> Any:
    """Suspend a flow run, without holding up the event loop (as `suspend_flow_run`)."""
    import asyncio

    return await asyncio.to_thread(suspend_flow_run, wait_for_input, flow_run_id, timeout, key)


def resume_flow_run(flow_run_id: str, run_input: Any = None) -> FlowRun:
    """Resume a paused or suspended run with what it asks for; give the run.

    A paused run goes on in its process. A suspended one is Resuming: a worker of its pool takes it;
    one without a pool is executed by `FLOW.resume(id)` or `nbflow flow-run resume ID`.

    Args:
        run_input: a model, an object by field, or the bare value where a plain type is asked for.

    Raises NotFound, Conflict (not paused, too late), InvalidInput naming the field: the run is then
    still paused.
    """
    given = run_input
    if given is not None and not isinstance(given, dict):
        from nbflow.input import plain

        given = plain(given)
    return connect.connect().resume_flow_run(flow_run_id, given)


async def aresume_flow_run(flow_run_id: str, run_input: Any = None) -> FlowRun:
    """Resume a run, without holding up the event loop (as `resume_flow_run`)."""
    import asyncio

    return await asyncio.to_thread(resume_flow_run, flow_run_id, run_input)


# -- waiting ----------------------------------------------------------------------------------
def _pausing(
    wait_for_input: Any, timeout: float | None, poll_interval: float, key: str | None
) -> _Waiting[Any]:
    """Tell a pause from the question to the answer; yields seconds to rest."""
    here = _flow_here("paused")
    state, kind = _asking(here, wait_for_input, timeout, key, states.Paused)
    backend: Backend = here.hold.backend or connect.connect()
    run = here.flow_run
    if here.hold.halted:  # somebody else paused it first
        _go_on_or_raise(here, (yield from outlast(backend, run.id, run.attempt)).state)
    with here.hold.pausing():  # before it is told: who hears of it counts on it
        verdict = yield from _insist(lambda: backend.propose(run.id, state, attempt=run.attempt))
        if not _accepted(verdict, "paused").is_paused():
            return _answer(backend, run.id, state, kind)
        here.recorder.flush()
        after = yield from outlast(backend, run.id, run.attempt, poll_interval)
    _go_on_or_raise(here, after.state)
    return _answer(backend, run.id, state, kind)


def outlast(
    backend: Backend, flow_run_id: str, attempt: int, seconds: float = POLL_SECONDS
) -> _Waiting[FlowRun]:
    """Wait until a run is not paused any more, or must leave; give it. Yields seconds to rest.

    When its time is up, this process says so: there may be no server to do it.
    """
    rests = Rests(backend, seconds)
    try:
        while True:
            found = _asked(backend, flow_run_id)
            if found is not None and (not found.state.is_paused() or found.state.leaves()):
                return found
            if found is None or not _in_vain(found.state):
                yield from rests.rest()
                continue
            end = rules.timed_out(found.state, at=clock.now())
            yield from _insist(partial(backend.propose, flow_run_id, end, attempt=attempt))
    finally:
        rests.close()


def _in_vain(state: State) -> bool:
    until = pauses.end_of(state)
    return until is not None and until <= clock.now()


def _asked(backend: Backend, flow_run_id: str) -> FlowRun | None:
    """Read a run; None: it cannot be asked for now."""
    try:
        return backend.read_flow_run(flow_run_id)
    except OUTAGES:
        return None


def _insist(ask: Any) -> _Waiting[Verdict]:
    """Ask until there is an answer: an outage ends no run."""
    while True:
        try:
            return ask()
        except OUTAGES:
            yield POLL_SECONDS


def _go_on_or_raise(here: FlowRunContext, state: State) -> None:
    if state.is_failed():
        raise FlowPauseTimeout(state.message)
    if state.is_cancelling() or state.is_cancelled():
        here.hold.stop("cancelled")
        here.hold.check()
    if state.leaves():
        here.hold.leave(state)


# -- the question and the answer --------------------------------------------------------------
def _flow_here(done: str) -> FlowRunContext:
    around = context.get_run_context()
    if isinstance(around, TaskRunContext):
        raise MissingContextError(
            f"A task run is not {done}; this was called in {around.run_name}.",
            hint="Call it in the flow.",
        )
    if around.flow_run.kind == "session":
        raise MissingContextError(
            f"The tasks run by hand in a kernel are not {done}.", hint="Call it in a flow."
        )
    return around


def _asking(
    here: FlowRunContext, kind: Any, timeout: float | None, key: str | None, make: Any
) -> tuple[State, Any]:
    """Make the state of a pause, with what it asks for. Raises InvalidInput."""
    number = str(next(here.pauses))
    if key is not None and not (isinstance(key, str) and 1 <= len(key) <= _LONGEST_KEY):
        raise InvalidInput(
            f"key={shown(key)} does not name a pause.",
            field="key",
            hint=f"Use 1 to {_LONGEST_KEY} characters.",
        )
    details: dict[str, Any] = {}
    if kind is not None:
        from nbflow.input import question

        details["input"] = question(kind)
    return make(key or number, pause_timeout=_until(timeout), details=details), kind


def _until(timeout: float | None) -> datetime | None:
    return None if timeout is None else pauses.end_after(timeout, field="timeout")


def _key(state: State) -> str:
    return str(state.details["pause_key"])


def _answer(backend: Backend, flow_run_id: str, state: State, kind: Any) -> Any:
    if kind is None:
        return None
    from nbflow.input import answer

    given = backend.list_inputs(flow_run_id, prefix=answer_key(_key(state)), limit=1000)
    mine = [item for item in given if item.key == answer_key(_key(state))]
    if not mine:
        raise Aborted(f"The pause {_key(state)} was ended without the input it asked for.")
    return answer(kind, mine[-1].value)


def _accepted(verdict: Verdict, done: str) -> State:
    if isinstance(verdict, Accept):
        return verdict.state
    raise Conflict(f"The run cannot be {done}: {verdict.reason}", code="run.refused")


def _suspend_other(flow_run_id: str, kind: Any, timeout: float | None, key: str | None) -> None:
    if kind is not None:
        raise InvalidInput(
            "Another run cannot be asked for input.",
            field="wait_for_input",
            hint="Call suspend_flow_run in the flow that wants it.",
        )
    state = states.Suspended(key, pause_timeout=_until(timeout), message="Suspended from outside.")
    _accepted(connect.connect().propose(flow_run_id, state), "suspended")
