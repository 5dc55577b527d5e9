"""What may happen to a task run: judged by the process that runs it, its only writer."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from nbflow.model import clock
from nbflow.model.runs import TaskRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict
from nbflow.rules.transitions import Transition, first, only_in_the_diagram


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


def undone_after_its_end(t: Transition) -> Verdict | None:
    """A task that completed inside a transaction may still be rolled back with it."""
    if t.to.name == "RolledBack" and t.run.state.type is t.to.type is StateType.COMPLETED:
        return Accept(t.to)
    return None


TASK_RULES = (
    not_ready_never_starts,
    upstream_decides,
    undone_after_its_end,
    only_in_the_diagram,
)


def judge_task(run: TaskRun, to: State) -> Verdict:
    """Say what becomes of a state proposed for a task run."""
    before = run.state
    reason = refusal(before.type, before.name, to.type, to.name)
    return Accept(to) if reason is None else Abort(reason, run.state)


class _Standing(NamedTuple):
    state: State


# The rules know no more than types and names, so their answers are worth keeping: each call of a
# task asks twice.
@lru_cache(maxsize=512)
def refusal(before: StateType, its_name: str, to: StateType, name: str) -> str | None:
    """Say why a task run in a state may not enter another; None: it may."""
    run: Any = _Standing(State(before, its_name))
    verdict = first(TASK_RULES, Transition(run, State(to, name), clock.now()))
    return None if isinstance(verdict, Accept) else verdict.reason
