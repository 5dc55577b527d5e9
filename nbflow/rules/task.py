"""What may happen to a task run: judged by the process that runs it, its only writer."""

from __future__ import annotations

from nbflow.model import clock
from nbflow.model.runs import TaskRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict
from nbflow.rules.transitions import Transition, first, only_in_the_diagram, same_request_twice


def not_ready_never_starts(t: Transition) -> Verdict | None:
    """A task whose upstream did not complete stays where it is: its body is never called."""
    if t.run.state.name == "NotReady":
        return Abort("Something this task waits for did not complete.", t.run.state)
    return None


def upstream_decides(t: Transition) -> Verdict | None:
    """A task run waits as Pending until what it needs has ended; then it may turn out NotReady."""
    if t.to.name == "NotReady" and t.run.state.type is StateType.PENDING:
        return Accept(t.to)
    return None


TASK_RULES = (same_request_twice, not_ready_never_starts, upstream_decides, only_in_the_diagram)


def judge_task(run: TaskRun, to: State) -> Verdict:
    """Say what becomes of a state proposed for a task run."""
    return first(TASK_RULES, Transition(run, to, clock.now()))
