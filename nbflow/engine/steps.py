"""A run's life as steps, told once: generators that yield what must be done and get its outcome.

    yield Call(...)    call user code inside its run's context
    yield Sleep(...)   let time pass, unless the run is told to stop
    yield Join(...)    wait for other runs; Ctrl-C ends the wait
    yield Io(...)      ask the authority; Ctrl-C is held back until it has answered
    yield Rest(...)    wait until slots may have come free
    yield Ask(...)     call a hook or a condition, sync or async, inside a run's context

`drive.py` carries them out, synchronously or on an event loop. No context variable is set here: in
a generator it would leak to whoever advances it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple

from nbflow.context import RunContext
from nbflow.engine import hooks, keeping, outcomes, slots, staging
from nbflow.engine.flow_call import FlowCall
from nbflow.engine.held import HURRIED_SECONDS
from nbflow.engine.interrupts import Cancellation, Terminated
from nbflow.engine.lease import Hold, Suspension
from nbflow.engine.task_call import TaskCall
from nbflow.exceptions import UpstreamError
from nbflow.logging.loggers import run_logger
from nbflow.model import states
from nbflow.model.states import State, StateType, entered, keep
from nbflow.model.verdicts import Abort, Wait


class Call(NamedTuple):
    """Call user code inside a run."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    context: RunContext
    hold: Hold | None = None  # of a flow run: while the call lasts, `hold.stop` interrupts it
    seconds: float | None = None  # how long it may take


class Ask(NamedTuple):
    """Call a user's function that is not the run's body."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    context: RunContext


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


class Rest(NamedTuple):
    """Wait at most so long for slots; the thread or the loop may be used by others meanwhile."""

    claim: Any
    seconds: float


Effect = Call | Ask | Sleep | Join | Io | Rest
Life = Generator[Effect, Any, State]


def task_life(call: TaskCall) -> Life:
    """Tell a task run from its start to its final state."""
    try:
        if call.hold.halted:
            yield from _go_on(call)
        if call.inputs:
            yield Join(call.take_inputs)
            if call.hold.halted:  # meanwhile
                yield Join(call.hold.go_on)
        if call.task.task_run_name is not None:
            call.take_name()
        found = (yield Join(partial(keeping.look_up, call))) if keeping.begin(call) else None
    except UpstreamError as error:
        return call.enter(keep(states.NotReady(message=error.message), error=error))
    except Suspension as error:
        return call.enter(_suspended(error))
    except BaseException as error:
        return call.enter(outcomes.of_error(error, call.hold))
    state = (yield from _task_tries(call)) if found is None else found
    if call.kept.staged is not None:
        yield Join(partial(staging.settle, call, state))
    state = call.enter(state)
    if call.claim is not None:
        yield Io(call.claim.give_back)
    if call.task.hooks is not None:
        yield from _tell(call, call.task, hooks.at_end(state), state)
    return state


def _task_tries(call: TaskCall) -> Life:
    while True:
        if call.tags and (refused := (yield from _take_slots(call))) is not None:
            return refused
        state = yield from _task_attempt(call)
        try:
            delay = (yield from _next_try(call, call.task, state)) if state.is_failed() else None
            if delay is None:
                return state
            call.await_retry(state, delay)
            if call.claim is not None:
                yield Io(call.claim.give_back)
            yield Sleep(delay, call.hold)
        except BaseException as error:
            return outcomes.of_error(error, call.hold)


def _take_slots(call: TaskCall) -> Generator[Effect, Any, State | None]:
    """Wait for slots of the limits on a call's tags; give its end when it cannot have them."""
    try:
        while call.claim is None or not call.claim.held:
            names = slots.names_of(call)
            if names is None:
                names = yield Io(partial(slots.look, call))
            if not names:
                break
            yield from _take(slots.claim_of(call, names), slots.steps(call))
            if call.hold.halted:  # meanwhile: others may have the slots until it goes on
                yield from _go_on(call)
        return None
    except Suspension as error:
        return _suspended(error)
    except BaseException as error:
        refused = outcomes.of_error(error, call.hold)
        if refused.is_failed() and call.state.is_scheduled():  # it waited, and now will not
            call.enter(states.Pending())
        return refused


def _go_on(call: TaskCall) -> Generator[Effect, Any, None]:
    """Wait while the run is paused; slots the call has are for others meanwhile."""
    if call.claim is not None:
        yield Io(call.claim.give_back)
    yield Join(call.hold.go_on)


def _suspended(error: Suspension) -> State:
    message = "The run was suspended before this task began."
    return keep(states.NotReady(message=message), error=error)


def _take(claim: Any, steps: Generator[Any, Any, Any]) -> Generator[Effect, Any, None]:
    """Carry out the steps of taking slots as steps of a life."""
    answer: Any = None
    resume: Callable[[Any], Any] = steps.send
    while True:
        try:
            step = resume(answer)
        except StopIteration:
            return
        try:
            answer = yield (Io(step) if callable(step) else Rest(claim, step))
            resume = steps.send
        except Exception as error:
            answer, resume = error, steps.throw


def _task_attempt(call: TaskCall) -> Life:
    call.enter(entered(StateType.RUNNING) if not call.attempt else states.Retrying())
    try:
        if call.task.hooks is not None:
            yield from _tell(call, call.task, "on_running", call.state)
        value = yield Call(call.fn, call.args, call.kwargs, call.context, None, call.seconds)
        if outcomes.refers(value):
            state = yield Join(partial(outcomes.of_value, value))
        else:
            state = keep(entered(StateType.COMPLETED), value)
        if keeping.waits(call):
            return (yield Join(partial(keeping.finish, call, state)))
        return keeping.finish(call, state)
    except BaseException as error:
        return outcomes.of_error(error, call.hold)


def _next_try(
    call: TaskCall | FlowCall, subject: Any, failed: State
) -> Generator[Effect, Any, float | None]:
    """Give how long to wait before the next try; None: there is none."""
    policy = subject.retry
    if not policy.left(call.run.attempt):
        return None
    if policy.condition is not None:
        try:
            again = yield Ask(policy.condition, (subject, call.run, failed), call.context)
        except Terminated:
            raise
        except (Exception, SystemExit):
            run_logger(call.context).exception("retry_condition_fn failed: no other try.")
            again = False
        if not again:
            return None
    return policy.delay(call.run.attempt)


def _tell(
    call: TaskCall | FlowCall, subject: Any, name: str | None, state: State
) -> Generator[Effect, Any, None]:
    """Call the hooks of a state the run has entered; what they raise is only logged."""
    for hook in subject.hooks.get(name, ()):
        try:
            yield Ask(hook, (subject, call.run, state), call.context)
        except Terminated:
            raise
        except (Exception, SystemExit):
            run_logger(call.context).exception("The hook %s failed.", hooks.name_of(hook))


def flow_life(call: FlowCall) -> Life:
    """Tell a flow run from its creation to its final state."""
    if call.parent is not None and call.parent.halted:
        yield Join(call.parent.go_on)
    call.check_parent()
    if call.inputs:
        yield Join(call.take_inputs)
    try:
        yield Io(call.open)
        if call.reused is not None:
            return call.reused
        while True:
            state = yield from _flow_attempt(call)
            if call.ended or not state.is_scheduled():
                break
            yield from _between_tries(call)
        if call.flow.hooks is not None:
            yield from _tell(call, call.flow, call.hooks_at_end(state), state)
            yield Io(partial(call.recorder.drain, HURRIED_SECONDS))  # what they logged
        return state
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
    if state.is_failed() and not call.flow.retry.is_plain():
        state = call.to_be_retried(state, (yield from _next_try(call, call.flow, state)))
    elif state.is_cancelled() and call.flow.hooks is not None:
        cancelling = states.Cancelling(message=state.message)
        yield from _tell(call, call.flow, call.hooks_at_cancelling(), cancelling)
    return (yield Io(partial(call.end, state)))


def _between_tries(call: FlowCall) -> Generator[Effect, Any, None]:
    try:
        yield Sleep(call.seconds_until_due(), call.hold)
    except Cancellation:
        if call.stopped_from_above():
            raise
        # Cancelled while it waited: the authority's answer to the next begin says so.


def _flow_body(call: FlowCall) -> Life:
    context = call.context
    try:
        if call.flow.hooks is not None:
            yield from _tell(call, call.flow, "on_running", call.run.state)
        seconds = call.flow.timeout_seconds
        value = yield Call(call.body, call.args, call.kwargs, context, call.hold, seconds)
        yield Join(context.task_runner.close)
        if call.hold.halted:
            yield Join(call.hold.go_on)
        if value is None and context.tally is not None:
            state = context.tally.state()
        elif outcomes.refers(value):
            state = yield Join(partial(outcomes.of_value, value))
        else:
            state = keep(State(StateType.COMPLETED), value)
        return (yield Join(partial(keeping.finish_flow, call, state)))
    except BaseException as error:
        state = outcomes.of_flow_error(error, call.hold)
        yield Io(context.task_runner.cancel)
        yield Join(partial(call.wait_for_running, state))
        return (yield Join(partial(keeping.finish_flow, call, state)))
