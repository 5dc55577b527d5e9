"""Entry points of generators: what `Flow` and `Task` call when what they yield is to stream out.

The run begins with the first item that is asked for. What streams is not stored, and not cached.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from functools import partial
from typing import Any

from nbflow.engine import outcomes, run
from nbflow.engine.flow_call import FlowCall, FlowLike
from nbflow.engine.hosting import flow_run_here
from nbflow.engine.steps import flow_life, task_life
from nbflow.engine.streams import astream, stream
from nbflow.engine.task_call import TaskCall, TaskLike
from nbflow.model.states import State

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def stream_flow(
    flow: FlowLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None
) -> Generator[Any, Any, Any]:
    """Run a flow that is a generator: give what it yields, then return or raise as it does."""
    __tracebackhide__ = True
    call = FlowCall(flow, args, kwargs, wait_for)
    call.body = flow.fn
    state = yield from stream(flow_life(call))
    return run.flow_outcome(call, state, return_state=False)


async def astream_flow(
    flow: FlowLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None
) -> AsyncGenerator[Any, None]:
    """Run a flow that is an async generator: give what it yields, then raise as it does."""
    __tracebackhide__ = True
    call = FlowCall(flow, args, kwargs, wait_for)
    call.body = flow.fn
    final: list[State] = []
    async with aclosing(astream(flow_life(call), final.append)) as items:
        async for item in items:
            yield item
    run.flow_outcome(call, final[0], return_state=False)


def stream_task(
    task: TaskLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None
) -> Generator[Any, Any, Any]:
    """Run a task that is a generator: give what it yields, then return or raise as it does."""
    __tracebackhide__ = True
    inside = flow_run_here()
    if inside is None:
        again = partial(stream_task, task, args, kwargs, wait_for=wait_for)
        return (yield from stream_flow(run.Alone(again, task), (), {}))
    call = TaskCall(_unkept(task), inside, args, kwargs, wait_for)
    try:
        state = yield from stream(task_life(call))
    finally:
        call.publish()
    return outcomes.hand_out(state, return_state=False)


async def astream_task(
    task: TaskLike, args: Args, kwargs: Kwargs, *, wait_for: Any = None
) -> AsyncGenerator[Any, None]:
    """Run a task that is an async generator: give what it yields, then raise as it does."""
    __tracebackhide__ = True
    inside = flow_run_here()
    if inside is None:
        again = partial(astream_task, task, args, kwargs, wait_for=wait_for)
        async with aclosing(astream_flow(run.Alone(again, task), (), {})) as items:
            async for item in items:
                yield item
        return
    call = TaskCall(_unkept(task), inside, args, kwargs, wait_for)
    final: list[State] = []
    try:
        async with aclosing(astream(task_life(call), final.append)) as items:
            async for item in items:
                yield item
    finally:
        call.publish()
    outcomes.hand_out(final[0], return_state=False)


def _unkept(task: Any) -> Any:
    """Give a task whose body is the generator itself and whose value nobody stores."""
    streaming = copy.copy(task)
    streaming.body, streaming.persist_result = task.fn, False
    streaming.cache_policy = streaming.cache_key_fn = None
    return streaming
