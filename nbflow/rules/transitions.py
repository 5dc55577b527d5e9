"""The state diagram as a table, and `first`: the first rule that answers decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict

_S = StateType

#: from → to. None is a run that does not exist yet. What is missing here never happens.
ALLOWED: dict[StateType | None, frozenset[StateType]] = {
    None: frozenset({_S.SCHEDULED, _S.PENDING}),
    _S.SCHEDULED: frozenset({_S.SCHEDULED, _S.PENDING, _S.RUNNING, _S.CANCELLED, _S.CRASHED}),
    _S.PENDING: frozenset(
        {_S.SCHEDULED, _S.RUNNING, _S.CANCELLING, _S.CANCELLED, _S.COMPLETED, _S.FAILED, _S.CRASHED}
    ),
    _S.RUNNING: frozenset(
        {
            _S.SCHEDULED, _S.PAUSED, _S.CANCELLING, _S.CANCELLED, _S.COMPLETED, _S.FAILED,
            _S.CRASHED,
        }
    ),
    _S.PAUSED: frozenset(
        {
            _S.SCHEDULED, _S.RUNNING, _S.CANCELLING, _S.CANCELLED, _S.COMPLETED, _S.FAILED,
            _S.CRASHED,
        }
    ),
    _S.CANCELLING: frozenset({_S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.CRASHED: frozenset(),
}  # fmt: skip

#: what only a person's word does, `retry`: an ended run that did not complete is tried once more
AGAIN = frozenset({_S.FAILED, _S.CANCELLED, _S.CRASHED})


class Transition(NamedTuple):
    """A proposal and the facts to judge it by.

    Attributes:
        run: the run as it stands.
        to: the state proposed.
        now: the authority's clock.
        attempt: the attempt the proposer believes it holds; None: it claims none (a person).
        asked: what a person asked for, where that decides: to retry what ended, to resume what
            is paused (with its input, already checked), to accept an end that was heard late.
        answered: keys of the run's pauses that were resumed.
    """

    run: FlowRun | TaskRun
    to: State
    now: datetime
    attempt: int | None = None
    asked: Literal["retry", "resume", "accept"] | None = None
    answered: frozenset[str] = frozenset()


Rule = Callable[[Transition], Verdict | None]


def first(rules: tuple[Rule, ...], transition: Transition) -> Verdict:
    """Give the first rule's answer; Accept as proposed when none objects."""
    for rule in rules:
        verdict = rule(transition)
        if verdict is not None:
            return verdict
    return Accept(transition.to)


def same_request_twice(t: Transition) -> Verdict | None:
    """A proposal repeated after a lost answer is the same transition."""
    return Accept(t.run.state) if t.to.id == t.run.state.id else None


def only_in_the_diagram(t: Transition) -> Verdict | None:
    """What the table does not hold is refused."""
    if t.to.type in ALLOWED[t.run.state.type]:
        return None
    return Abort(f"A run that is {t.run.state.name} cannot become {t.to.name}.", t.run.state)
