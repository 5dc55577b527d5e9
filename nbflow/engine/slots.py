"""Slots of the limits on tags: a task run with a limited tag holds one while it is RUNNING.

They are given back between two tries. Which tags are limited a process hears with every answer to
its records and heartbeats, so that a task asks nobody unless one of its own tags is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nbflow.exceptions import NbflowError
from nbflow.model import states
from nbflow.model.limits import TAG_PREFIX, Grant

if TYPE_CHECKING:
    from nbflow.concurrency.claims import Claim, Step
    from nbflow.engine.task_call import TaskCall
    from nbflow.model.backend import Backend

#: the names of the limits on tags, as each authority last told them
_known: WeakKeyDictionary[Backend, frozenset[str]] = WeakKeyDictionary()


def learn(backend: Backend, names: tuple[str, ...] | None) -> None:
    """Note which tags are limited; None: nothing was said of it."""
    if names is not None:
        _known[backend] = frozenset(names)


def names_of(call: TaskCall) -> tuple[str, ...] | None:
    """Give the limits that concern a call; None: it is not known yet."""
    known = _known.get(call.recorder.backend)
    if known is None:
        return None
    return tuple(name for tag in call.tags if (name := TAG_PREFIX + tag) in known)


def look(call: TaskCall) -> tuple[str, ...]:
    """Ask which limits concern a call; all of its tags' when nobody can say now."""
    try:
        learn(call.recorder.backend, call.recorder.backend.list_tag_limits())
    except NbflowError:
        return tuple(TAG_PREFIX + tag for tag in call.tags)
    return names_of(call) or ()


def claim_of(call: TaskCall, names: tuple[str, ...]) -> Claim:
    """Give a call's request for slots of some limits; the next try asks with the same."""
    if call.claim is None:
        from nbflow.concurrency import claims

        ids = {"flow_run_id": call.flow_run_id, "task_run_id": call.id}
        call.claim = claims.Claim(call.recorder.backend, claims.request(names, **ids))
    return call.claim


def steps(call: TaskCall) -> Generator[Step, Any, Grant]:
    """Give the steps of taking a call's slots; a wait becomes its state."""
    from nbflow.concurrency import claims

    told = partial(_await, call)
    return claims.taking(call.claim, deadline=None, check=call.hold.check, told=told)


def stands_in_line(call: TaskCall, job: Any, runner: Any) -> bool:
    """Say whether a submitted call waits for slots without a thread; it begins with them.

    One that waits for other tasks first must not hold slots meanwhile: it asks when it has them.
    """
    if call.inputs or not hasattr(runner, "start_later"):
        return False
    names = names_of(call)
    if names is None:
        names = look(call)
    if not names:
        return False
    wanted = claim_of(call, names)
    try:
        grant = wanted.ask()
    except NbflowError:  # its own life asks again, and says what is wrong
        return False
    if grant.granted or grant.ask_again_seconds is not None:
        return False
    _await(call, grant)
    begin = runner.start_later(job)
    stopped = partial(_stopped, call)
    wanted.on_wake(partial(_ask_again, wanted, begin, stopped), over=stopped)
    return True


def _stopped(call: TaskCall) -> bool:
    return call.hold.reason is not None


def _ask_again(wanted: Claim, begin: Callable[[], None], stopped: Callable[[], bool]) -> None:
    try:
        begins = stopped() or wanted.ask_again()
    except NbflowError:  # its own life asks again, and says what is wrong
        begins = True
    if begins:
        begin()


def _await(call: TaskCall, grant: Grant) -> None:
    """Say in the run's state what it waits for; where in line it stands later, limits say."""
    if call.state.name != "AwaitingConcurrencySlot":
        message = f"Waits for limit {grant.waiting_for}; number {grant.position} in line."
        call.enter(states.AwaitingConcurrencySlot(message=message))
