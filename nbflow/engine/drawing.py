"""Drawing a flow: its body is run with tasks and flows replaced by trackers.

All other code of the body really runs. While nothing is drawn a call of a task costs nothing for
this: the engine's entry points are exchanged for as long as a drawing lasts, and calls from
elsewhere are passed on.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from nbflow.annotations import Annotation
from nbflow.engine import run
from nbflow.exceptions import InvalidInput
from nbflow.model.diagrams import Box, Diagram
from nbflow.model.texts import of_error

#: how deep collections among the arguments are looked through for what tasks gave
_DEEPEST = 6
#: values that are the same object everywhere
_SHARED = (bool, type(None), type(...), type(NotImplemented))


class Tracked:
    """What a task would give, while its flow is being drawn; `result()` and `wait()` give it."""

    def __init__(self, box: str, name: str) -> None:
        self._box = box
        self._name = name

    def __repr__(self) -> str:
        return f"<what {self._name} would give>"

    def result(self, *_: Any, **__: Any) -> Any:
        """Give what the task would give: this."""
        return self

    def wait(self, *_: Any, **__: Any) -> None:
        """Wait for nothing."""


class _TrackedList(list[Tracked]):
    """What a mapped task would give."""

    def result(self, *_: Any, **__: Any) -> list[Tracked]:
        """Give what the task runs would give."""
        return list(self)

    def wait(self, *_: Any, **__: Any) -> None:
        """Wait for nothing."""


class _Sheet:
    """What has been drawn so far."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.arrows: list[tuple[str, str]] = []
        self._given: dict[int, tuple[Any, str]] = {}  # the value is held, or its id would be reused

    def call(self, task: Any, inputs: Any) -> Any:
        """Draw one call; give what the body gets for it."""
        box = self._box(task.name, inputs)
        given = getattr(task, "viz_return_value", None)
        if given is None:
            return Tracked(box, task.name)
        if not isinstance(given, _SHARED):
            self._given[id(given)] = (given, box)
        return given

    def map(self, task: Any, args: Any, kwargs: Any, wait_for: Any) -> Any:
        """Draw a mapped call as one box."""
        box = self._box(f"{task.name} (map)", (args, kwargs, wait_for))
        lists = [a for a in (*args, *kwargs.values()) if isinstance(a, (list, tuple, range))]
        count = max(map(len, lists), default=1)
        return _TrackedList(Tracked(box, task.name) for _ in range(count))

    def _box(self, label: str, inputs: Any) -> str:
        box = str(len(self.boxes))
        self.boxes.append(Box(box, label))
        self.arrows += [(source, box) for source in self._sources(inputs, 0)]
        return box

    def _sources(self, value: Any, depth: int) -> Iterator[str]:
        if isinstance(value, Tracked):
            yield value._box
        elif id(value) in self._given:
            yield self._given[id(value)][1]
        elif isinstance(value, Annotation):
            yield from self._sources(value.value, depth + 1)
        elif depth < _DEEPEST and isinstance(value, Mapping):
            yield from self._sources(tuple(value.values()), depth + 1)
        elif depth < _DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
            for item in value:
                yield from self._sources(item, depth + 1)


_sheet: ContextVar[_Sheet | None] = ContextVar("nbflow_sheet", default=None)


def draw(flow: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Diagram:
    """Run a flow's body with trackers for tasks; give what was drawn. Raises InvalidInput."""
    sheet = _Sheet()
    with _trackers:
        try:
            _run_body(sheet, flow, args, kwargs)
        except Exception as error:
            raise InvalidInput(
                f"Flow {flow.name} cannot be drawn: its body raised {of_error(error)}",
                code="flow.visualize",
                hint="Tasks give no values while a flow is drawn: say what the body needs with"
                " `@task(viz_return_value=…)`, or draw a finished run.",
            ) from error
    return Diagram(flow.name, tuple(sheet.boxes), tuple(sheet.arrows))


def _run_body(sheet: _Sheet, flow: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Run the body to its end; on a thread, for there may be an event loop on this one."""
    error: list[BaseException] = []

    def body() -> None:
        _sheet.set(sheet)
        try:
            value = flow.fn(*args, **kwargs)
            if inspect.isasyncgen(value):
                asyncio.run(_exhaust(value))
            elif inspect.isawaitable(value):
                asyncio.run(_awaited(value))
            elif inspect.isgenerator(value):
                for _ in value:
                    pass
        except BaseException as raised:
            error.append(raised)

    inside = contextvars.copy_context()
    thread = threading.Thread(target=inside.run, args=(body,), name="nbflow-drawing")
    thread.start()
    thread.join()
    if error:
        raise error[0]


async def _awaited(value: Any) -> Any:
    return await value


async def _exhaust(value: Any) -> None:
    async for _ in value:
        pass


def _one(original: Callable[..., Any]) -> Callable[..., Any]:
    def called(what: Any, args: Any, kwargs: Any, *, wait_for: Any = None, **asked: Any) -> Any:
        sheet = _sheet.get()
        if sheet is None:
            return original(what, args, kwargs, wait_for=wait_for, **asked)
        return sheet.call(what, (args, kwargs, wait_for))

    return called


def _awaitable(original: Callable[..., Any]) -> Callable[..., Any]:
    drawn = _one(original)

    async def called(what: Any, args: Any, kwargs: Any, **asked: Any) -> Any:
        given = drawn(what, args, kwargs, **asked)
        return given if _sheet.get() is not None else await given

    return called


def _all(original: Callable[..., Any]) -> Callable[..., Any]:
    def called(what: Any, args: Any, kwargs: Any, *, wait_for: Any = None) -> Any:
        sheet = _sheet.get()
        if sheet is None:
            return original(what, args, kwargs, wait_for=wait_for)
        return sheet.map(what, args, kwargs, wait_for)

    return called


_EXCHANGED = {
    "run_task": _one,
    "arun_task": _awaitable,
    "submit_task": _one,
    "map_task": _all,
    "run_flow": _one,
    "arun_flow": _awaitable,
}


class _Trackers:
    """The engine's entry points exchanged while somebody draws."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._originals: dict[str, Any] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._originals = {name: getattr(run, name) for name in _EXCHANGED}
                for name, exchange in _EXCHANGED.items():
                    setattr(run, name, exchange(self._originals[name]))

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for name, original in self._originals.items():
                    setattr(run, name, original)


_trackers = _Trackers()
