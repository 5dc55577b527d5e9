"""Entry points: run a flow, run a task, submit a task. What `Flow` and `Task` call."""

from __future__ import annotations

import contextvars
import inspect
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from nbflow.context import FlowRunContext
from nbflow.engine import interrupts, mapping, outcomes, slots
from nbflow.engine.again import CallAgain
from nbflow.engine.drive import adrive, drive
from nbflow.engine.flow_call import FlowCall, FlowLike, PlainFlow
from nbflow.engine.hosting import HostedRun, flow_run_here
from nbflow.engine.interrupts import Cancellation
from nbflow.engine.steps import flow_life, task_life
from nbflow.engine.task_call import TaskCall, TaskLike
from nbflow.exceptions import CancelledRun, NbflowError
from nbflow.futures import Future, FutureList
from nbflow.model import states, texts
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import State, error_of, keep

_log = logging.getLogger("nbflow.engine")

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


# -- flows ------------------------------------------------------------------------------------
def run_flow(
    flow: FlowLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None, return_state: bool = False
) -> Any:
    """Run a flow to its end; give its value or its state, or raise what it raised."""
    __tracebackhide__ = True
    call = FlowCall(flow, args, kwargs, wait_for)
    with interrupts.terminable():
        state = drive(flow_life(call))
    return flow_outcome(call, state, return_state=return_state)


async def arun_flow(
    flow: FlowLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None, return_state: bool = False
) -> Any:
    """Run an `async` flow to its end; give its value or its state, or raise what it raised."""
    __tracebackhide__ = True
    call = FlowCall(flow, args, kwargs, wait_for)
    with interrupts.terminable(interrupts.ending_here()):
        state = await adrive(flow_life(call))
    return flow_outcome(call, state, return_state=return_state)


def run_again(flow: FlowLike, run: FlowRun, *, return_state: bool = False) -> Any:
    """Execute a run that waits for it once more, here and now; give what `run_flow` gives."""
    __tracebackhide__ = True
    call = CallAgain(flow, run)
    with interrupts.terminable():
        state = drive(flow_life(call))
    return flow_outcome(call, state, return_state=return_state)


async def arun_again(flow: FlowLike, run: FlowRun, *, return_state: bool = False) -> Any:
    """Execute a run of an `async` flow that waits for it once more."""
    __tracebackhide__ = True
    call = CallAgain(flow, run)
    with interrupts.terminable(interrupts.ending_here()):
        state = await adrive(flow_life(call))
    return flow_outcome(call, state, return_state=return_state)


def flow_outcome(call: FlowCall, state: State, *, return_state: bool) -> Any:
    """Give the caller of a flow what its run came to."""
    __tracebackhide__ = True
    if isinstance(error_of(state), Cancellation) and not call.stopped_from_above():
        keep(state, error=CancelledRun(state.message))
    return outcomes.hand_out(state, return_state=return_state)


# -- tasks ------------------------------------------------------------------------------------
def run_task(
    task: TaskLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None, return_state: bool = False
) -> Any:
    """Run a task here and now; give its value or its state, or raise what it raised."""
    __tracebackhide__ = True
    inside = flow_run_here()
    if inside is None:
        return _run_alone(task, args, kwargs, wait_for, return_state)
    call = TaskCall(task, inside, args, kwargs, wait_for)
    state = drive(task_life(call))
    call.publish()
    return outcomes.hand_out(state, return_state=return_state)


async def arun_task(
    task: TaskLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None, return_state: bool = False
) -> Any:
    """Run an `async` task; give its value or its state, or raise what it raised."""
    __tracebackhide__ = True
    inside = flow_run_here()
    if inside is None:
        return await _arun_alone(task, args, kwargs, wait_for, return_state)
    call = TaskCall(task, inside, args, kwargs, wait_for)
    state = await adrive(task_life(call))
    call.publish()
    return outcomes.hand_out(state, return_state=return_state)


def submit_task(task: TaskLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None) -> Future[Any]:
    """Start a task on the task runner of the flow run around; give its future."""
    inside = flow_run_here()
    if inside is None:
        return _submit_alone(task, [(args, kwargs)], wait_for)[0]
    return _submit(task, inside, args, kwargs, wait_for)


def map_task(
    task: TaskLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None
) -> FutureList[Any]:
    """Start a task for each item of the arguments that can be mapped over; give the futures."""
    each, upstream = mapping.calls(args, kwargs, what=f"Task {task.name}")
    if upstream:
        wait_for = [*(wait_for or ()), *upstream]
    elif wait_for is not None:
        wait_for = list(wait_for)  # each call looks at it
    inside = flow_run_here()
    if inside is None:
        return _submit_alone(task, list(each), wait_for)
    return FutureList(_submit(task, inside, a, k, wait_for) for a, k in each)


def _submit(
    task: TaskLike, inside: FlowRunContext, args: Args, kwargs: Kwargs, wait_for: Any
) -> Future[Any]:
    call, runner = TaskCall(task, inside, args, kwargs, wait_for), inside.task_runner
    if runner.elsewhere:
        from nbflow.engine import elsewhere  # multiprocessing costs 15 ms

        elsewhere.send(call, runner)
    is_async = inspect.iscoroutinefunction(call.fn)
    submission = Submission(call, is_async=is_async)
    if is_async:
        runner.start_async(submission)
    elif not (call.tags and slots.stands_in_line(call, submission, runner)):
        runner.start(submission)
    if runner.at_once:
        _interrupted_as(submission.future.state)
    return submission.future


def _interrupted_as(state: State) -> None:
    """Raise what interrupted a task that was run where it was submitted: it was meant for both."""
    error = error_of(state)
    if isinstance(error, (KeyboardInterrupt, Cancellation)):
        raise error


class Submission:
    """A task call on its way to a task runner, which runs it once or drops it."""

    __slots__ = ("call", "context", "future")

    def __init__(self, call: TaskCall, *, is_async: bool) -> None:
        self.call = call
        self.context = contextvars.copy_context()
        self.future: Future[Any] = Future(call, on_loop=is_async)

    def __call__(self) -> None:
        """Run the task on this thread."""
        try:
            state = self.context.run(drive, task_life(self.call))
        except BaseException as error:
            state = self._broken(error)
        if self.call.claim is not None:
            self.call.claim.give_back()
        self.future.settle(state)

    async def arun(self) -> None:
        """Run the task on this event loop."""
        try:
            state = await adrive(task_life(self.call))
        except BaseException as error:
            state = self._broken(error)
        self.future.settle(state)

    def drop(self) -> None:
        """Note that the task will never run."""
        if not self.future.done():
            message = "The flow run ended before this task began."
            self.future.settle(self.call.enter(states.Cancelled(message=message)))
            if self.call.claim is not None:
                self.call.claim.give_back()

    def _broken(self, error: BaseException) -> State:
        # Not the task's own error (its life turns that into a state): nobody may wait for ever.
        _log.error("Task run %s could not be told to its end.", self.call.name, exc_info=error)
        state = keep(states.Crashed(message=texts.of_error(error)), error=error)
        with suppress(NbflowError):
            self.call.enter(state)
        return state


# -- tasks with no flow around ----------------------------------------------------------------
class Alone(PlainFlow):
    """The small flow that a task called outside any run gets, named after it."""

    def __init__(self, fn: Callable[..., Any], task: TaskLike) -> None:
        self.fn = fn
        self.name = task.name
        self.log_prints = task.log_prints


def _run_alone(
    task: TaskLike, args: Args, kwargs: Kwargs, wait_for: Any, return_state: bool
) -> Any:
    def body() -> State:
        return run_task(task, args, kwargs, wait_for=wait_for, return_state=True)

    flow = Alone(body, task)
    return run_flow(flow, (), {}, return_state=return_state)


async def _arun_alone(
    task: TaskLike, args: Args, kwargs: Kwargs, wait_for: Any, return_state: bool
) -> Any:
    async def body() -> State:
        return await arun_task(task, args, kwargs, wait_for=wait_for, return_state=True)

    flow = Alone(body, task)
    return await arun_flow(flow, (), {}, return_state=return_state)


def _submit_alone(
    task: TaskLike, calls: list[tuple[Args, Kwargs]], wait_for: Any
) -> FutureList[Any]:
    if not calls:
        return FutureList()
    host = HostedRun(NewFlowRun(flow_name=task.name))
    futures = FutureList(_submit(task, host.context, a, k, wait_for) for a, k in calls)
    # Not a daemon: the script may end before the tasks do.
    finish = partial(_finish_alone, host, futures)
    threading.Thread(target=finish, name="nbflow-task-alone", daemon=False).start()
    return futures


def _finish_alone(host: HostedRun, futures: FutureList[Any]) -> None:
    host.finish(outcomes.of_value(futures if len(futures) > 1 else futures[0]))
