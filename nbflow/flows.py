"""`@flow` and `Flow`: a function whose call is a recorded run.

How a call runs is `nbflow.engine`'s work; here is what a user writes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from nbflow.engine import options, run
from nbflow.model.names import check_name

P = ParamSpec("P")
R = TypeVar("R")

Name = str | Callable[[], str]


class Flow(Generic[P, R]):
    """A flow; call it to run it here and now.

    A call inside another flow or a task is a child run. A call takes two more arguments:
    `wait_for=[…]`, futures that must complete first, and `return_state=True`, to get the final
    State instead of the value or the exception.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        flow_run_name: Name | None = None,
        retries: int = 0,
        retry_delay_seconds: float = 0,
        validate_parameters: bool = True,
        task_runner: Any = None,
        log_prints: bool | None = None,
    ) -> None:
        self.signature = options.signature(fn, what="flow")
        self.fn = fn
        called = options.name_of(fn).replace("_", "-")
        self.name = check_name(called if name is None else name)
        self.description = options.description(description, fn)
        self.flow_run_name = flow_run_name
        self.retries = options.retries(retries)
        self.retry_delay_seconds = options.delay(retry_delay_seconds)
        self.validate_parameters = validate_parameters
        self.task_runner = task_runner() if isinstance(task_runner, type) else task_runner
        self.log_prints = log_prints
        self.isasync = inspect.iscoroutinefunction(fn)
        functools.update_wrapper(self, fn, updated=())

    def __repr__(self) -> str:
        return f"<Flow {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the flow; give its value, or raise what it raised (`async`: awaitable).

        Raises ParameterBindError, ParameterTypeError: the run is then recorded as Failed.
        """
        __tracebackhide__ = True
        asked: dict[str, Any] = {k: kwargs.pop(k) for k in options.RESERVED if k in kwargs}
        if self.isasync:
            return run.arun_flow(self, args, kwargs, **asked)  # pyright: ignore[reportReturnType]
        return run.run_flow(self, args, kwargs, **asked)

    def with_options(self, **changes: Any) -> Flow[P, R]:
        """Give a copy with other options (those of `@flow`). Raises InvalidInput."""
        before = {
            "name": self.name,
            "description": self.description,
            "flow_run_name": self.flow_run_name,
            "retries": self.retries,
            "retry_delay_seconds": self.retry_delay_seconds,
            "validate_parameters": self.validate_parameters,
            "task_runner": self.task_runner,
            "log_prints": self.log_prints,
        }
        return Flow(self.fn, **{**before, **changes})


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(
    *,
    name: str | None = None,
    description: str | None = None,
    flow_run_name: Name | None = None,
    retries: int = 0,
    retry_delay_seconds: float = 0,
    validate_parameters: bool = True,
    task_runner: Any = None,
    log_prints: bool | None = None,
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Any = None, /, **kwargs: Any) -> Any:
    """Make a function a flow.

    Args:
        fn: the function; plain or `async`.
        name: the function's name, with `-` for `_`, when left out.
        description: Markdown; the docstring when left out.
        flow_run_name: a template over the parameters (`"report-{day}"`), or a function that gives
            one; adjective-animal when left out.
        retries: how many times a failed run is tried again, as a whole.
        retry_delay_seconds: before each retry.
        validate_parameters: coerce arguments to the annotated types, as pydantic does.
        task_runner: where `.submit` runs tasks: an instance or a class of `nbflow.task_runners`.
        log_prints: turn `print` into log lines; None: as the flow around does.

    Raises InvalidInput.
    """
    if fn is None:
        return functools.partial(Flow, **kwargs)
    return Flow(fn, **kwargs)
