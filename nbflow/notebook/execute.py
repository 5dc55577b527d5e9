"""`python -m nbflow.notebook.execute FLOW_RUN_ID ATTEMPT`: the process a worker launches for a run.

Its standard input is held open by the worker; when that closes, the worker is gone, and this
process ends its kernel and itself within two seconds. Exit code 0: the run ended by its own word,
whatever its state.
"""

from __future__ import annotations

import logging
import os
import sys

from nbflow import settings
from nbflow.connect import connect
from nbflow.exceptions import Aborted, NbflowError
from nbflow.kernels import apart
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.notebook import running, stored
from nbflow.notebook.source import working_folder
from nbflow.notebook.stopping import Stop
from nbflow.store import owners

_log = logging.getLogger("nbflow.notebook")


def main(arguments: list[str]) -> int:
    """Execute one attempt of a run; give the process's exit code."""
    flow_run_id, attempt = arguments[0], int(arguments[1])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="INFO")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request says nothing
    running.lighten()
    stop = Stop()
    with stop.on_orphaned(f"{flow_run_id}-{attempt}"):
        try:
            state = _run(flow_run_id, attempt, stop)
            stored.clear(flow_run_id, attempt, state)
        except NbflowError as error:
            _log.error("run %s: %s", flow_run_id, error)
            return 1
    _log.info("run %s: %s. %s", flow_run_id, state.name, state.message)
    return 0


def _run(flow_run_id: str, attempt: int, stop: Stop) -> State:
    """Execute a run of a notebook, or of a flow: which has its own way to heed signals."""
    backend = connect()
    run = backend.read_flow_run(flow_run_id)
    by_kernel = os.environ.get("NBFLOW_JOB_TYPE") == "kernel"
    if run.entrypoint is None or by_kernel:
        opening = None if run.entrypoint is None else _opening(backend, run)
        with stop.on_signals(), stop.after(settings.job_seconds()):
            return running.run_now(backend, flow_run_id, attempt, stop=stop, opening=opening)
    from nbflow.engine import deployed  # the engine's life of a flow: a notebook needs none of it

    if run.attempt != attempt:
        raise Aborted(f"Attempt {attempt} was replaced by attempt {run.attempt}.")
    try:
        run = stored.placed(run)
        folder = working_folder(backend, run)
    except NbflowError as error:
        return deployed.refuse(backend, run, error)
    return deployed.execute(backend, run, folder=folder or os.getcwd())


def _opening(backend: Backend, run: FlowRun) -> running.Opening:
    """Have a flow of a script called by a kernel, as its pool wants it."""

    def opened() -> running.Opened:
        from nbflow.notebook.scripts import ScriptSource

        return ScriptSource(backend, run)

    return opened


if __name__ == "__main__":
    apart.conceal(owners.MARKER)  # the run's kernel may read what this process was started with
    sys.exit(main(sys.argv[1:]))
