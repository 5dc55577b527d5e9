"""Calls made in other processes: what goes there, what happens there, and what comes back.

The task's life stays here (`steps`); only the call of its function is packed, sent through a task
runner of `nbflow.task_runners`, and carried out there inside the run's context. There, what the
function records goes to the same authority, through a recorder of that process.
"""

from __future__ import annotations

import inspect
import logging
import pickle
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow import connect, context, settings
from nbflow.context import FlowRunContext, TaskRunContext
from nbflow.engine import lease, logs, outcomes, parameters, recorder
from nbflow.engine.drive import adrive, drive
from nbflow.engine.interrupts import Cancellation
from nbflow.engine.options import whole
from nbflow.engine.packing import pack, pack_error, unpack_error
from nbflow.engine.recordable import recordable
from nbflow.engine.steps import Call
from nbflow.engine.timeouts import Overrun
from nbflow.exceptions import Unsendable
from nbflow.futures import Future
from nbflow.logging import handlers
from nbflow.model import masking, rows, texts
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.task_runners.elsewhere import CallStopped, Elsewhere
from nbflow.task_runners.threads import ThreadPoolTaskRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.engine.task_call import TaskCall

#: how long a call waits, when it has ended, for the authority to take its records
_PATIENCE_SECONDS = 5.0


class _Luggage(NamedTuple):
    """What all calls of one flow run take along."""

    flow_run: FlowRun
    parameters: Mapping[str, Any]
    settings: dict[str, Any]
    log_level: int
    in_executed_notebook: bool


class _Label(NamedTuple):
    """What one call says of itself."""

    task_name: str
    row: rows.Row  # of its task run
    name: str
    depth: int
    tags: frozenset[str]
    secrets: frozenset[str]
    log_prints: bool
    flow_log_prints: bool


# -- here -------------------------------------------------------------------------------------
def send(call: TaskCall, runner: Elsewhere) -> None:
    """Have a task's function called elsewhere: the runner, too, sees to how long that may take."""
    call.fn = partial(_sent, call, runner)
    call.seconds = None


def _sent(call: TaskCall, runner: Elsewhere, *args: Any, **kwargs: Any) -> Any:
    if runner.luggage is None:
        runner.luggage = _luggage(call.flow)
    label = _Label(
        task_name=call.task.name,
        row=call.row(),
        name=call.name,
        depth=call.context.depth,
        tags=context.current_tags(),
        secrets=masking.registered(),
        log_prints=call.context.log_prints,
        flow_log_prints=call.flow.log_prints,
    )
    work = pack(call.task.fn, args, kwargs, what=f"Task {call.task.name}")
    parcel = pickle.dumps((runner.luggage, pickle.dumps(label), work), protocol=5)
    seconds = call.task.timeout_seconds
    try:
        answer = runner.call(perform, parcel, what=call.name, timeout=seconds)
    except CallStopped:
        raise Cancellation("cancelled") from None
    except TimeoutError:
        overrun = Overrun(seconds or 0.0)
        overrun.home = True
        raise overrun from None
    return _opened(answer, call.name)


def _luggage(flow: FlowRunContext) -> bytes:
    told = _Luggage(
        flow_run=flow.flow_run,
        parameters=flow.parameters,
        settings=settings.without_secrets(),
        log_level=logging.getLogger("nbflow").level,
        in_executed_notebook=handlers.in_executed_notebook(),
    )
    import cloudpickle

    try:
        return cloudpickle.dumps(told)
    except Exception:  # a flow may be called with what only its own process can hold
        return pickle.dumps(told._replace(parameters=recordable(flow.parameters)))


def _opened(answer: bytes | memoryview, what: str) -> Any:
    ended_well, content = pickle.loads(answer)
    if not ended_well:
        raise unpack_error(content)
    try:
        return pickle.loads(content)
    except Exception as error:
        raise Unsendable(
            f"What {what} returned cannot be read here: {texts.of_error(error)}.",
            code="result.unsendable",
            hint="Return plain data.",
        ) from error


# -- there ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _There:
    """A task run whose life is told in another process (what a TaskRunContext asks of a call)."""

    task: _TaskThere
    label: _Label
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def run(self) -> TaskRun:
        """Give the task run as it was when the call began."""
        return rows.task_run(self.label.row)

    @property
    def id(self) -> str:
        """Give the task run's id."""
        return self.run.id

    @property
    def name(self) -> str:
        """Give the task run's name."""
        return self.label.name

    def parameters(self) -> Mapping[str, Any]:
        """Give the arguments by name; nothing when they do not fit the signature."""
        return parameters.by_name(inspect.signature(self.task.fn), self.args, self.kwargs)


@dataclass(frozen=True)
class _TaskThere:
    """A task, as far as it is known where only its function was sent."""

    fn: Callable[..., Any]
    name: str


def perform(parcel: bytes) -> bytes:
    """Carry out a call that was packed in another process; give the packed answer."""
    try:
        luggage, label, work = pickle.loads(parcel)
        return pickle.dumps((True, _performed(_unpacked(luggage), pickle.loads(label), work)))
    except BaseException as error:
        return pickle.dumps((False, pack_error(error)))


def _unpacked(luggage: bytes) -> _Luggage:
    global _last
    before = _last
    if before is None or before[0] != luggage:
        _last = before = (luggage, pickle.loads(luggage))
        settings.override(**before[1].settings)
        logging.getLogger("nbflow").setLevel(before[1].log_level)
        handlers.of_executed_notebook = before[1].in_executed_notebook
    return before[1]


#: the luggage of the last call, packed and unpacked: the next one's is mostly the same
_last: tuple[bytes, _Luggage] | None = None


def _performed(luggage: _Luggage, label: _Label, work: bytes) -> bytes:
    logs.set_up()
    for secret in label.secrets:
        masking.register_secret(secret)
    with _arrived(luggage, label) as inside:
        try:
            fn, args, kwargs = pickle.loads(work)
        except Exception as error:
            raise Unsendable(
                f"Task {label.task_name} cannot be read in the other process: "
                f"{texts.of_error(error)}.",
                hint="What it imports must be installed there, too.",
            ) from error
        task = _TaskThere(fn, label.task_name)
        run = TaskRunContext(
            _There(task, label, args, kwargs),
            inside,
            log_prints=label.log_prints,
            depth=label.depth,
        )
        with context.tags(*label.tags):
            value = _called(Call(whole(fn), args, kwargs, run))
        return _packed_value(value, label.task_name)


def _called(call: Call) -> Any:
    def life() -> Any:
        return (yield call)

    if not inspect.iscoroutinefunction(call.fn):
        return drive(life())
    import asyncio

    return asyncio.run(adrive(life()))  # pyright: ignore[reportArgumentType]


def _packed_value(value: Any, name: str) -> bytes:
    if outcomes.refers(value):  # a future does not leave its process; what became of it does
        value = _told(value)
    return pack(value, what=f"What task {name} returned", code="result.unsendable")


def _told(value: Any) -> Any:
    if isinstance(value, Future):
        value.wait()
        return value.state
    return [_told(item) for item in value] if isinstance(value, (list, tuple, set)) else value


@contextmanager
def _arrived(luggage: _Luggage, label: _Label) -> Iterator[FlowRunContext]:
    """Give the flow run's context in this process; wait for what was started in it, at the end."""
    run, kept = luggage.flow_run, _Kept()
    recording: Any = kept  # it passes on what it does not know
    hold = lease.hold(run.id, run.attempt, backend=None)  # its own process renews it
    runner = ThreadPoolTaskRunner()
    try:
        yield FlowRunContext(
            run,
            recorder=recording,
            hold=hold,
            task_runner=runner,
            parameters=luggage.parameters,
            log_prints=label.flow_log_prints,
        )
    except BaseException:
        runner.cancel()
        raise
    finally:
        runner.close()
        kept.drain()
        lease.release(hold)


_opening = threading.Lock()
_opened_for: dict[int, recorder.Recorder] = {}


class _Kept:
    """This process's recorder, opened at a call's first record: most calls make none.

    It stays open for the calls that follow. Each call drains it: the process may end at any time.
    """

    def __init__(self) -> None:
        self._recorder: recorder.Recorder | None = None

    def __getattr__(self, name: str) -> Any:
        with _opening:
            if self._recorder is None:
                self._recorder = _recorder()
        return getattr(self._recorder, name)

    def drain(self, patience: float = _PATIENCE_SECONDS) -> bool:
        """Send what was recorded; what cannot be sent now stays in the spool."""
        return self._recorder is None or self._recorder.drain(patience)

    def flush(self) -> None:
        """Put on disk what was recorded."""
        if self._recorder is not None:
            self._recorder.flush()


def _recorder() -> recorder.Recorder:
    backend = connect.connect()  # a Dask worker may make calls for several stores
    if id(backend) not in _opened_for:
        _opened_for[id(backend)] = recorder.open_for(backend)
    return _opened_for[id(backend)]
