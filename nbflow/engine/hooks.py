"""Hooks: users' functions called in the run's process right after the run has entered a state.

Whatever a hook does, the state stays; its errors are logged. When which hook is called is told by
`steps`; `on_commit` and `on_rollback` are called by transactions.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from nbflow.exceptions import InvalidInput
from nbflow.model.names import shown
from nbflow.model.states import State, StateType

Hook = Callable[..., Any]
H = TypeVar("H", bound=Hook)
#: hooks by the option they came with; options without hooks are not in it
Hooks = dict[str, list[Hook]]

OF_FLOWS = ("on_completion", "on_failure", "on_cancellation", "on_crashed", "on_running")
OF_TASKS = ("on_completion", "on_failure", "on_running", "on_commit", "on_rollback")

_AT_END = {
    StateType.COMPLETED: "on_completion",
    StateType.FAILED: "on_failure",
    StateType.CRASHED: "on_crashed",
}


class Hooked:
    """What calls hooks of its runs; a decorator adds one after the definition."""

    hooks: Hooks | None

    def on_completion(self, fn: H) -> H:
        """Call a function when a run has completed (a decorator). Raises InvalidInput."""
        return self._hooked("on_completion", fn)

    def on_failure(self, fn: H) -> H:
        """Call a function when a run has failed for good (a decorator). Raises InvalidInput."""
        return self._hooked("on_failure", fn)

    def on_running(self, fn: H) -> H:
        """Call a function before each attempt (a decorator). Raises InvalidInput."""
        return self._hooked("on_running", fn)

    def _hooked(self, name: str, fn: H) -> H:
        self.hooks = added(self.hooks, name, fn)
        return fn


def checked(asked: Mapping[str, Any], names: Iterable[str]) -> Hooks | None:
    """Give the hooks among options; None when there are none. Raises InvalidInput."""
    hooks = {name: _list(asked[name], name) for name in names if asked.get(name) is not None}
    return {name: found for name, found in hooks.items() if found} or None


def _list(value: Any, field: str) -> list[Hook]:
    if callable(value):
        raise InvalidInput(
            f"{field} is a function; it takes a list of them.", field=field, hint="Put it in [ ]."
        )
    if not isinstance(value, (list, tuple)):
        raise InvalidInput(
            f"{field} is {shown(value)}; it must be a list of functions.", field=field
        )
    return [checked_hook(hook, f"{field}[{index}]") for index, hook in enumerate(value)]


def checked_hook(hook: Any, field: str) -> Hook:
    """Give a hook as it is. Raises InvalidInput for what cannot be called."""
    if not callable(hook):
        raise InvalidInput(
            f"{field} is {shown(hook)}, which cannot be called.",
            field=field,
            hint="A hook takes the flow or task, its run, and the state.",
        )
    return hook


def added(hooks: Hooks | None, name: str, hook: Any) -> Hooks:
    """Give the hooks with one more at the end. Raises InvalidInput."""
    before = hooks or {}
    return {**before, name: [*before.get(name, ()), checked_hook(hook, name)]}


def at_end(state: State) -> str | None:
    """Give the option whose hooks a final state calls."""
    return _AT_END.get(state.type)


def name_of(hook: Hook) -> str:
    """Give a hook's name for messages; a `partial` is called what its function is."""
    return getattr(getattr(hook, "func", hook), "__name__", type(hook).__name__)


def call(fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a function, sync or async, to its end on this thread or beside its event loop."""
    answer = fn(*args)
    return _finished(answer) if inspect.isawaitable(answer) else answer


async def acall(fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a function, sync or async, on the running event loop."""
    answer = fn(*args)
    return await answer if inspect.isawaitable(answer) else answer


def _finished(answer: Awaitable[Any]) -> Any:
    import asyncio

    async def finish() -> Any:
        return await answer

    if asyncio._get_running_loop() is None:
        return asyncio.run(finish())
    # A notebook's main thread runs a loop already: another one needs another thread.
    given: list[Any] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            given.append(asyncio.run(finish()))
        except BaseException as error:
            raised.append(error)

    inside = contextvars.copy_context()
    thread = threading.Thread(target=inside.run, args=(work,), name="nbflow-hook", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return given[0]
