"""What lies inside runs, asked for by the many: task runs, log lines, the graph of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from nbflow.exceptions import InvalidInput
from nbflow.model.pages import MOST_ROWS, OneOrMore, Page, several
from nbflow.model.runs import FlowRun, LogEntry, TaskKind, TaskRun
from nbflow.model.states import State

TimeSort = Literal["created_at", "-created_at"]
LogSort = Literal["at", "-at"]
#: log lines a list gives at most
MOST_LINES = 1000


@dataclass(frozen=True)
class TaskRunFilter:
    """Which task runs are meant. Everything left out matches; of several values any one.

    Attributes:
        state: state types or names.
        key: what the tasks are: functions' qualified names, or cells' ids.
        search: a part of the name, any case.
        tags: any of these.
        since: created at or after this instant; `until`: before.
    """

    flow_run_id: OneOrMore = None
    id: OneOrMore = None
    state: tuple[str, ...] = ()
    key: OneOrMore = None
    name: OneOrMore = None
    kind: tuple[TaskKind, ...] = ()
    search: str | None = None
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class LogFilter:
    """Which log lines are meant. Everything left out matches; of several values any one.

    Attributes:
        level: the least level, as a number of `logging`.
        search: a part of the message, any case.
        since: logged at or after this instant; `until`: before.
    """

    flow_run_id: OneOrMore = None
    task_run_id: OneOrMore = None
    level: int = 0
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class GraphNode:
    """A task run, or a flow run that was called.

    Attributes:
        upstream: ids of the nodes whose results it took.
        called_from: the task run that called a flow run.
    """

    id: str
    kind: Literal["task-run", "flow-run"]
    name: str
    state: State
    started_at: datetime | None
    ended_at: datetime | None
    upstream: tuple[str, ...] = ()
    called_from: str | None = None


@dataclass(frozen=True)
class RunGraph:
    """A run as a graph. Asked again with `since=at`, it holds only the nodes that have changed."""

    flow_run_id: str
    state: State
    at: datetime
    nodes: tuple[GraphNode, ...]


class RunParts(Protocol):
    """The part of the port that answers for what lies inside runs."""

    def list_logs(
        self,
        flow_run_id: str | None = None,
        *,
        where: LogFilter | None = None,
        sort: LogSort = "at",
        limit: int = MOST_LINES,
        after: str | None = None,
    ) -> Page[LogEntry]:
        """List log lines, oldest first; `after` is the cursor of the page before.

        Of one run by time; of several, or all, in the order they were written.
        Raises NotFound, InvalidInput.
        """
        ...

    def find_task_runs(
        self,
        where: TaskRunFilter | None = None,
        *,
        sort: TimeSort = "-created_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[TaskRun]:
        """List task runs of any flow runs, newest first. Raises InvalidInput."""
        ...

    def read_run_graph(self, flow_run_id: str, *, since: datetime | None = None) -> RunGraph:
        """Give a run's latest attempt as a graph. Raises NotFound."""
        ...


def graph_of(
    run: FlowRun,
    tasks: Sequence[TaskRun],
    children: Sequence[FlowRun],
    *,
    at: datetime,
    since: datetime | None,
) -> RunGraph:
    """Give a run's graph from what was recorded of it."""
    found = [
        GraphNode(
            task.id, "task-run", task.name, task.state, task.started_at, task.ended_at,
            task.upstream,
        )
        for task in tasks
    ] + [
        GraphNode(
            child.id, "flow-run", child.name, child.state, child.started_at, child.ended_at,
            called_from=child.parent_task_run_id,
        )
        for child in children
    ]  # fmt: skip
    nodes = tuple(node for node in found if since is None or node.state.at >= since)
    return RunGraph(run.id, run.state, at, nodes)


def check(named: Mapping[str, OneOrMore]) -> None:
    """Refuse a filter that names too much. Raises InvalidInput."""
    for name, value in named.items():
        if len(several(value)) > MOST_ROWS:
            raise InvalidInput(
                f"{name} names more than {MOST_ROWS} values.", code="query.too_many", field=name
            )
