"""What automations do: on this store in one transaction with its being done; outside begun once.

An action on the store is pending, and then done or failed: nothing is in between, so a server
killed there does it later, once. One that leaves the store is claimed (running) by whoever starts
the child process that does it, and finished by that; if its owner dies meanwhile nobody knows how
far it came, so it is recorded as not done, and not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import (
    Conflict,
    InvalidInput,
    NbflowError,
    StoreBusy,
    StoreFull,
    Unreachable,
)
from nbflow.faults import fault
from nbflow.model import clock, states, template_context, templates, texts
from nbflow.model.automations import ActionState, Automation, AutomationAction, Firing
from nbflow.model.deployments import DeploymentChange
from nbflow.model.event_views import ID, EventView
from nbflow.model.events import Event
from nbflow.model.runs import FlowRun, NewFlowRun, Owner
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Accept
from nbflow.model.wire import jsonable
from nbflow.orchestration import (
    automation_turns,
    creating,
    deploying,
    removing,
    transitions,
    work_pools,
)
from nbflow.orchestration.base import OverSql
from nbflow.store import (
    automation_actions,
    automations,
    blocks,
    buckets,
    codec,
    deployments,
    events,
    flow_runs,
    owners,
)
from nbflow.store import work_pools as pools

INTERRUPTED = "It was interrupted; it is not repeated."
#: an action outside takes no longer than this
_LONGEST = timedelta(minutes=10)
#: actions of one turn, and of one transaction
_MOST, _TOGETHER = 100, 20
_After = Callable[[], None]
Outcome = tuple[dict[str, Any], str, _After | None]


class SqlActions(OverSql):
    """The part of the Orchestrator that does what automations say; for its services."""

    def do_actions(self) -> int:
        """Do the actions on this store that wait; give how many there were."""
        with self.database.read() as connection:
            waiting = automation_actions.waiting(connection, outside=False, limit=_MOST)
        for at in range(0, len(waiting), _TOGETHER):
            self._do_together(waiting[at : at + _TOGETHER])
        return len(waiting)

    def claim_actions(self, limit: int = 10) -> tuple[tuple[AutomationAction, Firing], ...]:
        """Begin actions that leave the store: each is given to one caller, once."""
        with self.database.read() as connection:
            if not automation_actions.waiting(connection, outside=True, limit=1):
                return ()
        owner = owners.current()
        with self._write() as connection:
            waiting = automation_actions.waiting(connection, outside=True, limit=limit)
            for one in waiting:
                automation_actions.move(connection, one.id, "pending", "running", owner=owner)
            claimed = tuple(
                (replace(one, state="running"), automations.get_firing(connection, one.firing_id))
                for one in waiting
            )
        if claimed:
            fault("action.after_claim")
        return claimed

    def finish_action(
        self,
        action_id: str,
        state: ActionState,
        message: str,
        *,
        outcome: Mapping[str, Any] | None = None,
    ) -> bool:
        """Say how an action ended that was begun; False: it was given up already."""
        with self._write() as connection:
            found = automation_actions.get(connection, action_id)
            moved = automation_actions.move(
                connection, action_id, "running", state, message=message, outcome=outcome
            )
            if moved:
                _tell(connection, replace(found, state=state, message=message))
        return moved

    def give_up_actions(self, *, holding: Collection[str] | None = None) -> int:
        """Record what was begun by processes that are gone; give how many.

        One of another host cannot be looked at: it is gone when it has said nothing for long. With
        `holding`, also what this process was given and never heard of: it has these ids only.
        """
        silent = clock.now() - _LONGEST
        me = None if holding is None else owners.current()
        with self.database.read() as connection:
            begun = automation_actions.running(connection)
        gone = [
            one
            for one, owner in begun
            if _gone(one, owner, silent) or (owner == me and one.id not in (holding or ()))
        ]
        return sum(self.finish_action(one.id, "not-done", INTERRUPTED) for one in gone)

    def action_context(self, action_id: str) -> dict[str, Any]:
        """Give what the templates of an action may name."""
        with self.database.read() as connection:
            action = automation_actions.get(connection, action_id)
            firing = automations.get_firing(connection, action.firing_id)
            row = automations.get(connection, action.automation_id)
            return _context(connection, row, firing, _event_of(firing))

    def _do_together(self, actions: Sequence[AutomationAction]) -> None:
        """Do some actions in one transaction; where one of them cannot be done, each in its own."""
        try:
            done = self._attempt(actions)
        except (StoreBusy, StoreFull, Unreachable):
            raise
        except Exception as error:  # whatever it is, the other automations go on
            if len(actions) == 1:
                self._fail(actions[0], error)
            else:
                for one in actions:
                    self._do_together([one])
            return
        for after in done:
            after()

    def _attempt(self, actions: Sequence[AutomationAction]) -> list[_After]:
        with self._write() as connection:
            done = [after for one in actions if (after := _do(connection, one)) is not None]
            fault("action.before_commit")
        fault("action.after_commit")
        return done

    def _fail(self, action: AutomationAction, error: Exception) -> None:
        """Write down why an action cannot be done."""
        known = isinstance(error, NbflowError)
        said = texts.safe(str(error) if known else f"{type(error).__name__}: {error}")
        with self._write() as connection:
            if automation_actions.move(connection, action.id, "pending", "failed", message=said):
                _tell(connection, replace(action, state="failed", message=said))


def _do(connection: sa.Connection, action: AutomationAction) -> _After | None:
    """Do an action that still waits; give what is to be done once it is committed."""
    if not automation_actions.move(connection, action.id, "pending", "done"):
        return None
    firing = automations.get_firing(connection, action.firing_id)
    row = automations.get(connection, action.automation_id)
    first = events.last_seq(connection) + 1
    outcome, message, after = _act(connection, action, row, firing)
    outcome["seqs"] = [first, events.last_seq(connection)]
    done = replace(action, state="done", message=message, outcome=outcome)
    automation_actions.settle(connection, done)
    _emit_done(connection, automations.find(connection, row.id), done, firing.depth)
    return after


def _gone(action: AutomationAction, owner: Owner | None, silent: datetime) -> bool:
    alive = None if owner is None else owners.alive(owner)
    old = action.started_at is not None and action.started_at < silent
    return alive is False or (alive is None and old)


def _tell(connection: sa.Connection, action: AutomationAction) -> None:
    """Append the event of an action that came to its end."""
    row = automations.find(connection, action.automation_id)
    depth = automations.get_firing(connection, action.firing_id).depth
    _emit_done(connection, row, action, depth)


def _emit_done(
    connection: sa.Connection, row: Automation | None, action: AutomationAction, depth: int
) -> None:
    if row is None:
        return
    verb = {"done": "executed", "failed": "failed"}.get(action.state, "not-done")
    told = {"action": jsonable(action), "firing": {"id": action.firing_id, "depth": depth}}
    automation_turns.emit(connection, row, f"action.{verb}", told)


# -- one action -------------------------------------------------------------------------------
def _act(
    connection: sa.Connection, action: AutomationAction, row: Automation, firing: Firing
) -> Outcome:
    """Do what an action says; give what it made, in words, and what to do once it is committed.

    Raises InvalidInput, NotFound, Conflict.
    """
    if action.action["type"] == "do-nothing":
        return {}, "Nothing was to be done.", None
    event = _event_of(firing)
    context = _context(connection, row, firing, event)
    said = templates.render_value(dict(action.action), context, field="action")
    kind = said["type"]
    noun = next((one for one in _TARGETED if kind.endswith(one) or one in kind), None)
    target = "" if noun is None else _target(said, noun.replace("-", "_"), event)
    verb = kind.partition("-")[0]
    if kind == "run-deployment":
        return _run(connection, said, target, action)
    if kind == "change-flow-run-state":
        return _change_state(connection, said, target)
    if noun == "flow-run":
        return _FLOW_RUN[verb](connection, target)
    if noun is not None:
        return _pause(connection, noun, target, verb == "pause")
    if kind == "emit-event":
        return _emit_event(connection, said, row, action)
    return _notify(connection, said, row, action, event)


_TARGETED = ("deployment", "flow-run", "work-pool", "work-queue", "automation")


def _target(said: Mapping[str, Any], field: str, event: EventView | None) -> str:
    """Give the id or name an action acts on. Raises InvalidInput when the event tells none."""
    if said["source"] == "selected":
        return said[field]
    found = template_context.subjects(event).get(field)
    if found is None:
        what = "Time alone led to it." if event is None else f"{event.event} names none."
        raise InvalidInput(
            f"There is no {field.replace('_', ' ')} to be inferred. {what}",
            code="action.inferred", hint="Select one in the action.",
        )  # fmt: skip
    return found


def _run(
    connection: sa.Connection, said: Mapping[str, Any], target: str, action: AutomationAction
) -> Outcome:
    deployment = deployments.get(connection, target)
    due_at = clock.now() + timedelta(seconds=said.get("schedule_after", 0))
    made = creating.create(
        connection,
        NewFlowRun(
            deployment.flow_name,
            state=states.Scheduled(due_at),
            due_at=due_at,
            deployment_id=deployment.id,
            parameters=said.get("parameters", {}),
            job_variables=said.get("job_variables", {}),
            tags=tuple(said.get("tags", ())),
            idempotency_key=f"{automation_turns.KEY}{action.id}",
            created_by="automation",
        ),
    )
    return {"flow_run_id": made.id}, f"The run {made.name} of {deployment.name} was made.", None


def _cancel(connection: sa.Connection, target: str) -> Outcome:
    return _move(connection, target, states.Cancelling(message="An automation cancelled it."))


def _suspend(connection: sa.Connection, target: str) -> Outcome:
    return _move(connection, target, states.Suspended(message="An automation suspended it."))


def _resume(connection: sa.Connection, target: str) -> Outcome:
    run = flow_runs.get(connection, target)
    verdict, after = transitions.transit(connection, run, transitions.resumed(run), asked="resume")
    return _moved(verdict, after)


def _delete(connection: sa.Connection, target: str) -> Outcome:
    run = flow_runs.get(connection, target)
    if not run.state.is_final():
        raise Conflict(f"The run {run.name} is {run.state.name}.", code="run.live")
    left = removing.remove(connection, [run.id])
    return {}, f"The run {run.name} was deleted.", left.delete


def _change_state(connection: sa.Connection, said: Mapping[str, Any], target: str) -> Outcome:
    run = flow_runs.get(connection, target)
    to = State(
        StateType(said["state"]), said.get("name") or "", said.get("message", "By an automation.")
    )
    return _moved(*transitions.enter(connection, run, to))


def _move(connection: sa.Connection, target: str, to: State) -> Outcome:
    return _moved(*transitions.transit(connection, flow_runs.get(connection, target), to))


def _moved(verdict: Any, after: FlowRun) -> Outcome:
    if not isinstance(verdict, Accept):
        raise Conflict(verdict.reason, code="run.refused")
    return {"flow_run_id": after.id}, f"The run {after.name} is {after.state.name}.", None


_FLOW_RUN: Mapping[str, Callable[[sa.Connection, str], Outcome]] = {
    "cancel": _cancel,
    "suspend": _suspend,
    "resume": _resume,
    "delete": _delete,
}


def _pause(connection: sa.Connection, noun: str, target: str, paused: bool) -> Outcome:
    name = target
    if noun == "deployment":
        name = deploying.update(connection, target, DeploymentChange(paused=paused)).name
    elif noun == "work-pool":
        name = work_pools.pause(connection, target, paused).name
    elif noun == "work-queue":
        pool, queue = _queue(connection, target)
        name = work_pools.pause_queue(connection, pool, queue, paused).name
    else:
        name = enable(connection, automations.get(connection, target), not paused).name
    return {}, f"The {noun.replace('-', ' ')} {name} is {'paused' if paused else 'active'}.", None


def _queue(connection: sa.Connection, said: str) -> tuple[str, str]:
    """Give a queue's pool and name: it is said as POOL/QUEUE, or by its id."""
    found = next((one for one in pools.queues(connection) if one.id == said), None)
    if found is not None:
        return found.work_pool, found.name
    pool, _, queue = said.partition("/")
    return pool, queue or "default"


def enable(connection: sa.Connection, found: Automation, enabled: bool) -> Automation:
    """Let an automation work, counting from now, or pause it."""
    if found.enabled == enabled:
        return found
    if not enabled:
        found = automation_turns.settle(connection, found)
    now = max(clock.now(), found.updated_at + clock.MICROSECOND)
    standing = automation_turns.begun(connection, now) if enabled else found.standing
    made = replace(found, enabled=enabled, updated_at=now, standing=standing)
    if enabled:
        buckets.forget(connection, made.id)
    automations.replace(connection, made)
    automation_turns.emit(connection, made, "updated")
    return made


def _emit_event(
    connection: sa.Connection, said: Mapping[str, Any], row: Automation, action: AutomationAction
) -> Outcome:
    resource = {ID: f"nbflow.automation.{row.id}", **said.get("resource", {})}
    related = [{ID: f"nbflow.automation.{row.id}", "nbflow.resource.role": "automation"}]
    told = {
        "resource": resource, "related": related, "payload": said.get("payload", {}),
        "follows": None,
    }  # fmt: skip
    events.append(connection, [Event(said["event"], "events", action.id, clock.now(), told)])
    return {"event_id": action.id}, f"{said['event']} was emitted.", None


def _notify(
    connection: sa.Connection,
    said: Mapping[str, Any],
    row: Automation,
    action: AutomationAction,
    event: EventView | None,
) -> Outcome:
    """Tell those who look at JupyterLab: an event on the stream they hear."""
    told = {
        "id": action.id, "message": said["message"], "kind": said.get("kind", "info"),
        "automation_id": row.id, "name": row.name, "firing_id": action.firing_id,
        "flow_run_id": template_context.subjects(event).get("flow_run"),
        "deployment_id": row.deployment_id,
    }  # fmt: skip
    shown = Event("notification.shown", "notifications", action.id, clock.now(), told)
    events.append(connection, [shown])
    return {}, "JupyterLab was told.", None


# -- what templates may name ------------------------------------------------------------------
def _event_of(firing: Firing) -> EventView | None:
    if firing.event is None:
        return None
    from nbflow.model import reading  # pydantic: only where an action is done

    return reading.answer(EventView, codec.dumps(firing.event))


def _context(
    connection: sa.Connection, row: Automation, firing: Firing, event: EventView | None
) -> dict[str, Any]:
    rows: dict[str, Any] = {"automation": row, "firing": firing}
    for root, which in template_context.subjects(event).items():
        rows[root] = _row(connection, root, which)
    run = rows.get("flow_run")
    if run is not None and run.deployment_id and not rows.get("deployment"):
        rows["deployment"] = deployments.find(connection, run.deployment_id)
    return template_context.build(event, rows)


def _row(connection: sa.Connection, root: str, which: str) -> Any:
    try:
        match root:
            case "flow_run":
                return flow_runs.get(connection, which)
            case "deployment":
                return deployments.find(connection, which)
            case "work_pool":
                return pools.find(connection, which)
            case "block":
                return blocks.get(connection, which)
            case "flow":
                return {"name": which}
            case _:
                return None
    except NbflowError:
        return None  # deleted meanwhile: what the event tells of it is all there is
