"""`@task` and `Task`: a function whose calls are recorded, retried, and can be submitted.

How a call runs is `nbflow.engine`'s work; here is what a user writes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, Unpack, overload

from nbflow import engine
from nbflow.annotations import unmapped
from nbflow.engine import hooks, options, retrying
from nbflow.engine.hooks import H
from nbflow.engine.options import TaskOptions
from nbflow.exceptions import InvalidInput
from nbflow.model.names import check_name, shown

if TYPE_CHECKING:
    from nbflow.futures import Future, FutureList
    from nbflow.model.runs import TaskKind

P = ParamSpec("P")
R = TypeVar("R")


class Task(hooks.Hooked, Generic[P, R]):
    """A task; call it, or `submit` it.

    Inside a flow a call is a task run of that flow run; outside any it gets a small flow run of its
    own. A call takes two more arguments: `wait_for=[…]`, futures that must complete first, and
    `return_state=True`, to get the final State instead of the value or the exception.

    Attributes:
        fn: the function itself; calling it records nothing.
    """

    kind: TaskKind = "task"
    cell_id: str | None = None

    def __init__(self, fn: Callable[P, R], **asked: Unpack[TaskOptions]) -> None:
        self._asked = options.known(asked, TaskOptions, what="task")
        self._made_of = fn
        self.fn: Callable[P, R] = getattr(fn, "__func__", fn) if _is_wrapped(fn) else fn
        self.signature = options.signature(self.fn, what="task")
        self._describe(asked)
        self.retry = options.retry_policy(asked, "tasks")
        self.retries = self.retry.retries
        self.retry_delay_seconds = self.retry.delays
        self.timeout_seconds = options.seconds(
            asked.get("timeout_seconds"), field="timeout_seconds"
        )
        self.log_prints = options.flag(asked.get("log_prints"), field="log_prints", optional=True)
        self.hooks = hooks.checked(asked, hooks.OF_TASKS)
        self.viz_return_value = asked.get("viz_return_value")
        self._keep(asked)
        self.isgenerator = options.streams(self.fn)
        #: what a run calls: the function, or what makes a list of what a generator yields
        self.body = options.whole(self.fn)
        self.isasync = inspect.iscoroutinefunction(self.body)
        self._is_plain = not (self.isasync or self.isgenerator)
        functools.update_wrapper(self, self.fn, updated=())

    def _describe(self, asked: TaskOptions) -> None:
        fn, name = self.fn, asked.get("name")
        self.name = check_name(options.name_of(fn) if name is None else name)
        self.version = options.text(asked.get("version"), field="version")
        self.description = options.description(asked.get("description"), fn)
        self.tags = options.tags(asked.get("tags"))
        self.task_run_name = options.run_name(
            asked.get("task_run_name"), self.signature, field="task_run_name"
        )
        self.key = f"{fn.__module__}.{getattr(fn, '__qualname__', self.name)}"

    def _keep(self, asked: TaskOptions) -> None:
        """Take the options of results and caching; what they may be, their own modules say."""
        if options.keeps(asked):
            engine.plans.check(asked)
        self.persist_result = options.flag(
            asked.get("persist_result"), field="persist_result", optional=True
        )
        self.result_storage = asked.get("result_storage")
        self.result_serializer = asked.get("result_serializer")
        self.result_storage_key = options.text(
            asked.get("result_storage_key"), field="result_storage_key"
        )
        self.cache_result_in_memory = options.flag(
            asked.get("cache_result_in_memory", True), field="cache_result_in_memory"
        )
        self.cache_policy = asked.get("cache_policy")
        self.cache_key_fn = options.function(asked.get("cache_key_fn"), field="cache_key_fn")
        self.cache_expiration = options.expiration(asked.get("cache_expiration"))
        self.refresh_cache = options.flag(
            asked.get("refresh_cache"), field="refresh_cache", optional=True
        )

    def __repr__(self) -> str:
        return f"<Task {shown(self.name)}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task here and now (`async`: await it); give its value, or raise."""
        __tracebackhide__ = True
        asked = _asked(kwargs)
        if self._is_plain:
            return engine.run.run_task(self, args, kwargs, **asked)
        return self._call(args, kwargs, asked)

    def _call(self, args: Any, kwargs: Any, asked: dict[str, Any]) -> Any:
        if self.isgenerator and not asked.get("return_state"):
            asked.pop("return_state", None)
            stream = engine.streaming.astream_task if self.isasync else engine.streaming.stream_task
            return stream(self, args, kwargs, **asked)
        way = engine.run.arun_task if self.isasync else engine.run.run_task
        return way(self, args, kwargs, **asked)

    @overload
    def __get__(self, instance: None, owner: type, /) -> Task[P, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> Task[..., R]: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:
        """Give the task as a method: bound to the instance (or class) it is asked of."""
        if isinstance(self._made_of, staticmethod):
            return self
        if isinstance(self._made_of, classmethod):
            instance = type(instance) if owner is None else owner
        return self if instance is None else _TaskMethod(self, instance)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[Any]:
        """Start the task on the flow's task runner and give its Future at once.

        Futures among the arguments are waited for and replaced by their values. With
        `return_state=True` wait for the final State and give that.
        """
        asked = _asked(kwargs)
        future = engine.run.submit_task(self, args, kwargs, wait_for=asked.get("wait_for"))
        return _ended(future) if asked.get("return_state") else future

    def map(self, *args: Any, **kwargs: Any) -> FutureList[Any]:
        """Start the task once for each item of the arguments; give the list of futures at once.

        Whatever can be iterated is mapped over, all of one length; text and `unmapped(x)` go to
        every call whole. A future of a list is waited for first. Takes `wait_for`, for all calls,
        and `return_state=True`, to wait for the final States and give those. Raises
        MappingLengthMismatch, MappingMissingIterable.
        """
        asked = _asked(kwargs)
        futures = engine.run.map_task(self, args, kwargs, wait_for=asked.get("wait_for"))
        return [_ended(future) for future in futures] if asked.get("return_state") else futures  # pyright: ignore[reportReturnType]

    def with_options(self, **changes: Unpack[TaskOptions]) -> Task[P, R]:
        """Give a copy with other options (those of `@task`). Raises InvalidInput."""
        asked: dict[str, Any] = {**self._asked, **(self.hooks or {}), **changes}
        return Task(self._made_of, **asked)

    def on_commit(self, fn: H) -> H:
        """Call a function when the transaction commits (a decorator). Raises InvalidInput."""
        return self._hooked("on_commit", fn)

    def on_rollback(self, fn: H) -> H:
        """Call a function when the transaction rolls back (a decorator). Raises InvalidInput."""
        return self._hooked("on_rollback", fn)


class _TaskMethod(Task[P, R]):
    """A task asked of an instance or a class, which becomes its first argument."""

    def __init__(self, task: Task[..., R], instance: Any) -> None:
        self.__dict__.update(task.__dict__)
        self._task = task
        self._instance = instance
        self.fn = MethodType(task.fn, instance)  # pyright: ignore[reportAttributeAccessIssue]

    def __repr__(self) -> str:
        return f"<Task {shown(self.name)} of {shown(self._instance)}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task here and now (`async`: await it); give its value, or raise."""
        __tracebackhide__ = True
        return self._task(self._instance, *args, **kwargs)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[Any]:
        """Start the task on the flow's task runner and give its Future at once."""
        return self._task.submit(self._instance, *args, **kwargs)

    def map(self, *args: Any, **kwargs: Any) -> FutureList[Any]:
        """Start the task once for each item of the arguments; give the list of futures at once."""
        return self._task.map(unmapped(self._instance), *args, **kwargs)

    def with_options(self, **changes: Unpack[TaskOptions]) -> Task[P, R]:
        """Give a copy with other options (those of `@task`). Raises InvalidInput."""
        return _TaskMethod(self._task.with_options(**changes), self._instance)

    def _hooked(self, name: str, fn: H) -> H:
        return self._task._hooked(name, fn)


def _is_wrapped(fn: Any) -> bool:
    return isinstance(fn, (staticmethod, classmethod))


def _asked(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: kwargs.pop(name) for name in options.RESERVED if name in kwargs} if kwargs else {}


def _ended(future: Future[Any]) -> Any:
    future.wait()
    return future.state


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(**asked: Unpack[TaskOptions]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Any = None, /, **asked: Any) -> Any:
    """Make a function a task.

    Args:
        fn: the function or method; plain, `async`, or a generator of either kind.
        name: the function's name when left out.
        version: yours to say.
        description: Markdown; the docstring when left out.
        tags: given to every run.
        task_run_name: a template over the parameters (`"clean-{day}"`), or a function giving one.
        retries: how many times a failed run is tried again.
        retry_delay_seconds: before each retry; a list gives one for each, the last repeats; a
            function gives the list for a number of retries (`exponential_backoff(2)`).
        retry_jitter_factor: draw each delay around its value, up to so many times it away.
        retry_condition_fn: `fn(task, run, state)`, sync or async: whether to try again at all.
        timeout_seconds: how long one attempt may take; it is then TimedOut, a failure.
        log_prints: turn `print` into log lines; None: as the flow does.
        persist_result: keep the value beyond this process; None: as the flow does.
        result_storage: where; a path or an fsspec URL.
        result_serializer: how: `"pickle"`, `"json"`, `"compressed/pickle"`, or an instance.
        result_storage_key: a template of the key to keep it under.
        cache_result_in_memory: False drops the value once it is stored.
        cache_policy: what makes a call the same as an earlier one (`nbflow.cache_policies`).
        cache_key_fn: `fn(context, parameters)`, giving the key; None: not cached.
        cache_expiration: for how long a stored value counts.
        refresh_cache: run although there is a stored value, and replace it.
        on_completion, on_failure, on_running: hooks, `fn(task, task_run, state)`, sync or async.
        on_commit, on_rollback: hooks of transactions, `fn(transaction)`.
        viz_return_value: what a call gives while the flow is being visualized.

    Raises InvalidInput.
    """
    if fn is None:
        options.known(asked, TaskOptions, what="task")
        return functools.partial(Task, **asked)
    return Task(fn, **asked)


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Give delays for `retry_delay_seconds` that double: factor·1, factor·2, factor·4 …

    Raises InvalidInput.
    """
    factor = options.seconds(backoff_factor, field="backoff_factor")
    if factor is None:
        raise InvalidInput("backoff_factor is None; it must be seconds.", field="backoff_factor")
    return retrying.backoff(factor)
