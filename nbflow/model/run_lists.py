"""Flow runs by the many: filters, orders, counts, history by time, changes to several at once.

A flow is what runs and deployments have a name in common with; it has no row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, Protocol, cast

from nbflow.exceptions import InvalidInput
from nbflow.model.pages import MOST_ROWS, Count, OneOrMore, Page
from nbflow.model.runs import FlowKind, FlowRun, NewFlowRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Accept

#: a minus: the greatest first. Runs that have not started, or ended, are not in those orders;
#: `duration` is from the start to the end, and no index has it: all runs meant are looked at.
RunSort = Literal[
    "-due_at", "due_at", "-started_at", "started_at", "-ended_at", "ended_at", "-name", "name",
    "-duration", "duration",
]  # fmt: skip
BulkAction = Literal["cancel", "delete", "retry", "add_tags", "remove_tags"]

#: names that are not their type's own
_NAMED = {
    "Late": StateType.SCHEDULED,
    "AwaitingRetry": StateType.SCHEDULED,
    "AwaitingConcurrencySlot": StateType.SCHEDULED,
    "Resuming": StateType.SCHEDULED,
    "Retrying": StateType.RUNNING,
    "Rerunning": StateType.RUNNING,
    "Suspended": StateType.PAUSED,
    "TimedOut": StateType.FAILED,
    "Cached": StateType.COMPLETED,
}
#: the type of each state name nbflow itself gives
STATE_NAMES = {kind.value.capitalize(): kind for kind in StateType} | _NAMED

_LONGEST_SEARCH = 255
_MOST_BUCKETS = 500


@dataclass(frozen=True)
class RunFilter:
    """Which flow runs are meant. Everything left out matches; of several values any one.

    Attributes:
        id: runs' ids.
        name: whole names.
        state: state types or names.
        kind: flow, notebook or session.
        search: a part of the run's or flow's name, any case, or the beginning of the run's id.
        tags: any of these.
        all_tags: every one of these.
        parent_flow_run_id: runs that this one called.
        roots: only runs that no other run called.
        since: due at or after this instant; `until`: due before. So with started and ended.
        sessions: also the hidden runs of kernels used by hand.
    """

    state: tuple[str, ...] = ()
    deployment_id: OneOrMore = None
    schedule_id: OneOrMore = None
    flow_name: OneOrMore = None
    parent_flow_run_id: OneOrMore = None
    search: str | None = None
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    sessions: bool = False
    id: OneOrMore = None
    name: OneOrMore = None
    kind: tuple[FlowKind, ...] = ()
    all_tags: tuple[str, ...] = ()
    work_pool: OneOrMore = None
    work_queue: OneOrMore = None
    backfill_id: OneOrMore = None
    created_by: OneOrMore = None
    roots: bool = False
    started_since: datetime | None = None
    started_until: datetime | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None


@dataclass(frozen=True)
class RunChange:
    """An edit of a flow run; None leaves a field as it is."""

    name: str | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True)
class NewFlowRuns:
    """Many runs to create at once."""

    flow_runs: tuple[NewFlowRun, ...]


@dataclass(frozen=True)
class MadeFlowRuns:
    """The ids of the runs that were created, or were there, in the order they were asked for."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class BulkRequest:
    """What to do with several runs: those of some ids, or the first 200 a filter means.

    Attributes:
        tags: to add, or to remove.
        dry_run: only say which runs are meant.
    """

    action: BulkAction
    ids: tuple[str, ...] = ()
    where: RunFilter | None = None
    tags: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class Refused:
    """A run that was left as it is, and why."""

    id: str
    code: str
    message: str


@dataclass(frozen=True)
class BulkAnswer:
    """What became of several runs.

    Attributes:
        done: ids of the runs it was done to (with `dry_run`: would be).
        refused: those it could not be done to.
        more: the filter means more runs than these: ask again.
    """

    done: tuple[str, ...]
    refused: tuple[Refused, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class StateCount:
    """How many runs of a span are in a state.

    Attributes:
        running_seconds: how long they were RUNNING, together.
        late_seconds: how long after they were due they started, together.
    """

    type: StateType
    name: str
    count: int
    running_seconds: float
    late_seconds: float


@dataclass(frozen=True)
class Bucket:
    """The runs due from an instant on, until before another, by state."""

    since: datetime
    until: datetime
    states: tuple[StateCount, ...]


@dataclass(frozen=True)
class Lateness:
    """How late runs started, or are by now: of how many (the newest due 10,000), on average."""

    runs: int
    average_seconds: float


@dataclass(frozen=True)
class FlowSummary:
    """A flow: what its runs and deployments share a name with.

    Attributes:
        runs: counted up to 1,000.
        deployments: how many run it.
        last_run: the one due last.
    """

    name: str
    runs: Count
    deployments: int
    last_run: FlowRun | None = None


class RunLists(Protocol):
    """The part of the port that answers for many flow runs."""

    def list_flow_runs(
        self,
        where: RunFilter | None = None,
        *,
        sort: RunSort = "-due_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[FlowRun]:
        """List runs, newest due first unless another order is asked for. Raises InvalidInput."""
        ...

    def count_flow_runs(self, where: RunFilter | None = None) -> Count:
        """Count runs, up to 10,000."""
        ...

    def read_history(
        self,
        since: datetime,
        until: datetime,
        interval_seconds: float,
        where: RunFilter | None = None,
    ) -> tuple[Bucket, ...]:
        """Count the runs due in a span by time and state: 500 buckets at most."""
        ...

    def read_lateness(self, where: RunFilter | None = None) -> Lateness:
        """Say how late runs started, or are by now."""
        ...

    def create_flow_runs(self, new: Sequence[NewFlowRun]) -> tuple[str, ...]:
        """Create many runs, all or none; give their ids. Raises as `create_flow_run` does."""
        ...

    def update_flow_run(self, flow_run_id: str, change: RunChange) -> FlowRun:
        """Edit a run's name or tags. Raises NotFound, InvalidInput."""
        ...

    def force_state(self, flow_run_id: str, state: State) -> Accept:
        """Set a run's state against the rules, at an operator's word.

        Raises NotFound, TransitionRefused (another process changed the run meanwhile).
        """
        ...

    def change_flow_runs(self, request: BulkRequest) -> BulkAnswer:
        """Cancel, delete, retry or tag several runs, each by itself. Raises InvalidInput."""
        ...

    def list_flows(
        self, search: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FlowSummary]:
        """List flows by name; `search`: a part of it, any case."""
        ...

    def read_flow(self, name: str) -> FlowSummary:
        """Read a flow. Raises NotFound: no run and no deployment has that name."""
        ...


def check(where: RunFilter) -> None:
    """Refuse a filter that names too much. Raises InvalidInput."""
    for field in fields(where):
        value: Any = getattr(where, field.name)
        named = len(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else 0
        if named > MOST_ROWS:
            raise InvalidInput(
                f"{field.name} names {named:,} values; {MOST_ROWS} are the most.",
                code="query.too_many",
                field=field.name,
                hint="Ask in several requests.",
            )
    if len(where.search or "") > _LONGEST_SEARCH:
        raise InvalidInput(
            f"search has more than {_LONGEST_SEARCH} characters.",
            code="filter.too_long",
            field="search",
        )


def check_span(since: datetime, until: datetime, interval_seconds: float) -> None:
    """Refuse a history nobody can draw. Raises InvalidInput."""
    if until <= since:
        raise InvalidInput("until does not lie after since.", code="history.span", field="until")
    if not 1.0 <= interval_seconds <= 366 * 86_400.0:
        raise InvalidInput(
            f"interval_seconds is {interval_seconds:g}; it must be 1 to 31,622,400.",
            code="history.interval",
            field="interval_seconds",
        )
    if (until - since).total_seconds() / interval_seconds > _MOST_BUCKETS:
        raise InvalidInput(
            f"That would be more than {_MOST_BUCKETS} buckets.",
            code="history.buckets",
            field="interval_seconds",
            hint="Ask for a longer interval, or a shorter span.",
        )


def check_bulk(request: BulkRequest) -> None:
    """Refuse a bulk request that does not say what is meant. Raises InvalidInput."""
    if bool(request.ids) is (request.where is not None):
        raise InvalidInput(
            "Say which runs are meant: by ids, or by where.", code="bulk.which", field="ids"
        )
    said = vars(request.where) if request.where else {"ids": request.ids}
    if not any(value for name, value in said.items() if name != "sessions"):
        raise InvalidInput(
            "An empty filter means every run.",
            code="bulk.every",
            field="where",
            hint="Name what the runs have in common: a state, a flow, a span.",
        )
    if len(request.ids) > MOST_ROWS:
        raise InvalidInput(
            f"{len(request.ids):,} ids are named; {MOST_ROWS} are the most.",
            code="query.too_many",
            field="ids",
            hint="Send several requests.",
        )
    if request.action.endswith("_tags") is not bool(request.tags):
        problem = "needs tags" if request.action.endswith("_tags") else "takes no tags"
        raise InvalidInput(f"{request.action} {problem}.", code="bulk.tags", field="tags")
