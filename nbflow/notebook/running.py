"""A notebook run from claim to final state: its source read, its kernel chosen, its end reported.

Shared by the process a worker launches (`execute`) and by `nbflow run`. What happens between the
first cell and the last is `attempt`'s. papermill and nbformat are imported when a run needs them.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbflow import flow_runs, settings
from nbflow.engine import lease, recorder
from nbflow.exceptions import Aborted, NbflowError
from nbflow.faults import fault
from nbflow.model import (
    clock,
    kernel_variables,
    run_options,
    states,
    texts,
    tokens,
)
from nbflow.model.backend import Backend
from nbflow.model.runs import Artifact, FlowRun, TaskRun
from nbflow.model.states import State
from nbflow.model.verdicts import Abort, Accept
from nbflow.notebook.cells import CellRuns
from nbflow.notebook.source import Source
from nbflow.notebook.stopping import Stop
from nbflow.rules import flow as rules
from nbflow.store import journal, mirroring, owners
from nbflow.store.spool import OUTAGES

if TYPE_CHECKING:
    from nbflow.notebook.attempt import Attempt
    from nbflow.notebook.kernel import KernelProcess
    from nbflow.notebook.past import Past

_log = logging.getLogger("nbflow.notebook")

#: how long the end of a run waits for a store that cannot be asked before it stays in the spool
_PATIENCE_SECONDS = 30.0

OnCell = Callable[[TaskRun], None]


def lighten() -> None:
    """Keep out of this process what makes `import nbformat` four times as slow (0.7 of 0.95 s).

    jsonschema imports these, where they are installed, to check the formats "iri", "duration" and
    "uri", and does without them otherwise; no notebook schema has such a format. For processes of
    our own only.
    """
    for name in ("rfc3987_syntax", "isoduration", "rfc3986_validator"):
        sys.modules.setdefault(name, None)  # pyright: ignore[reportArgumentType]


def run_now(
    backend: Backend,
    flow_run_id: str,
    attempt: int,
    *,
    on_cell: OnCell | None = None,
    stop: Stop | None = None,
    opened: Opened | None = None,
    opening: Opening | None = None,
) -> State:
    """Execute an attempt of a notebook run in this process, to its end. Gives the run's state.

    SIGINT and SIGTERM, in the main thread, and a cancel request end it; its lease is renewed here
    unless a worker does.

    Args:
        on_cell: called with each cell's task run as it now is; first once each, Pending.
        stop: another way to ask for the end.
        opened: the notebook; left out, it is found by what the run says.
        opening: gives it once the run's process may say what is wrong with it.

    Raises NotFound (the run), Aborted (another attempt has replaced this one).
    """
    run = backend.read_flow_run(flow_run_id)
    return _Run(backend, run, attempt, stop or Stop(), on_cell, opened, opening).to_the_end()


class Opened(Protocol):
    """A notebook that was found, checked, and can be executed."""

    cwd: str | None

    def execute(self, attempt: Attempt) -> None:
        """Execute it."""


Opening = Callable[[], Opened]


class _Run:
    """One attempt of a notebook run in this process."""

    def __init__(
        self,
        backend: Backend,
        run: FlowRun,
        attempt: int,
        stop: Stop,
        on_cell: OnCell | None,
        opened: Opened | None,
        opening: Opening | None,
    ) -> None:
        self.backend = backend
        self.run = run
        self.attempt = attempt
        self.stop = stop
        self.marker = f"{run.id}-{attempt}"
        self.options = run_options.of_json(run.options)
        self.asked_for = False
        #: when the authority was last asked whether the run is paused (`clock.monotonic`)
        self.asked_at = clock.monotonic()
        self.opened = opened
        self.opening = opening
        self.folder = journal.folder(f"runs/{run.id}/{attempt}")
        #: nobody but this process holds the run: it was started by hand
        self.by_hand = run.owner is None or run.owner.worker_id is None
        self.recorder = recorder.open_for(backend)
        self.cells = CellRuns(run.id, attempt, recorder=self.recorder, on_cell=on_cell)
        self.mirror = mirroring.Mirror(backend, run.id, attempt)

    def to_the_end(self) -> State:
        """Execute, and report the state. Gives the one the run really took."""
        try:
            with self.stop.on_signals():
                with self._held():
                    state = self._keep_notebook(self._state())
                    sent = self._send_all(state) and self._send_files()
                return self._report(state, sent=sent)
        finally:
            recorder.release(self.recorder)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lease; take its loss, or a cancel request heard with it, as one to stop.

        It is given back before the end is proposed: after that it would be called lost.
        """
        hold = lease.hold(self.run.id, self.attempt, backend=self.backend if self.by_hand else None)
        self.hold = hold
        with ExitStack() as stack:
            stack.callback(lease.release, hold)
            try:
                stack.enter_context(hold.interruptible(lambda: self._lease_ended(hold)))
            except lease.Cancellation:
                self._lease_ended(hold)
            yield

    def _lease_ended(self, hold: lease.Hold) -> None:
        self.stop.ask(hold.reason or "lost")
        if hold.reason == "lost":
            self.recorder.abandon(self.run.id)

    def _state(self) -> State:
        """Do the work; give the state to propose, also for what went wrong in nbflow itself."""
        try:
            self.asked_for = self._asked_for()
            before = self._past()
            source = self.opened or self._open(before)
            self._begin()
            self.mirror.start()
            return self._execute(source, before)
        except Aborted:
            raise
        except NbflowError as error:
            return states.Failed(message=str(error), details={"cause": error.code})
        except OSError as error:
            message = f"What the run put out could not be written: {error}"
            return states.Failed(message=message, details={"cause": "result.write_failed"})
        except Exception as error:
            _log.exception("the execution of run %s broke", self.run.id)
            message = f"The execution broke: {texts.of_error(error)}"
            return states.Crashed(message=message, details={"cause": "executor"})

    def _open(self, before: Past | None) -> Opened:
        if self.opening is not None:
            return self.opening()
        return Source(self.backend, self.run, before)

    def _past(self) -> Past | None:
        """Give what earlier attempts have left, if this one is to go on there."""
        if self.attempt == 1 or not self.options.resume:
            return None
        from nbflow.notebook.past import past

        mirroring.fetch_past(self.backend, self.run.id, self.attempt)
        return past(self.run.id, self.attempt)

    def _asked_for(self) -> bool:
        """Say whether a person asked for this attempt."""
        if self.attempt == 1:
            return False
        waited = [s for s in self.backend.list_states(self.run.id) if s.is_scheduled()]
        return bool(waited and waited[-1].details.get("by_hand"))

    def _running(self) -> State:
        if self.attempt == 1:
            return states.Running()
        return states.Rerunning() if self.asked_for else states.Retrying()

    def _begin(self) -> None:
        """Enter Running. Raises Aborted when the authority says no."""
        running = self._running()
        while True:
            verdict = self.backend.propose(self.run.id, running, attempt=self.attempt)
            if isinstance(verdict, Accept):
                return
            if isinstance(verdict, Abort) and not (verdict.state and verdict.state.is_cancelling()):
                raise Aborted(verdict.reason)
            if isinstance(verdict, Abort):
                self.stop.ask("cancelled")
                return
            if self.stop.wait(verdict.seconds):
                return

    def _execute(self, source: Opened, before: Past | None) -> State:
        from nbflow.notebook.attempt import Attempt
        from nbflow.notebook.resuming import Resuming

        settings.ensure_home()
        carrying = Resuming(
            self.folder, self.cells, self.options, past=before, asked=self.asked_for
        )
        attempt = Attempt(
            self.folder,
            self.cells,
            self.stop,
            env=kernel_environment(self.run, self.marker),
            source=self.run.path,
            cwd=source.cwd,
            cancelled=self._cancelled,
            pausing=self._pausing,
            start_seconds=settings.kernel_start_seconds,
            planning=carrying.plan,
            carrying=carrying,
            keeping=self._keep if self.options.keep_kernel_seconds else None,
        )
        try:
            source.execute(attempt)
        finally:
            left = owners.sweep(self.marker)
        if left:
            what = "process was" if left == 1 else "processes were"
            self._say(logging.WARNING, f"{left} leftover {what} ended.")
        assert attempt.state is not None
        return attempt.state

    def _keep(self, process: KernelProcess, state: State) -> State:
        """Keep the kernel of a run that failed, for as long as was asked."""
        if not state.is_failed() or process.dead.done():
            return state
        until = clock.now() + timedelta(seconds=self.options.keep_kernel_seconds)
        try:
            kept = process.keep(
                folder=self.folder, flow_run_id=self.run.id, attempt=self.attempt, until=until
            )
        except OSError as error:
            self._say(logging.WARNING, f"The kernel could not be kept: {error}")
            return state
        self._say(
            logging.INFO,
            f"The kernel is kept until {until:%Y-%m-%d %H:%M:%S} UTC. Attach with "
            f"`jupyter console --existing {kept.file}`, or choose it in JupyterLab.",
        )
        facts = {"id": kept.id, "until": until.isoformat()}
        return replace(state, details={**state.details, "kept_kernel": facts})

    def _pausing(self) -> Generator[float, None, State | None]:
        """Wait while the run is paused; give the state it ends in if it does not go on."""
        if not self._paused():
            return None
        after = (yield from flow_runs.outlast(self.backend, self.run.id, self.attempt)).state
        self.hold.resume()
        if after.leaves():
            return rules.confirmed(after)
        return states.Failed(message=after.message) if after.is_failed() else None

    def _paused(self) -> bool:
        """Say whether the run is paused; after a cell in which nothing may have been heard, ask."""
        if not self.hold.paused and clock.monotonic() - self.asked_at >= settings.record_seconds:
            with suppress(NbflowError):
                if self.backend.read_flow_run(self.run.id).state.is_paused():
                    self.hold.pause_from_outside()
            self.asked_at = clock.monotonic()
        return self.hold.paused

    def _cancelled(self) -> bool:
        """Say whether a request to stop means that somebody cancelled the run."""
        if self.stop.reason == "interrupt" and self.by_hand:
            return True
        try:
            return self.backend.read_flow_run(self.run.id).state.is_cancelling()
        except NbflowError:
            return False

    def _keep_notebook(self, state: State) -> State:
        """Make the executed notebook and its exports; give the state, which says what failed."""
        try:
            fault("exec.before_result_write")
            path = journal.assemble(self.folder, state)
        except OSError as error:
            return self._not_kept(state, error)
        if path is None:
            return state
        self._show(path, "The executed notebook.")
        if not self.options.exports or not state.is_final() or self.stop.reason is not None:
            return state
        from nbflow.notebook import exports

        message = state.message
        for made in exports.make(path, self.options.exports):
            if made.path is not None:
                self._show(made.path, f"The executed notebook as {made.format}.")
                continue
            problem = f"The export to {made.format} failed: {made.problem}"
            self._say(logging.ERROR, problem)
            message = f"{message} {problem}{'' if problem.endswith('.') else '.'}"
        return replace(state, message=message)

    def _not_kept(self, state: State, error: OSError) -> State:
        """Give the state of a run whose notebook could not be written: it did not complete."""
        message = f"The executed notebook could not be written: {error}."
        self._say(logging.ERROR, message)
        if not state.is_completed():
            return state
        message += " All of its code had run; what it showed is in its journal."
        return states.Failed(message=message, details={"cause": "result.write_failed"})

    def _show(self, path: Path, said: str) -> None:
        shown = path if self.backend.shares_home() else path.relative_to(settings.home())
        data = {"path": str(shown)}
        artifact = Artifact("notebook", data, description=said, flow_run_id=self.run.id)
        self.recorder.artifact(artifact)

    def _send_all(self, state: State) -> bool:
        """Send what is recorded; say whether it was taken."""
        self._say(logging.INFO if state.is_completed() else logging.ERROR, state.message)
        return self.recorder.drain(_PATIENCE_SECONDS)

    def _send_files(self) -> bool:
        """Have the authority's copy of this attempt's files whole before it hears of the end."""
        return self.mirror.settle(_PATIENCE_SECONDS) or self.mirror.refused is not None

    def _report(self, state: State, *, sent: bool) -> State:
        """Propose the end, or leave it in the spool for whoever replays it."""
        try:
            if sent:
                return self._propose(state)
        except OUTAGES as error:
            _log.warning("the end of run %s could not be reported yet: %s", self.run.id, error)
        self.recorder.end(self.run.id, self.attempt, state)
        return state

    def _propose(self, state: State) -> State:
        verdict = self.backend.propose(self.run.id, state, attempt=self.attempt)
        if isinstance(verdict, Accept):
            return verdict.state
        return self.backend.read_flow_run(self.run.id).state

    def _say(self, level: int, message: str) -> None:
        self.cells.log(level, message, logger="nbflow.notebook")


def kernel_environment(run: FlowRun, marker: str) -> dict[str, str]:
    """Give a kernel's environment: this process's without secrets, and which run it works for."""
    env = {**os.environ, **settings.environment()}
    env |= {"NBFLOW_FLOW_RUN_ID": run.id, owners.MARKER: marker}
    if run.path:
        env["JPY_SESSION_NAME"] = run.path
    if run.function is not None:
        env["NBFLOW_FUNCTION"] = run.function
    kept = kernel_variables.given(env)
    token: str = env.get("NBFLOW_KERNEL_API_TOKEN") or settings.api_token
    if token.startswith(tokens.PREFIXES["run"]):
        kept["NBFLOW_API_URL"] = kept.pop("NBFLOW_KERNEL_API_URL", settings.api_url)
        kept["NBFLOW_API_TOKEN"] = token
        kept.pop("NBFLOW_DATABASE_URL", None)  # who may ask the server needs no way around it
    return kept
