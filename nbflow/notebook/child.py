"""`run_notebook`: a notebook, now, from Python; in a flow or a task it is a child run.

The notebook is executed by `running`, on a thread of its own, so that the caller may stand on an
event loop, and so that Ctrl-C, a cancelled parent or a time limit end the run and not half of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow import context, settings
from nbflow.connect import connect
from nbflow.engine import logs, resolve
from nbflow.engine.tracking import Tracking
from nbflow.exceptions import InvalidInput, NestedTooDeep
from nbflow.kernels import environments, specs
from nbflow.model import deploying, names, notebooks, slices
from nbflow.model import parameters as parameter_values
from nbflow.model.deploying import DeployRequest
from nbflow.model.run_options import Checkpoint, RunOptions
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import State
from nbflow.notebook import files, injecting, running
from nbflow.notebook.ran import NotebookRun
from nbflow.notebook.stopping import Reason, Stop
from nbflow.store import owners

if TYPE_CHECKING:
    from nbflow.engine.resolve import Input

#: how soon a wait hears of what no signal tells it: a cancelled parent, an interrupted thread
_LOOK_SECONDS = 0.2


def run_notebook(
    path: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    kernel_name: str | None = None,
    tags: Iterable[str] = (),
    checkpoint: Checkpoint = "failure",
    keep_kernel_seconds: float = 0.0,
    exports: Iterable[str] = (),
    cells: Iterable[str] = (),
    return_state: bool = False,
) -> NotebookRun:
    """Run a notebook now, and wait for it.

    `run_notebook("clean.ipynb", {"day": day}).result()["clean"]` is what its task `clean` put out.
    In a flow or a task it is a child run: cancelled with its parent, and not repeated by a later
    attempt of it once it has completed.

    Args:
        path: the notebook file; its folder is the working directory. `NB.ipynb:FLOW` runs a flow
            of it: only the cells it needs.
        parameters: laid over the defaults of its `parameters` cell; futures are waited for.
        name: the run's name; made up when left out.
        kernel_name: the notebook's own when left out.
        checkpoint: when variables are saved for `nbflow resume`: at a `failure`, at every `cell`,
            or `none`.
        keep_kernel_seconds: how long the kernel of a failed run stays.
        exports: nbconvert exporters whose output is stored with the run, such as `html`.
        cells: only these cells (names or ids) are executed.
        return_state: also give a run that did not complete, instead of raising.

    Raises InvalidNotebook, ParameterError, InvalidInput before anything starts; FailedRun,
    CrashedRun, CancelledRun for a run that ended so.
    """
    __tracebackhide__ = True
    options = _options(checkpoint, keep_kernel_seconds, exports, cells)
    call = NotebookCall(path, parameters, name, kernel_name, tags, options)
    return _handed_out(call.run(), return_state)


async def arun_notebook(
    path: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    kernel_name: str | None = None,
    tags: Iterable[str] = (),
    checkpoint: Checkpoint = "failure",
    keep_kernel_seconds: float = 0.0,
    exports: Iterable[str] = (),
    cells: Iterable[str] = (),
    return_state: bool = False,
) -> NotebookRun:
    """Run a notebook now, and await it (as `run_notebook`)."""
    __tracebackhide__ = True
    options = _options(checkpoint, keep_kernel_seconds, exports, cells)
    call = NotebookCall(path, parameters, name, kernel_name, tags, options)
    return _handed_out(await call.arun(), return_state)


def _options(
    checkpoint: Checkpoint, keep: float, exports: Iterable[str], cells: Iterable[str]
) -> RunOptions:
    return RunOptions(checkpoint, keep, exports=_several(exports), cells=_several(cells))


def _several(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _handed_out(run: NotebookRun, return_state: bool) -> NotebookRun:
    __tracebackhide__ = True
    if not return_state:
        run.result()
    return run


def new_run(
    path: str | os.PathLike[str],
    values: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    kernel_name: str | None = None,
    function: str | None = None,
    options: RunOptions | None = None,
    created_by: str = "code",
) -> NewFlowRun:
    """Give a run of a notebook in this process, everything checked that can be before a kernel is.

    Raises InvalidNotebook, ParameterError, InvalidInput.
    """
    file, text = files.read(path)
    options = options or RunOptions()
    request = DeployRequest(
        file, kernel_name=kernel_name, parameters=values or {}, function=function
    )
    kernels = specs.known()
    checked = deploying.deployment_of(
        request, notebook_text=text, path=file, kernels=kernels, host=socket.gethostname()
    )
    environments.check(replace(checked, options=options.to_json()))
    if options.cells:
        _check_cells(text, options, function, name=Path(file).name)
    complete = parameter_values.check(
        checked.parameter_schema, checked.parameters, what=Path(file).name
    )
    if complete:
        language = kernels[checked.kernel_name].language
        injecting.check(complete, kernel_name=checked.kernel_name, language=language)
    named: dict[str, Any] = {} if name is None else {"name": names.check_name(name)}
    return NewFlowRun(
        flow_name=checked.flow_name,
        kind="notebook",
        parameters=complete,
        path=file,
        kernel_name=checked.kernel_name,
        owner=owners.current(),
        created_by=created_by,
        function=checked.function,
        options=options.to_json(),
        **named,
    )


def _check_cells(text: str, options: RunOptions, function: str | None, *, name: str) -> None:
    if function is not None:
        said = "A flow in a notebook runs the cells it needs; cells cannot be chosen besides."
        raise InvalidInput(said, code="options.cells", field="cells")
    slices.cells_slice(notebooks.parse(text, name=name), options.cells)


class NotebookCall:
    """One call of `run_notebook`: a run made, executed on a thread, and waited for."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        values: Mapping[str, Any] | None,
        name: str | None,
        kernel_name: str | None,
        tags: Iterable[str],
        options: RunOptions,
    ) -> None:
        self._path = path
        self._values = dict(values or {})
        self._asked: dict[str, Any] = {"name": name, "kernel_name": kernel_name, "options": options}
        self._tags = frozenset(names.check_tags(tags)) | context.current_tags()
        around = context.here()
        self._inside = around and around.flow_context
        self._inputs: list[Input] = resolve.inputs((), self._values)
        self._tracking: Tracking | None = None
        self._stop = Stop()
        self._done = threading.Event()
        self._on_done: list[Any] = []
        self._run: FlowRun
        self._state: State | None = None
        self._error: BaseException | None = None

    # -- the two ways to wait -------------------------------------------------------------------
    def run(self) -> NotebookRun:
        """Execute, and wait on this thread."""
        __tracebackhide__ = True
        reused = self._begin()
        if reused is not None:
            return reused
        try:
            while not self._done.wait(_LOOK_SECONDS):
                self._check()
        except BaseException as error:
            self._end_early(error)
            raise
        return self._ended()

    async def arun(self) -> NotebookRun:
        """Execute, and wait on the running event loop."""
        __tracebackhide__ = True
        reused = await asyncio.to_thread(self._begin)
        if reused is not None:
            return reused
        try:
            while not self._done.is_set():
                await self._arest()
                self._check()
        except BaseException as error:
            self._stop.ask(_reason(error))
            while not self._done.is_set():
                await self._arest()
            self._ended()
            raise
        return await asyncio.to_thread(self._ended)

    async def _arest(self) -> None:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        self._on_done.append(lambda: loop.call_soon_threadsafe(woken.set))
        if not self._done.is_set():
            try:
                await asyncio.wait_for(woken.wait(), _LOOK_SECONDS)
            except TimeoutError:
                pass
        self._on_done.clear()

    def _check(self) -> None:
        """Raise Cancellation if the run around must stop."""
        if self._inside is not None:
            self._inside.hold.check()

    def _end_early(self, error: BaseException) -> None:
        """End the run because its caller was interrupted; a second interrupt hurries it."""
        while not self._done.is_set():
            try:
                self._stop.ask(_reason(error))
                while not self._done.wait(_LOOK_SECONDS):
                    continue
            except BaseException as again:
                error = again
        self._ended()

    # -- begin and end --------------------------------------------------------------------------
    def _begin(self) -> NotebookRun | None:
        """Start the run; give instead the one that an earlier attempt of the parent completed."""
        inside = self._inside
        if inside is not None:
            inside.hold.check()
            if inside.hold.halted:
                inside.hold.go_on()
        resolve.wait(self._inputs, f"Notebook {self._path}")
        _, values = resolve.values((), self._values)
        path, function = deploying.split(os.fspath(self._path))
        new = new_run(path, values, function=function, **self._asked)
        new = replace(new, tags=tuple(sorted(self._tags)))
        parent = inside.flow_run.id if inside else os.environ.get("NBFLOW_FLOW_RUN_ID") or None
        _check_depth(new.flow_name, parent)
        new = replace(new, parent_flow_run_id=parent)
        if inside is not None:
            self._tracking = Tracking(inside, new, resolve.task_run_ids(self._inputs))
            new = replace(new, parent_task_run_id=self._tracking.run.id)
            reused = self._tracking.reused(lambda run: NotebookRun(run, run.state))
            if reused is not None:
                return reused.result()
        self._start(new)
        return None

    def _start(self, new: NewFlowRun) -> None:
        logs.set_up()
        settings.ensure_home()
        backend = connect()
        self._run = backend.create_flow_run(new)
        if self._tracking is not None:
            self._tracking.enter(State(self._run.state.type))
        name = f"nbflow-notebook-{self._run.name}"
        threading.Thread(target=self._execute, name=name, daemon=False).start()

    def _execute(self) -> None:
        try:
            attempt = self._run.attempt
            self._state = running.run_now(connect(), self._run.id, attempt, stop=self._stop)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()
            for tell in tuple(self._on_done):
                tell()

    def _ended(self) -> NotebookRun:
        """Take the run's end to its parent; give it. Raises what its execution itself raised."""
        if self._error is not None:
            raise self._error
        run = connect().read_flow_run(self._run.id)
        state = self._state or run.state
        if self._tracking is not None:
            self._tracking.enter(state)
        if self._inside is not None and self._inside.tally is not None:
            self._inside.tally.ended(run.id, state)
        return NotebookRun(run, state)


def _reason(error: BaseException) -> Reason:
    return "interrupt" if isinstance(error, KeyboardInterrupt) else "cancelled"


def _check_depth(flow_name: str, parent: str | None) -> None:
    """Raise NestedTooDeep where notebooks run notebooks without end: each in another process."""
    depth, above = 0, parent
    while above is not None and depth < settings.nesting_limit:
        depth += 1
        above = connect().read_flow_run(above).parent_flow_run_id
    if depth >= settings.nesting_limit:
        raise NestedTooDeep(
            f"Notebook {flow_name} is run by {depth} runs, one in another.",
            hint="Does a notebook run itself? The setting nesting_limit says how deep they may.",
        )
