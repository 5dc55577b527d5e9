"""A crew: processes forked at a word, so that killing 100 of them is cheap.

Reads `[ROLE, WORD, PLAN, ENVIRONMENT]` as JSON from its standard input, one a line, and answers
with the id of the process it forked, in which faults are planned so; all end when the input closes.
Roles:

- `worker`: the real loop from claim to end over the real authority; its executor only says that
  a run completed;
- `server`: the real scheduler and reaper; `automator`: the real services of automations;
- `executor`: the real process of a run of the notebook WORD;
- `flows`: a flow of some tasks, again and again; each leaves a file in the folder `flows`;
- `canceller`: asks the run WORD to stop; `holder`: a flow that takes a slot of the limit WORD.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from typing import TypeVar

import papermill  # noqa: F401  (as in the warm process executors are forked from)

import nbflow.notebook.attempt  # noqa: F401
from nbflow import faults, flow, settings, task
from nbflow.concurrency.sync import concurrency
from nbflow.connect import connect
from nbflow.exceptions import NbflowError
from nbflow.model import ids, states
from nbflow.model.backend import Backend
from nbflow.model.runs import NewFlowRun
from nbflow.model.verdicts import Accept, Verdict
from nbflow.model.workers import Claim, NewWorker
from nbflow.notebook import execute
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService
from nbflow.services.outside_actions import OutsideActions
from nbflow.services.reaper import Reaper
from nbflow.services.scheduler import Scheduler
from nbflow.services.service import Service
from nbflow.store import owners

Answer = TypeVar("Answer")
PAUSE = threading.Event()
POOL, AT_ONCE, REST = "default", 10, 0.02


def insist(ask: Callable[[], Answer]) -> Answer:
    """Ask until there is an answer: what a worker does while the store is away."""
    while True:
        try:
            return ask()
        except NbflowError:
            PAUSE.wait(REST)


def worker(word: str) -> None:
    """Claim runs and complete them, for ever.

    `{"pool", "host", "until"}` in the word: whose runs, on which machine it would be, and the named
    pipe that ends each run.
    """
    said = json.loads(word or "{}")
    if "host" in said:
        socket.gethostname = lambda: said["host"]
    backend = insist(connect)
    me, pool = ids.uuid7(), said.get("pool", POOL)
    new = NewWorker(f"w{os.getpid()}", pool, owners.current(worker_id=me), AT_ONCE, id=me)
    insist(lambda: backend.register_worker(new))
    held: dict[str, Claim] = {}
    threading.Thread(target=beat, args=(backend, me, held), daemon=True).start()
    while True:
        claims = insist(lambda: backend.claim_flow_runs(me, AT_ONCE))
        held.update({claim.run.id: claim for claim in claims})
        for claim in claims:
            complete(backend, claim, said.get("until"))
            held.pop(claim.run.id)
        if not claims:
            PAUSE.wait(REST)


def beat(backend: Backend, worker_id: str, held: dict[str, Claim]) -> None:
    from nbflow.model.workers import Held

    while not PAUSE.wait(settings.heartbeat_seconds):
        mine = tuple(Held(claim.run.id, claim.attempt) for claim in tuple(held.values()))
        insist(lambda mine=mine: backend.heartbeat(mine, worker_id=worker_id))


def complete(backend: Backend, claim: Claim, until: str | None) -> None:
    """Take a run to its end; one that is not this worker's any more is left alone."""
    if not isinstance(propose(backend, claim, states.Running()), Accept):
        return
    if until:
        with open(until) as pipe:
            pipe.read()
    verdict = propose(backend, claim, states.Completed())
    if until:
        with open(until, "w") as pipe:
            pipe.write(type(verdict).__name__)


def propose(backend: Backend, claim: Claim, state: states.State) -> Verdict:
    return insist(lambda: backend.propose(claim.run.id, state, attempt=claim.attempt))


def server(_word: str) -> None:
    """Tick and reap, for ever."""
    orchestrator = insist(Orchestrator)
    for chore in (Scheduler(orchestrator), Reaper(orchestrator)):
        Service(chore).start()
    PAUSE.wait()


def automator(_word: str) -> None:
    """Decide what automations do, and do it, for ever."""
    orchestrator = insist(Orchestrator)
    for chore in (AutomationsService(orchestrator), OutsideActions(orchestrator)):
        Service(chore).start()
    PAUSE.wait()


def executor(path: str) -> None:
    """Execute a notebook as the process does that a worker starts for a run."""
    new = NewFlowRun("nb", kind="notebook", path=path, kernel_name="python3")
    run = connect().create_flow_run(replace(new, owner=owners.current()))
    os.environ |= {owners.MARKER: f"{run.id}-1", "NBFLOW_FLOW_RUN_ID": run.id}
    os._exit(execute.main([run.id, "1"]))


def flows(_word: str) -> None:
    """Run flows, for ever."""
    done = settings.ensure_home() / "flows"
    done.mkdir(exist_ok=True)

    @task
    def adds(n: int) -> int:
        PAUSE.wait(0.01)
        return n + 1

    @flow
    def adds_up() -> int:
        return sum(adds(n) for n in range(10))

    for n in count():
        assert adds_up() == 55
        (done / f"{os.getpid()}-{n}").touch()


def canceller(run_id: str) -> None:
    """Ask a run to stop, as somebody's command does."""
    connect().propose(run_id, states.Cancelling(message="enough"))


def holder(limit: str) -> None:
    """Hold a slot in a flow; a file beside the store says so, until this process is ended."""

    @flow(name="holder")
    def holds() -> None:
        with concurrency(limit):
            (settings.home() / "held").touch()
            PAUSE.wait()

    holds()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    reading, _writing = os.pipe()  # a control pipe that stays open as long as this process
    for line in sys.stdin:
        role, word, plan, environment = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(reading, 0)
            os.close(_writing)
            os.environ |= environment
            with faults.planned(plan) if plan else nullcontext():
                globals()[role](word)
            os._exit(0)
        os.write(1, f"{pid}\n".encode())
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
