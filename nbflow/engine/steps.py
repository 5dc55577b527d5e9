"""A run's life as steps, told once: generators that yield what must be done and get its outcome.

    yield Call(...)    call user code inside its run's context
    yield Sleep(...)   let time pass, unless the run is told to stop
    yield Join(...)    wait for other runs; Ctrl-C ends the wait
    yield Io(...)      ask the authority; Ctrl-C is held back until it has answered

`drive.py` carries them out, synchronously or on an event loop. No context variable is set here: in
a generator it would leak to whoever advances it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple

from nbflow.context import RunContext
from nbflow.engine import outcomes
from nbflow.engine.flow_call import FlowCall
from nbflow.engine.held import HURRIED_SECONDS
from nbflow.engine.lease import Hold
from nbflow.engine.task_call import TaskCall
from nbflow.exceptions import UpstreamError
from nbflow.model import states
from nbflow.model.states import State, StateType, keep
from nbflow.model.verdicts import Abort, Wait


class Call(NamedTuple):
    """Call user code inside a run."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: RunContext
    hold: Hold | None = None  # of a flow run: while the call lasts, `hold.stop` interrupts it


class Sleep(NamedTuple):
    """Wait so many seconds, unless the hold's run is told to stop."""

    seconds: float
    hold: Any


class Join(NamedTuple):
    """Wait for other runs."""

    work: Callable[[], Any]


class Io(NamedTuple):
    """Do something that blocks, soon ends, and must not be left half done."""

    work: Callable[[], Any]


Effect = Call | Sleep | Join | Io
Life = Generator[Effect, Any, State]


def task_life(call: TaskCall) -> Life:
    """Tell a task run from its start to its final state."""
    try:
        call.hold.check()
        if call.inputs:
            yield Join(call.take_inputs)
        call.take_name()
    except UpstreamError as error:
        return call.enter(keep(states.NotReady(message=error.message), error=error))
    except BaseException as error:
        return call.enter(outcomes.of_error(error, call.hold))
    while True:
        state = yield from _task_attempt(call)
        delay = call.retry_delay(state)
        if delay is None:
            return call.enter(state)
        call.await_retry(state, delay)
        try:
            yield Sleep(delay, call.hold)
        except BaseException as error:
            return call.enter(outcomes.of_error(error, call.hold))


def _task_attempt(call: TaskCall) -> Life:
    call.enter(State(StateType.RUNNING) if call.run.attempt == 0 else states.Retrying())
    try:
        value = yield Call(call.task.fn, call.args, call.kwargs, call.context)
        if outcomes.refers(value):
            return (yield Join(partial(outcomes.of_value, value)))
        return keep(State(StateType.COMPLETED), value)
    except BaseException as error:
        return outcomes.of_error(error, call.hold)


def flow_life(call: FlowCall) -> Life:
    """Tell a flow run from its creation to its final state."""
    call.check_parent()
    if call.inputs:
        yield Join(call.take_inputs)
    try:
        yield Io(call.open)
        while True:
            state = yield from _flow_attempt(call)
            if not state.is_scheduled():
                return state
            yield Sleep(call.seconds_until_due(), call.hold)
    except BaseException as error:
        # Interrupted while its end was being dealt with, or between attempts: still no run is left
        # RUNNING.
        if call.opened and not call.ended:
            state = outcomes.of_error(error, call.hold)
            yield Io(partial(call.end, state, patience=HURRIED_SECONDS))
        raise
    finally:
        if call.opened:
            call.close()


def _flow_attempt(call: FlowCall) -> Life:
    if call.invalid is not None:
        return (yield Io(partial(call.end, outcomes.of_error(call.invalid))))
    while isinstance(verdict := (yield Io(call.begin)), Wait):
        yield Sleep(verdict.seconds, call.hold)
    if isinstance(verdict, Abort):
        return call.refused(verdict)
    state = yield from _flow_body(call)
    return (yield Io(partial(call.end, state)))


def _flow_body(call: FlowCall) -> Life:
    context = call.context
    try:
        value = yield Call(call.flow.fn, call.args, call.kwargs, context, call.hold)
        yield Join(context.task_runner.close)
        if outcomes.refers(value):
            return (yield Join(partial(outcomes.of_value, value)))
        return keep(State(StateType.COMPLETED), value)
    except BaseException as error:
        state = outcomes.of_error(error, call.hold)
        yield Io(context.task_runner.cancel)
        yield Join(partial(call.wait_for_running, state))
        return state
