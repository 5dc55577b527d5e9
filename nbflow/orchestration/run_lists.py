"""Flow runs by the many, over SQL: lists, counts, history; many made or changed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from nbflow.exceptions import NbflowError, NotFound
from nbflow.model import clock, names, states
from nbflow.model.pages import MOST_ROWS, Count, Page, check_limit
from nbflow.model.run_lists import (
    Bucket,
    BulkAnswer,
    BulkRequest,
    FlowSummary,
    Lateness,
    Refused,
    RunChange,
    RunFilter,
    RunSort,
    check,
    check_bulk,
    check_span,
)
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import TERMINAL, State, StateType
from nbflow.model.verdicts import Accept, accepted
from nbflow.model.wire import JsonText
from nbflow.orchestration import creating, transitions
from nbflow.orchestration.base import OverSql, again
from nbflow.store import flow_runs, run_lists
from nbflow.store.run_texts import RunTexts

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_ENDED = sorted(TERMINAL)
_TYPES = {
    "cancel": [kind for kind in StateType if kind not in TERMINAL and kind != "CANCELLING"],
    "delete": _ENDED,
    "retry": [kind for kind in _ENDED if kind is not StateType.COMPLETED],
}


class SqlRunLists(OverSql):
    """The part of the Orchestrator that answers for many flow runs."""

    def list_flow_runs(
        self,
        where: RunFilter | None = None,
        *,
        sort: RunSort = "-due_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[FlowRun]:
        """List runs, newest due first unless another order is asked for."""
        asked = _checked(where)
        check_limit(limit)
        with self.database.read() as connection:
            return run_lists.page(connection, asked, sort=sort, limit=limit, cursor=cursor)

    def tell_flow_runs(
        self, where: RunFilter, *, sort: RunSort, limit: int, cursor: str | None
    ) -> JsonText:
        """Give what `list_flow_runs` does as JSON text; not of the port, for REST."""
        check(where)
        check_limit(limit)
        with self.database.read() as connection:
            texts, cursor = run_lists.texts(
                connection, where, sort=sort, limit=limit, cursor=cursor
            )
        told = "null" if cursor is None else f'"{cursor}"'
        return JsonText(f'{{"rows":[{",".join(texts)}],"cursor":{told}}}')

    def count_flow_runs(self, where: RunFilter | None = None) -> Count:
        """Count runs, up to 10,000."""
        with self.database.read() as connection:
            return run_lists.count(connection, _checked(where))

    def read_history(
        self,
        since: datetime,
        until: datetime,
        interval_seconds: float,
        where: RunFilter | None = None,
    ) -> tuple[Bucket, ...]:
        """Count the runs due in a span by time and state."""
        check_span(since, until, interval_seconds)
        with self.database.read() as connection:
            return run_lists.history(
                connection,
                _checked(where),
                since=clock.micros(since),
                until=clock.micros(until),
                width=round(interval_seconds * 1e6),
            )

    def read_lateness(self, where: RunFilter | None = None) -> Lateness:
        """Say how late runs started, or are by now."""
        with self.database.read() as connection:
            return run_lists.lateness(connection, _checked(where), now=clock.micros(clock.now()))

    @again
    def create_flow_runs(self, new: Sequence[NewFlowRun]) -> tuple[str, ...]:
        """Create many runs, all or none."""
        with self._write() as connection:
            made = creating.create_many(connection, new)
        return tuple(run.id for run in made if run is not None)

    @again
    def create_each(
        self, new: Sequence[NewFlowRun], refuse: creating.Refuse
    ) -> list[JsonText | None]:
        """Create runs for several callers in one transaction: each is made, or told to `refuse`.

        Gives each as JSON text, as `create_flow_run` would; not of the port, for REST.
        """
        told: creating.Told = {}
        with self._write() as connection:
            made = creating.create_many(connection, new, refuse=refuse, told=told)
        earlier = [run for run in made if run is not None and run.id not in told]
        texts = RunTexts([flow_runs.row_of(run) for run in earlier]).whole()
        told.update(zip((run.id for run in earlier), texts, strict=True))
        return [None if run is None else JsonText(told[run.id]) for run in made]

    def update_flow_run(self, flow_run_id: str, change: RunChange) -> FlowRun:
        """Edit a run's name or tags."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            if change.name is not None:
                run = replace(run, name=names.check_name(change.name))
            if change.tags is not None:
                run = replace(run, tags=names.check_tags(change.tags))
            run_lists.rename(connection, run)
            transitions.emit(connection, run)
            return run

    def force_state(self, flow_run_id: str, state: State) -> Accept:
        """Set a run's state against the rules."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            verdict, _ = transitions.enter(connection, run, state)
            return accepted(verdict, state)

    def change_flow_runs(self, request: BulkRequest) -> BulkAnswer:
        """Cancel, delete, retry or tag several runs, each by itself."""
        check_bulk(request)
        ids, more = self._meant(request)
        done: list[str] = []
        refused: list[Refused] = []
        act = self._action(request)
        for run_id in ids:
            try:
                if not request.dry_run:
                    act(run_id)
                done.append(run_id)
            except NbflowError as error:
                refused.append(Refused(run_id, error.code, error.message))
        return BulkAnswer(tuple(done), tuple(refused), more)

    def _meant(self, request: BulkRequest) -> tuple[list[str], bool]:
        if request.where is None:
            return list(dict.fromkeys(request.ids)), False
        types = _TYPES.get(request.action, list(StateType))
        where = _checked(request.where)
        with self.database.read() as connection:
            found = run_lists.meant(
                connection,
                where,
                types,
                tagged=request.tags if request.action == "remove_tags" else (),
                untagged=request.tags if request.action == "add_tags" else (),
                limit=MOST_ROWS + 1,
            )
        return found[:MOST_ROWS], len(found) > MOST_ROWS

    def _action(self, request: BulkRequest) -> Callable[[str], object]:
        match request.action:
            case "cancel":
                return self._cancel
            case "delete":
                return self._whole.delete_flow_run
            case "retry":
                return self._whole.retry_flow_run
            case _:
                return lambda run_id: self._tag(run_id, request)

    @property
    def _whole(self) -> Backend:
        """What this is a part of: other parts change one run."""
        return cast("Backend", self)

    def _cancel(self, flow_run_id: str) -> None:
        to = states.Cancelling(message="Cancelled with others.")
        accepted(self._whole.propose(flow_run_id, to), to)

    def _tag(self, flow_run_id: str, request: BulkRequest) -> None:
        run = self._whole.read_flow_run(flow_run_id)
        if request.action == "add_tags":
            tags = (*run.tags, *request.tags)
        else:
            tags = tuple(tag for tag in run.tags if tag not in request.tags)
        self.update_flow_run(flow_run_id, RunChange(tags=tuple(dict.fromkeys(tags))))

    # -- flows --------------------------------------------------------------------------------
    def list_flows(
        self, search: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FlowSummary]:
        """List flows by name."""
        check_limit(limit)
        wanted = (search or "").casefold()
        found: list[FlowSummary] = []
        with self.database.read() as connection:
            name = run_lists.next_flow(connection, cursor)
            while name is not None and len(found) < limit:
                if wanted in name.casefold():
                    found.append(run_lists.summary(connection, name))
                name = run_lists.next_flow(connection, name)
        return Page(tuple(found), found[-1].name if name is not None and found else None)

    def read_flow(self, name: str) -> FlowSummary:
        """Read a flow."""
        with self.database.read() as connection:
            found = run_lists.summary(connection, name)
        if found.last_run is None and not found.deployments:
            raise NotFound(f"There is no flow {names.shown(name)}.", field="name")
        return found


def _checked(where: RunFilter | None) -> RunFilter:
    asked = where or RunFilter()
    check(asked)
    return asked
