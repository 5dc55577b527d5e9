"""Following a run that another process executes, until it ends."""

from __future__ import annotations

from nbflow.cli import printing
from nbflow.cli.progress import Progress
from nbflow.model import clock
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun
from nbflow.store.hints import Hints

#: the longest time between two looks when no commit is noticed
_LOOK_SECONDS = 1.0


def until_ended(
    backend: Backend, flow_run_id: str, *, quiet: bool = False, seconds: float | None = None
) -> FlowRun:
    """Print a run's states and cells as they come; give the run when it has ended.

    After so many `seconds` it is given as it then is.

    An interrupt ends the watching; the run goes on.
    """
    until = None if seconds is None else clock.monotonic() + seconds
    watch = getattr(backend, "watch", None)
    hints = Hints(watch() if watch is not None else None)
    try:
        with Progress(quiet=quiet) as progress:
            while True:
                run = backend.read_flow_run(flow_run_id)
                for cell in backend.list_task_runs(flow_run_id):
                    progress.cell(cell)
                progress.run(run)
                if run.state.is_final() or (until is not None and clock.monotonic() >= until):
                    return run
                hints.rest(_LOOK_SECONDS)
    except KeyboardInterrupt:
        printing.note(f"The run goes on; `nbflow flow-run cancel {flow_run_id}` stops it.")
        raise
    finally:
        hints.close()
