"""Runs whose process is gone end as what they are. Needs no server: whoever opens the store looks.

A process on this host is looked at; one elsewhere is trusted until its lease ends, and that is
judged by the reaper only (`services.reaper`), which knows how long it has been watching.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nbflow import settings
from nbflow.model import states
from nbflow.model.pages import every
from nbflow.model.runs import FlowRun
from nbflow.rules import late
from nbflow.store import journal, owners, spool

if TYPE_CHECKING:
    from nbflow.orchestration.orchestrator import Orchestrator


def end_dead(orchestrator: Orchestrator) -> int:
    """End the runs whose process on this host is gone, and pauses that ran out; give how many."""
    if spool.any_left():
        spool.replay(orchestrator)  # what the dead recorded counts before what is assumed
    for worker in every(orchestrator.list_workers):
        if owners.alive(worker.owner) is False:
            orchestrator.lose_worker(worker.id)  # what it never started waits again
    ended = orchestrator.expire_pauses()
    for run in orchestrator.live_runs():
        if run.owner is not None and owners.alive(run.owner) is False:
            end(orchestrator, run)
            ended += 1
    return ended


def end(orchestrator: Orchestrator, run: FlowRun) -> None:
    """End a run whose process is gone: Cancelled if that was asked first, else Crashed.

    What a script left behind on this host ends with it; a worker's child ends by itself, once it
    has written down what happened.
    """
    owner, here = run.owner, owners.current().host
    if owner is not None and owner.host == here and owner.worker_id is None:
        owners.sweep(f"{run.id}-{run.attempt}")
    orchestrator.end_lost(run, _last_word(run) or _crashed(run))


def _last_word(run: FlowRun) -> states.State | None:
    """Give how a run ended by its own word, which its process did not live to report.

    What it put out is made whole first; where that cannot be, its word does not count.
    """
    if run.run_dir is None:
        return None
    folder = journal.folder(run.run_dir)
    word = journal.last_word(folder)
    try:
        if word is not None:
            journal.assemble(folder, word)
    except OSError:
        return None
    return word


def _crashed(run: FlowRun) -> states.State:
    who = f"process {run.owner.pid} on {run.owner.host}" if run.owner else "process"
    if run.owner is not None and run.owner.worker_id is not None:
        who = f"worker ({who})"
    message = f"The {who} that ran it is gone; its last heartbeat was at {_last_heard(run)}."
    return states.Crashed(message=message, details={"cause": late.OWNER_LOST})


def _last_heard(run: FlowRun) -> str:
    at = run.state.at
    if run.lease_until is not None:
        at = max(at, run.lease_until - timedelta(seconds=settings.lease_seconds))
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
