"""One transition of a flow run, inside the caller's transaction: judge, change, and what follows.

Every way to move a run (a process's proposal, a claim, the reaper, a schedule's overlap policy)
comes through `transit`, so each state is judged once and leaves an event; but for `call_late`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from nbflow import settings
from nbflow.model import clock, pauses, run_options, states
from nbflow.model.events import Event
from nbflow.model.runs import FlowRun, Owner, TaskRun, advance
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict
from nbflow.model.wire import flow_run_row
from nbflow.orchestration import admission
from nbflow.rules import flow as rules
from nbflow.rules import late
from nbflow.store import codec, events, flow_runs, task_runs
from nbflow.store.bulk import Row
from nbflow.store.task_states import NewStates

_HELD = frozenset({StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING})


def transit(
    connection: sa.Connection,
    run: FlowRun,
    to: State,
    *,
    attempt: int | None = None,
    owner: Owner | None = None,
    asked: Literal["retry", "resume", "accept"] | None = None,
) -> tuple[Verdict, FlowRun]:
    """Judge a proposed state and, when accepted, make it so; give the verdict and the run."""
    now = clock.now()
    history = flow_runs.states(connection, run.id) if to.is_paused() else ()
    verdict = rules.judge(
        run, to, now=now, attempt=attempt, asked=asked, answered=rules.answered(history)
    )
    if not isinstance(verdict, Accept):
        return verdict, run
    if verdict.state.id == run.state.id:
        return replace(verdict, attempt=run.attempt), run
    return enter(connection, run, verdict.state, owner=owner)


def resumed(run: FlowRun) -> State:
    """Give the state a paused run goes on in: its process waits, or a new one must come."""
    if run.state.is_suspended():
        return states.Resuming(clock.now(), message="It was resumed.")
    return states.Running(message="It was resumed.")


def note_late(connection: sa.Connection, run: FlowRun, to: State, *, attempt: int | None) -> None:
    """Note the end of a run that was given up unheard, if this is it; the run stays as it is."""
    crashed = late.noted(run, to, attempt=attempt)
    if crashed is not None:
        after = replace(run, state=crashed)
        flow_runs.amend_state(connection, after)
        emit(connection, after)


def enter(
    connection: sa.Connection, run: FlowRun, to: State, *, owner: Owner | None = None
) -> tuple[Verdict, FlowRun]:
    """Make a state so, with all that follows from it, whatever the rules say of it."""
    now = clock.now()
    to = _in_order(run.state, to)
    after = _after(run, to, owner=owner, now=now)
    if not flow_runs.replace_state(connection, run, after, start_at=start_at(after)):
        return Abort("Another process changed the run first.", run.state), run
    _close_task_runs(connection, after)
    if after.state.is_final() or _is_crash(after.state):
        admission.release_run(connection, after.id, now)
    emit(connection, after, before=run.state)
    _tell_the_caller(connection, after)
    _cancel_children(connection, after)
    return Accept(after.state, after.attempt), after


def call_late(connection: sa.Connection, runs: Sequence[FlowRun], *, before: datetime) -> None:
    """Call waiting runs Late, all at once: after an outage there may be thousands.

    They are as they were read in this transaction; nothing else follows from this state.
    """
    now = clock.now()
    moved: list[tuple[FlowRun, FlowRun]] = []
    for run in runs:
        to = states.Late(rules.due(run) or before, message="No worker took it in time.")
        moved.append((run, _after(run, _in_order(run.state, to), owner=None, now=now)))
    flow_runs.replace_states(connection, [(seen, after, start_at(after)) for seen, after in moved])
    _tell(connection, [(after, seen.state) for seen, after in moved])


def _in_order(before: State, to: State) -> State:
    """Give a state at an instant after the one before it: clocks are set back, and differ."""
    return to if to.at > before.at else replace(to, at=before.at + timedelta(microseconds=1))


def _after(run: FlowRun, to: State, *, owner: Owner | None, now: datetime) -> FlowRun:
    """Give the run that follows: times and counters, and who holds it until when."""
    after = advance(run, to)
    # Between two tries a run that no worker may take is still held by its own process.
    between = to.type is StateType.SCHEDULED and run.work_pool is None and run.lease_until
    held = bool(between) or (to.type in _HELD and not to.is_suspended())
    return replace(
        after,
        retries=_retries(run, to),
        crash_retries=run.crash_retries - _is_crash(to),
        options=_options(run, to),
        owner=(owner or run.owner) if held or to.is_final() else None,
        lease_until=lease_until(now) if held else None,
        run_dir=f"runs/{run.id}/{after.attempt}" if after.attempt else run.run_dir,
    )


def _retries(run: FlowRun, to: State) -> int:
    """Give how many tries follow the first; asked for, or after a crash, one takes none of them."""
    if to.type is not StateType.SCHEDULED:
        return run.retries
    if run.state.is_final():
        return max(run.retries, run.attempt)
    return run.retries + (to.name == "Resuming" or _is_crash(to))


def _is_crash(to: State) -> bool:
    """Say whether a run waits for its next try because the last one crashed."""
    return to.name == "AwaitingRetry" and to.details.get("cause") == rules.CRASH


def _options(run: FlowRun, to: State) -> Mapping[str, Any]:
    """Give the run's options; where a person let an attempt begin counts for that attempt only."""
    over = to.type is StateType.SCHEDULED and run.state.type in (
        StateType.RUNNING,
        StateType.PAUSED,
    )
    return run_options.for_retry(run.options) if over else run.options


def lease_until(now: datetime) -> datetime:
    """Give until when a lease renewed now is trusted."""
    return now + timedelta(seconds=settings.lease_seconds)


def start_at(run: FlowRun) -> datetime | None:
    """Give when a waiting run may be claimed, or when a paused one has waited in vain."""
    if run.state.is_paused():
        return pauses.end_of(run.state)
    return rules.due(run) if run.state.type is StateType.SCHEDULED else None


def emit(connection: sa.Connection, run: FlowRun, *, before: State | None = None) -> None:
    """Append the event of a flow run's new state, with the one before."""
    _tell(connection, [(run, before)])


def _tell(connection: sa.Connection, moved: Iterable[tuple[FlowRun, State | None]]) -> None:
    told = [(_event(run), codec.dumps(_row(run, before))) for run, before in moved]
    events.append_texts(connection, told)


def _row(run: FlowRun, before: State | None) -> dict[str, Any]:
    row = flow_run_row(run)
    if before is not None:
        row["initial_state"] = {"type": before.type.value, "name": before.name}
    return row


def emit_inserted(connection: sa.Connection, rows: Sequence[Row], texts: Sequence[str]) -> None:
    """Append an event for each run that was inserted, with the text its row was written as."""
    told = zip(map(flow_runs.entry, rows), texts, strict=True)
    events.append_rows(
        connection,
        [(f"flow-run.{name}", "flow-runs", run_id, at, text) for (run_id, name, at), text in told],
    )


def _event(run: FlowRun) -> Event:
    return Event(f"flow-run.{run.state.name}", "flow-runs", run.id, run.state.at)


def emit_task_runs(connection: sa.Connection, new: Sequence[NewStates]) -> set[str]:
    """Append one event for all task runs of a flow run that changed together; give these runs.

    It holds their ids, and the states each had not been in before.
    """
    by_run: dict[str, list[NewStates]] = {}
    for one in new:
        by_run.setdefault(one.flow_run_id, []).append(one)
    now = clock.now()
    told = [
        (Event("task-runs.recorded", "task-runs", flow_run_id, now), _recorded(some))
        for flow_run_id, some in by_run.items()
    ]
    events.append_texts(connection, told)
    return set(by_run)


def _recorded(new: Sequence[NewStates]) -> str:
    ids = codec.dumps([one.task_run_id for one in new])
    states = ",".join([one.history for one in new])
    before = {one.task_run_id: one.before for one in new if one.before}
    after = f',"before":{codec.dumps(before)}' if before else ""
    return f'{{"ids":{ids},"states":[{states}]{after}}}'


def _tell_the_caller(connection: sa.Connection, run: FlowRun) -> None:
    """Let the task run that stands for a deployment's run where it was called follow it.

    Whoever called `run_deployment(timeout=…)` may wait no more, or be gone. Runs without a
    deployment are told of by the process that calls them.
    """
    told = run.state.is_final() or run.state.is_running()
    if run.parent_task_run_id is None or run.deployment_id is None or not told:
        return
    to = State(
        run.state.type, run.state.name, run.state.message, run.state.at,
        details={**run.state.details, "child_flow_run_id": run.id},
    )  # fmt: skip
    found = task_runs.by_ids(connection, [run.parent_task_run_id])
    moved = [advance(one, to) for one in found if not one.state.is_final()]
    if moved:
        emit_task_runs(connection, task_runs.record(connection, moved))


def _cancel_children(connection: sa.Connection, run: FlowRun) -> None:
    """Ask the runs that a run called to stop when it was told to."""
    if run.state.type not in (StateType.CANCELLING, StateType.CANCELLED):
        return
    message = f"The run that called it ({run.name}) was cancelled."
    for child in flow_runs.unfinished_children(connection, run.id):
        transit(connection, child, states.Cancelling(message=message))


def _close_task_runs(connection: sa.Connection, run: FlowRun) -> None:
    """End the task runs of a run that did not wait for them, or is gone: nobody else will."""
    gone = run.state.type in (StateType.CRASHED, StateType.CANCELLED) or _is_crash(run.state)
    gone = gone or run.state.name == "TimedOut"
    if not (gone or (run.kind == "session" and run.state.is_final())):
        return
    opened = task_runs.unfinished(connection, run.id, attempt=max(run.attempt, 1))
    closed = tuple(advance(task, _closing(task, run.state)) for task in opened)
    if closed:
        emit_task_runs(connection, task_runs.record(connection, closed))


def _closing(task: TaskRun, flow_state: State) -> State:
    if task.state.type is not StateType.RUNNING:
        return states.NotReady(message=f"The run ended before this started: {flow_state.message}")
    if flow_state.type is StateType.CANCELLED:
        return states.Cancelled(message="The run was cancelled.", at=flow_state.at)
    if flow_state.name == "TimedOut":
        return states.Cancelled(message="A run around it ran out of time.", at=flow_state.at)
    return states.Crashed(message=flow_state.message, at=flow_state.at)
