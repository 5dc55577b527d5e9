"""`@task` and `Task`: a function whose calls are recorded, retried, and can be submitted.

How a call runs is `nbflow.engine`'s work; here is what a user writes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, overload

from nbflow.engine import options, run
from nbflow.futures import Future
from nbflow.model.names import check_name, check_tags
from nbflow.model.runs import TaskKind

P = ParamSpec("P")
R = TypeVar("R")

Name = str | Callable[[], str]


class Task(Generic[P, R]):
    """A task; call it, or `submit` it.

    Inside a flow a call is a task run of that flow run; outside any it gets a small flow run of its
    own. A call takes two more arguments: `wait_for=[…]`, futures that must complete first, and
    `return_state=True`, to get the final State instead of the value or the exception.
    """

    kind: TaskKind = "task"
    cell_id: str | None = None

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] = (),
        task_run_name: Name | None = None,
        retries: int = 0,
        retry_delay_seconds: float | Sequence[float] = 0,
        log_prints: bool | None = None,
    ) -> None:
        self.signature = options.signature(fn, what="task")
        self.fn = fn
        self.name = check_name(options.name_of(fn) if name is None else name)
        self.description = options.description(description, fn)
        self.tags = tuple(sorted(check_tags(tuple(tags) if isinstance(tags, set) else tags)))
        self.task_run_name = task_run_name
        self.retries = options.retries(retries)
        self.retry_delays = options.delays(retry_delay_seconds)
        self.log_prints = log_prints
        self.key = f"{fn.__module__}.{getattr(fn, '__qualname__', self.name)}"
        self.isasync = inspect.iscoroutinefunction(fn)
        functools.update_wrapper(self, fn, updated=())

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task here and now (`async`: await it); give its value, or raise."""
        __tracebackhide__ = True
        asked = _asked(kwargs)
        if self.isasync:
            return run.arun_task(self, args, kwargs, **asked)  # pyright: ignore[reportReturnType]
        return run.run_task(self, args, kwargs, **asked)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[Any]:
        """Start the task on the flow's task runner and give its Future at once.

        Futures among the arguments are waited for and replaced by their values.
        """
        return run.submit_task(self, args, kwargs, wait_for=kwargs.pop("wait_for", None))

    def with_options(self, **changes: Any) -> Task[P, R]:
        """Give a copy with other options (those of `@task`). Raises InvalidInput."""
        before = {
            "name": self.name,
            "description": self.description,
            "tags": self.tags,
            "task_run_name": self.task_run_name,
            "retries": self.retries,
            "retry_delay_seconds": self.retry_delays,
            "log_prints": self.log_prints,
        }
        return Task(self.fn, **{**before, **changes})


def _asked(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: kwargs.pop(name) for name in options.RESERVED if name in kwargs} if kwargs else {}


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] = (),
    task_run_name: Name | None = None,
    retries: int = 0,
    retry_delay_seconds: float | Sequence[float] = 0,
    log_prints: bool | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Any = None, /, **kwargs: Any) -> Any:
    """Make a function a task.

    Args:
        fn: the function; plain or `async`.
        name: the function's name when left out.
        description: Markdown; the docstring when left out.
        tags: given to every run.
        task_run_name: a template over the parameters (`"clean-{day}"`), or a function giving one.
        retries: how many times a failed run is tried again.
        retry_delay_seconds: before each retry; a list gives one for each, the last repeats.
        log_prints: turn `print` into log lines; None: as the flow does.

    Raises InvalidInput.
    """
    if fn is None:
        return functools.partial(Task, **kwargs)
    return Task(fn, **kwargs)
