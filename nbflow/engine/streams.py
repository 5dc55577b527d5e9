"""Generators as tasks and flows: what they yield streams out, and they are RUNNING until the end.

The third and fourth driver: as `drive` and `adrive`, but the body is advanced step by step, its
context entered only while it runs. Submitted, or asked for its state, such a run gives a list.
How `Flow` and `Task` begin a stream is in `streaming`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from nbflow.engine.drive import aperform, perform
from nbflow.engine.interrupts import Cancellation
from nbflow.engine.steps import Call, Effect
from nbflow.model import clock
from nbflow.model.states import State

_Life = Generator[Effect, Any, State]
Stream = Generator[Any, Any, State]


def stream(life: _Life) -> Stream:
    """Carry out a life, yielding what its body yields; give the final state.

    Closed early, it ends the life before it returns: its reader will not come back.
    """
    step: Callable[[Any], Effect] = life.send
    outcome: Any = None
    gone = False
    while True:
        try:
            effect = step(outcome)
        except StopIteration as end:
            return end.value
        try:
            if isinstance(effect, Call):
                body = _Body(effect, gone=gone)
                item = body.advance(next, body.items)
                while item is not _END:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        gone = True
                        item = body.advance(body.close)
                    except BaseException as error:  # thrown in by the reader: the body reacts
                        item = body.advance(body.items.throw, error)
                    else:
                        item = body.advance(body.items.send, sent)
                outcome = body.returned
            else:
                outcome = perform(effect)
            step = life.send
        except BaseException as error:
            outcome, step = error, life.throw


_END = object()


class _Body:
    """A generator that is the body of a run; only its own time counts, not its reader's."""

    def __init__(self, effect: Call, *, gone: bool) -> None:
        if gone:  # it failed while it was closed: nobody would read another try
            raise Cancellation("cancelled")
        self._effect = effect
        self._left = effect.seconds
        self.items: Any = effect.fn(*effect.args, **effect.kwargs)
        self.returned: Any = None

    def advance(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Let the body run to its next item and give it; `_END` when there is none."""
        try:
            return perform(self._call(self._timed if self._left else fn, fn, args))
        except StopIteration as end:
            self.returned = end.value
            return _END

    async def aadvance(self, fn: Callable[..., Any]) -> Any:
        """Await the next item and give it; `_END` when there is none."""
        try:
            return await aperform(self._call(self._atimed if self._left else fn, fn, ()))
        except StopAsyncIteration:
            return _END

    def close(self) -> Any:
        """Close the generator; there is no next item."""
        self.items.close()
        return _END

    async def aclose(self) -> Any:
        """Close the async generator; there is no next item."""
        await self.items.aclose()
        return _END

    def _call(self, way: Callable[..., Any], fn: Callable[..., Any], args: tuple[Any, ...]) -> Call:
        given = args if way is fn else (fn, *args)
        return self._effect._replace(fn=way, args=given, kwargs={}, seconds=self._left)

    def _timed(self, fn: Callable[..., Any], *args: Any) -> Any:
        began = clock.monotonic()
        try:
            return fn(*args)
        finally:
            self._spend(clock.monotonic() - began)

    async def _atimed(self, fn: Callable[..., Any]) -> Any:
        began = clock.monotonic()
        try:
            return await fn()
        finally:
            self._spend(clock.monotonic() - began)

    def _spend(self, seconds: float) -> None:
        if self._left is not None:
            self._left = max(self._left - seconds, 1e-6)


async def astream(life: _Life, ended: Callable[[State], None]) -> AsyncGenerator[Any, None]:
    """Carry out a life on the running loop, yielding what its body yields; tell the final state."""
    step: Callable[[Any], Effect] = life.send
    outcome: Any = None
    gone = False
    while True:
        try:
            effect = step(outcome)
        except StopIteration as end:
            ended(end.value)
            return
        try:
            if isinstance(effect, Call):
                body = _Body(effect, gone=gone)
                item = await body.aadvance(body.items.__anext__)
                while item is not _END:
                    try:
                        yield item
                    except GeneratorExit:
                        gone = True
                        item = await body.aadvance(body.aclose)
                    else:
                        item = await body.aadvance(body.items.__anext__)
                outcome = None
            else:
                outcome = await aperform(effect)
            step = life.send
        except BaseException as error:
            outcome, step = error, life.throw
