"""The two drivers: they carry out a life's steps, `drive` at once and `adrive` on an event loop.

A run's context is entered here, around the call of user code, and nowhere else.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

from nbflow import context, futures
from nbflow.engine import hooks, interrupts, lease, timeouts
from nbflow.engine.logs import prints
from nbflow.engine.steps import Ask, Call, Effect, Io, Join, Rest, Sleep
from nbflow.model.states import State

_Life = Generator[Effect, Any, State]


def drive(life: _Life, *, interruption: BaseException | None = None) -> State:
    """Carry out a life on this thread; an interruption is thrown in first."""
    while True:
        try:
            return _drive(life, interruption)
        except BaseException as error:
            if inspect.getgeneratorstate(life) == inspect.GEN_CLOSED:
                raise
            interruption = error  # Ctrl-C struck between two steps: the life has to hear of it


def _drive(life: _Life, interruption: BaseException | None) -> State:
    step: Callable[[Any], Effect] = life.send if interruption is None else life.throw
    outcome: Any = interruption
    while True:
        try:
            effect = step(outcome)
        except StopIteration as end:
            return end.value
        try:
            if type(effect) is Call and effect.seconds is None:  # the most frequent by far
                outcome, step = _call(effect), life.send
            else:
                outcome, step = perform(effect), life.send
        except BaseException as error:
            outcome, step = error, life.throw


async def adrive(life: _Life) -> State:
    """Carry out a life on the running event loop."""
    step: Callable[[Any], Effect] = life.send
    outcome: Any = None
    while True:
        try:
            effect = step(outcome)
        except StopIteration as end:
            return end.value
        try:
            outcome, step = await aperform(effect), life.send
        except GeneratorExit:  # the coroutine was thrown away: nothing can be awaited any more
            _end_now(life)
            raise
        except BaseException as error:
            outcome, step = error, life.throw


def _end_now(life: _Life) -> None:
    import asyncio

    # GeneratorExit itself would close the steps inside instead of letting them end the run.
    thrown_away = asyncio.CancelledError()
    with suppress(asyncio.CancelledError):
        drive(life, interruption=thrown_away)


def perform(effect: Effect) -> Any:
    """Carry out one step on this thread."""
    if isinstance(effect, Call):
        if effect.seconds is not None:
            return timeouts.call(partial(_call, effect), effect.seconds)
        return _call(effect)
    if isinstance(effect, Io):
        with interrupts.held_back():
            return effect.work()
    if isinstance(effect, Join):
        return effect.work()
    if isinstance(effect, Ask):
        return _ask(effect)
    if isinstance(effect, Rest):
        with futures.parked():
            return effect.claim.wait(effect.seconds)
    with futures.parked():  # a task that waits for its next try keeps no other from running
        return effect.hold.pause(effect.seconds)


def _ask(effect: Ask) -> Any:
    token = context.enter(effect.context)
    try:
        return hooks.call(effect.fn, effect.args)
    finally:
        context.leave(token)


def _call(effect: Call) -> Any:
    fn, args, kwargs, run, hold, _ = effect
    token = context.enter(run)
    try:
        if hold is None and not run.log_prints:
            return fn(*args, **kwargs)
        with _around(effect, _on_this_thread):
            return fn(*args, **kwargs)
    finally:
        context.leave(token)


async def aperform(effect: Effect) -> Any:
    """Carry out one step on the running event loop."""
    if isinstance(effect, Call):
        if effect.seconds is not None:
            return await timeouts.acall(partial(_acall, effect), effect.seconds)
        return await _acall(effect)
    if isinstance(effect, Io):
        return await _to_the_end(effect.work)
    if isinstance(effect, Join):
        return await _joined(effect.work)
    if isinstance(effect, Ask):
        return await _aask(effect)
    if isinstance(effect, Rest):
        with futures.parked():
            return await effect.claim.await_(effect.seconds)
    return await _asleep(effect)


async def _aask(effect: Ask) -> Any:
    token = context.enter(effect.context)
    try:
        return await hooks.acall(effect.fn, effect.args)
    finally:
        context.leave(token)


async def _acall(effect: Call) -> Any:
    fn, args, kwargs, run, _, _ = effect
    token = context.enter(run)
    try:
        with _around(effect, _on_this_loop):
            return await fn(*args, **kwargs)
    finally:
        context.leave(token)


async def _asleep(effect: Sleep) -> None:
    import asyncio

    with futures.parked():
        await asyncio.sleep(effect.seconds)
    effect.hold.check()


async def _joined(work: Callable[[], Any]) -> Any:
    """Wait for other runs on a thread of its own: those of asyncio may all be waiting."""
    import asyncio
    from concurrent.futures import Future

    ended: Future[Any] = Future()
    here = contextvars.copy_context()

    def wait() -> None:
        ended.set_running_or_notify_cancel()
        try:
            ended.set_result(here.run(work))
        except BaseException as error:
            ended.set_exception(error)

    threading.Thread(target=wait, name="nbflow-join", daemon=True).start()
    with futures.parked():
        return await asyncio.wrap_future(ended)


async def _to_the_end(work: Callable[[], Any]) -> Any:
    """Do something on a thread; being cancelled does not leave it half done."""
    import asyncio

    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _around(
    effect: Call, interruptible: Callable[[Any], AbstractContextManager[None]]
) -> ExitStack:
    stack = ExitStack()
    if effect.context.log_prints:
        stack.enter_context(prints)
    if effect.hold is not None:
        stack.enter_context(interruptible(effect.hold))
    return stack


def _on_this_thread(hold: lease.Hold) -> AbstractContextManager[None]:
    if threading.current_thread() is threading.main_thread():
        return hold.interruptible(interrupts.interrupt_main)
    return _interruptible_here(hold)


@contextmanager
def _interruptible_here(hold: lease.Hold) -> Iterator[None]:
    # What blocks in C goes on until it returns; only then, or at its next task, does it stop.
    thread = threading.get_ident()
    try:
        with hold.interruptible(partial(interrupts.cancel_in, thread)):
            yield
    finally:
        interrupts.spare(thread)


def _on_this_loop(hold: lease.Hold) -> AbstractContextManager[None]:
    return hold.interruptible(_cancel_current_task())


def _cancel_current_task() -> Callable[[], None]:
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    return lambda: loop.call_soon_threadsafe(_cancel, task) and None


def _cancel(task: Any) -> None:
    task.cancel()
