"""`@flow` and `Flow`: a function whose call is a recorded run; and finding one by its entrypoint.

How a call runs is `nbflow.engine`'s work; here is what a user writes.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, Unpack, overload

from nbflow import engine
from nbflow.engine import hooks, options
from nbflow.engine.entrypoints import UserFlow
from nbflow.engine.hooks import H
from nbflow.engine.options import FlowOptions
from nbflow.exceptions import InvalidInput
from nbflow.model.names import check_name, shown
from nbflow.task_runners import runner_of

if TYPE_CHECKING:
    from nbflow.deployments import Deployable
    from nbflow.model.deployments import Deployment
    from nbflow.model.diagrams import Diagram
    from nbflow.model.runs import FlowRun

P = ParamSpec("P")
R = TypeVar("R")


class Flow(hooks.Hooked, UserFlow, Generic[P, R]):
    """A flow; call it to run it here and now.

    A call inside another flow or a task is a child run. A call takes two more arguments:
    `wait_for=[…]`, futures that must complete first, and `return_state=True`, to get the final
    State instead of the value or the exception.

    Attributes:
        fn: the function itself; calling it records nothing.
        triggers: what runs it, too, once deployed (`automations.triggered_by`); None: nothing said.
    """

    triggers: tuple[Mapping[str, Any], ...] | None = None

    def __init__(self, fn: Callable[P, R], **asked: Unpack[FlowOptions]) -> None:
        self._asked = options.known(asked, FlowOptions, what="flow")
        self._made_of = fn
        self.fn: Callable[P, R] = getattr(fn, "__func__", fn) if _is_wrapped(fn) else fn
        self.signature = options.signature(self.fn, what="flow")
        self._describe(asked)
        self.retry = options.retry_policy(asked, "flows")
        self.retries = self.retry.retries
        self.retry_delay_seconds = self.retry.delays[0] if self.retry.delays else 0.0
        self.timeout_seconds = options.seconds(
            asked.get("timeout_seconds"), field="timeout_seconds"
        )
        self.task_runner = runner_of(asked.get("task_runner"))
        self._say(asked)
        self._keep(asked)
        self.hooks = hooks.checked(asked, hooks.OF_FLOWS)
        self.isgenerator = options.streams(self.fn)
        #: what a run calls: the function, or what makes a list of what a generator yields
        self.body = options.whole(self.fn)
        self.isasync = inspect.iscoroutinefunction(self.body)
        functools.update_wrapper(self, self.fn, updated=())

    def _describe(self, asked: FlowOptions) -> None:
        fn, name = self.fn, asked.get("name")
        called = options.name_of(fn).replace("_", "-")
        self.name = check_name(called if name is None else name)
        self.description = options.description(asked.get("description"), fn)
        self.flow_run_name = options.run_name(
            asked.get("flow_run_name"), self.signature, field="flow_run_name"
        )
        self._version = options.text(asked.get("version"), field="version")

    def _say(self, asked: FlowOptions) -> None:
        self.validate_parameters = options.flag(
            asked.get("validate_parameters", True), field="validate_parameters"
        )
        self.fail_on_task_failure = options.flag(
            asked.get("fail_on_task_failure", False), field="fail_on_task_failure"
        )
        self.log_prints = options.flag(asked.get("log_prints"), field="log_prints", optional=True)

    def _keep(self, asked: FlowOptions) -> None:
        """Take the options of results; what they may be, their own modules say."""
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

    @property
    def version(self) -> str | None:
        """Give the version: what was said, else a digest of the source file; None in a notebook."""
        return self._version if self._version is not None else _digest_of_source(self.fn)

    def __repr__(self) -> str:
        return f"<Flow {shown(self.name)}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from nbflow.model import cards

        return cards.of_flow(self.name, self.description, self.signature).bundle()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the flow; give its value, or raise what it raised (`async`: awaitable).

        Raises ParameterBindError, ParameterTypeError: the run is then recorded as Failed.
        """
        __tracebackhide__ = True
        asked: dict[str, Any] = {k: kwargs.pop(k) for k in options.RESERVED if k in kwargs}
        if self.isgenerator and not asked.get("return_state"):
            asked.pop("return_state", None)
            stream = engine.streaming.astream_flow if self.isasync else engine.streaming.stream_flow
            return stream(self, args, kwargs, **asked)  # pyright: ignore[reportReturnType]
        if self.isasync:
            return engine.run.arun_flow(self, args, kwargs, **asked)  # pyright: ignore[reportReturnType]
        return engine.run.run_flow(self, args, kwargs, **asked)

    def visualize(self, *args: P.args, **kwargs: P.kwargs) -> Diagram:
        """Draw the flow: its body is run with each task replaced by a tracker.

        All other code of the body really runs. A task whose value the body looks at needs
        `@task(viz_return_value=…)`. Shown as a picture in a notebook; `.mermaid()`, `.svg()` and
        `.text()` give it otherwise. Raises InvalidInput when the body fails.
        """
        from nbflow.engine import drawing  # asyncio costs more than the rest of nbflow

        return drawing.draw(self, args, kwargs)

    def generate_mermaid_graph(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Draw the flow, as `visualize` does, in Mermaid's language."""
        return self.visualize(*args, **kwargs).mermaid()

    def deploy(self, name: str | None = None, **asked: Any) -> Deployment:
        """Deploy this flow: of its script or module, or of the notebook that is open.

        Args:
            name: the deployment's; the flow's own when left out.
            asked: what `nbflow.deploy` takes: `parameters`, `cron`, `work_pool_name`, …

        Of a notebook the saved file is deployed, with the cells the flow needs. Raises
        InvalidInput when it is not saved as it ran (after `%load_ext nbflow`), or the flow is not
        at the top of a file; and what `nbflow.deploy` raises.
        """
        from nbflow import deployments

        return deployments.deploy(self, name=name, **asked)

    def to_deployment(self, name: str | None = None, **asked: Any) -> Deployable:
        """Give this flow and how it is to be deployed, for `nbflow.deploy` and `nbflow.serve`."""
        from nbflow import deployments

        return deployments.Deployable(self, {"name": name, **asked})

    def serve(
        self, name: str | None = None, *, limit: int = 5, pause_on_shutdown: bool = True,
        **asked: Any,
    ) -> None:  # fmt: skip
        """Deploy this flow and run it when asked or due, until Ctrl-C or SIGTERM.

        Args:
            limit: how many of its runs go on at once.
            pause_on_shutdown: pause its schedules when this ends.
            asked: what `nbflow.deploy` takes.

        Raises what `deploy` raises.
        """
        from nbflow import deployments

        served = self.to_deployment(name, **asked)
        deployments.serve(served, limit=limit, pause_on_shutdown=pause_on_shutdown)

    def is_of_notebook(self) -> bool:
        """Say whether a cell's code defines it: its file is none."""
        fn = inspect.unwrap(self.fn)
        code = getattr(fn, "__code__", None)
        top = fn.__module__ == "__main__" and fn.__name__ == fn.__qualname__
        return top and code is not None and not os.path.isfile(code.co_filename)

    def resume(self, flow_run_id: str, run_input: Any = None, *, return_state: bool = False) -> R:
        """Resume a suspended run of this flow, and execute it here, from the top.

        Tasks whose results were kept are not called again, and pauses that were answered are passed
        over. Gives and raises what a call does; raises NotFound, Conflict, and InvalidInput for an
        input that is not what the pause asks for.
        """
        __tracebackhide__ = True
        return self._again(engine.again.resumed(self, flow_run_id, run_input), return_state)

    def retry_run(self, flow_run_id: str, *, return_state: bool = False) -> R:
        """Execute an ended run of this flow that did not complete once more, here (as `resume`)."""
        __tracebackhide__ = True
        return self._again(engine.again.retried(self, flow_run_id), return_state)

    def _again(self, flow_run: FlowRun, return_state: bool) -> Any:
        __tracebackhide__ = True
        execute = engine.run.arun_again if self.isasync else engine.run.run_again
        return execute(self, flow_run, return_state=return_state)

    @overload
    def __get__(self, instance: None, owner: type, /) -> Flow[P, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> Flow[..., R]: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:
        """Give the flow as a method: bound to the instance (or class) it is asked of."""
        if isinstance(self._made_of, staticmethod):
            return self
        if isinstance(self._made_of, classmethod):
            instance = type(instance) if owner is None else owner
        return self if instance is None else _FlowMethod(self, instance)

    def with_options(self, **changes: Unpack[FlowOptions]) -> Flow[P, R]:
        """Give a copy with other options (those of `@flow`). Raises InvalidInput."""
        asked: dict[str, Any] = {**self._asked, **(self.hooks or {}), **changes}
        made = Flow(self._made_of, **asked)
        made.triggers = self.triggers
        return made

    def on_cancellation(self, fn: H) -> H:
        """Call a function when a run is being cancelled (a decorator). Raises InvalidInput."""
        return self._hooked("on_cancellation", fn)

    def on_crashed(self, fn: H) -> H:
        """Call a function when a run has crashed (a decorator). Raises InvalidInput."""
        return self._hooked("on_crashed", fn)


class _FlowMethod(Flow[P, R]):
    """A flow asked of an instance or a class, which becomes its first argument."""

    def __init__(self, flow: Flow[..., R], instance: Any) -> None:
        self.__dict__.update(flow.__dict__)
        self._flow = flow
        self._instance = instance
        self.fn = MethodType(flow.fn, instance)  # pyright: ignore[reportAttributeAccessIssue]

    def __repr__(self) -> str:
        return f"<Flow {shown(self.name)} of {shown(self._instance)}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the flow; give its value, or raise what it raised (`async`: awaitable)."""
        __tracebackhide__ = True
        return self._flow(self._instance, *args, **kwargs)

    def with_options(self, **changes: Unpack[FlowOptions]) -> Flow[P, R]:
        """Give a copy with other options (those of `@flow`). Raises InvalidInput."""
        return _FlowMethod(self._flow.with_options(**changes), self._instance)

    def _hooked(self, name: str, fn: H) -> H:
        return self._flow._hooked(name, fn)


def _no_notebook() -> str:
    """Give the notebook this process is the kernel of, if it was told."""
    path = Path(os.environ.get("JPY_SESSION_NAME") or "")
    if path.is_absolute():
        return str(path)
    raise InvalidInput(
        "This process does not know which notebook it works for.", code="notebook.unknown",
        field="path", hint="Name the file: nbflow.deploy('NOTEBOOK.ipynb:FLOW').",
    )  # fmt: skip


#: gives the path of the notebook that is open, saved as it ran; `%load_ext nbflow` looks closer
open_notebook: Callable[[], str] = _no_notebook


def _is_wrapped(fn: Any) -> bool:
    return isinstance(fn, (staticmethod, classmethod))


@functools.lru_cache(maxsize=64)
def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    except OSError:
        return None


def _digest_of_source(fn: Callable[..., Any]) -> str | None:
    code = getattr(inspect.unwrap(fn), "__code__", None)
    return None if code is None else _digest(Path(code.co_filename))


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(**asked: Unpack[FlowOptions]) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Any = None, /, **asked: Any) -> Any:
    """Make a function a flow.

    Args:
        fn: the function or method; plain, `async`, or a generator of either kind.
        name: the function's name, with `-` for `_`, when left out.
        version: a digest of the source file when left out.
        description: Markdown; the docstring when left out.
        flow_run_name: a template over the parameters (`"report-{day}"`), or a function that gives
            one; adjective-animal when left out.
        retries: how many times a failed run is tried again, as a whole.
        retry_delay_seconds: before each retry; a list gives one for each, the last repeats; a
            function gives the list for a number of retries.
        retry_jitter_factor: draw each delay around its value, up to so many times it away.
        retry_condition_fn: `fn(flow, run, state)`, sync or async: whether to try again at all.
        timeout_seconds: how long one attempt may take; it is then TimedOut, a failure.
        validate_parameters: coerce arguments to the annotated types, as pydantic does.
        task_runner: where `.submit` runs tasks: an instance, a class or a name of
            `nbflow.task_runners`.
        fail_on_task_failure: a flow that returns None ends as its task runs and child runs did.
        log_prints: turn `print` into log lines; None: as the flow around does.
        persist_result: keep the value beyond this process, also of the tasks inside.
        result_storage: where; a path or an fsspec URL.
        result_serializer: how: `"pickle"`, `"json"`, `"compressed/pickle"`, or an instance.
        result_storage_key: a template of the key to keep it under.
        cache_result_in_memory: False drops the value once it is stored.
        on_completion, on_failure, on_cancellation, on_crashed, on_running: hooks,
            `fn(flow, flow_run, state)`, sync or async.

    Raises InvalidInput.
    """
    if fn is None:
        options.known(asked, FlowOptions, what="flow")
        return functools.partial(Flow, **asked)
    return Flow(fn, **asked)


def load_flow_from_entrypoint(entrypoint: str) -> Flow[..., Any]:
    """Import and give a flow: `"path.py:name"`, `"module:name"` or `"module.name"`.

    The flow's file is imported, not run as a program, and may import its neighbours. Raises
    InvalidInput, NotFound, and what the import raises.
    """
    return engine.entrypoints.load(entrypoint, Flow)
