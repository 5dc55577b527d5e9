"""What must be true of a store whatever was killed: looked for, told, and never mended here.

I1 one run or one skip for an instant · I2 one live attempt, which somebody holds · I3 what ended
stays ended · I4 what completed has its result and its notebook, whole · I5 no slot of a run that
has ended · I8 states follow the diagram, and time · I9 no schedule falls behind. (I6 is told from
the process table, I7 by a search for secrets: tests look for them.)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.states import TERMINAL, StateType
from nbflow.rules.transitions import AGAIN, ALLOWED
from nbflow.store import inspecting, journal, result_files
from nbflow.store.database import Database
from nbflow.store.inspecting import Kept, Life

_S = StateType
#: a schedule whose next instant is longer ago was forgotten
_BEHIND = timedelta(seconds=60)
_EVER = clock.instant(0)


class Broken(NamedTuple):
    """An invariant that does not hold.

    Attributes:
        invariant: `I1` to `I9`.
        subject: the id or key of what it does not hold of.
        message: what is wrong, one sentence.
    """

    invariant: str
    subject: str
    message: str


def check(
    database: Database, *, now: datetime, since: datetime = _EVER, files: bool = True
) -> Iterator[Broken]:
    """Look at a store for what must never be.

    Args:
        now: schedules are judged by it.
        since: runs and results that have not changed since are passed over.
        files: also read the results and notebooks that lie in files of the home folder.
    """
    with database.read() as connection:
        yield from _instants(connection)
        yield from _holders(connection)
        yield from _schedules(connection, now)
    at = clock.micros(since)
    for life in inspecting.lives(database, since=at):
        yield from _life(life)
        if files and life.states and life.states[-1][1] is _S.COMPLETED:
            yield from _notebook(life)
    if files:
        for kept in inspecting.files(database, since=at):
            yield from _result(kept)


def _instants(connection: sa.Connection) -> Iterator[Broken]:
    for schedule_id, at in inspecting.run_and_skipped(connection):
        yield Broken("I1", schedule_id, f"Its instant {clock.instant(at)} is a run and a skip.")
    for schedule_id, at in inspecting.skipped_twice(connection):
        yield Broken("I1", schedule_id, f"Its instant {clock.instant(at)} was skipped twice.")


def _holders(connection: sa.Connection) -> Iterator[Broken]:
    for run_id in inspecting.nobodys(connection):
        yield Broken("I2", run_id, "It is live, and no process holds it.")
    for name, run_id in inspecting.slots_of_ended(connection):
        yield Broken("I5", run_id, f"It has ended, and has a slot of the limit {name!r}.")


def _schedules(connection: sa.Connection, now: datetime) -> Iterator[Broken]:
    for schedule_id, at in inspecting.behind(connection, before=clock.micros(now - _BEHIND)):
        yield Broken("I9", schedule_id, f"Its next instant, {clock.instant(at)}, has passed.")


def _life(life: Life) -> Iterator[Broken]:
    """Follow a run through its states."""
    before: StateType | None = None
    began = 0
    for state_id, state, _ in life.states:
        again = before in AGAIN and state is _S.SCHEDULED
        if before in TERMINAL and not again and state_id not in life.accepted:
            yield Broken("I3", life.run_id, f"It ended ({before}), and then became {state}.")
        elif not _follows(before, state):
            yield Broken("I8", life.run_id, f"It was {before} and became {state}.")
        began += before in (None, _S.SCHEDULED) and state in (_S.PENDING, _S.RUNNING)
        before = state
    if not life.states or life.states[-1][0] != life.state_id:
        yield Broken("I8", life.run_id, "Its state is not the newest of its history.")
    elif began != life.attempt and before in (_S.RUNNING, _S.COMPLETED, _S.FAILED):
        yield Broken("I2", life.run_id, f"It is attempt {life.attempt}, and began {began} times.")


def _follows(before: StateType | None, state: StateType) -> bool:
    if before in TERMINAL or (before is state is _S.PAUSED):  # its process confirmed the pause
        return True
    return state in ALLOWED[before]


def _notebook(life: Life) -> Iterator[Broken]:
    """Read the executed notebook of a run that completed, if it lies here."""
    if life.run_dir is None:
        return
    folder = journal.folder(life.run_dir)
    if not (folder / journal.INPUT).exists():  # no notebook's run, or another machine's
        return
    try:
        cells = json.loads((folder / journal.NOTEBOOK).read_bytes())["cells"]
    except (OSError, ValueError, KeyError) as error:
        yield Broken("I4", life.run_id, f"It completed; its notebook cannot be read: {error}")
        return
    states = {cell["metadata"].get("nbflow", {}).get("state") for cell in cells}
    if _S.RUNNING.value in states:
        yield Broken("I4", life.run_id, "It completed, and a cell of its notebook is running.")


def _result(kept: Kept) -> Iterator[Broken]:
    if result_files.is_address(kept.location):
        return
    try:
        data = result_files.home_path(kept.location).read_bytes()
    except OSError as error:
        yield Broken("I4", kept.key, f"Its file cannot be read: {error}")
        return
    if len(data) != kept.size or hashlib.sha256(data).hexdigest() != kept.sha256:
        yield Broken("I4", kept.key, "Its file is not what was written.")
