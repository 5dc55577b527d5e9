"""What may stand in a request's address: shapes too, so that one reader checks all that comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.event_log import CountBy, EventFilter, EventSort
from nbflow.model.pages import MOST_ROWS
from nbflow.model.results import MOST
from nbflow.model.run_lists import RunFilter, RunSort
from nbflow.model.run_parts import MOST_LINES, LogFilter, LogSort, TaskRunFilter, TimeSort
from nbflow.model.scheduling import ScheduleFilter


@dataclass(frozen=True)
class PageQuery:
    """How many rows of a list to give, and after which place in it."""

    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class BlockQuery:
    """Which blocks to list: of a type, or able to do something."""

    type: str | None = None
    capability: str | None = None
    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class RunQuery(RunFilter):
    """Which flow runs to list, in which order; a name given several times: any of its values."""

    sort: RunSort = "-due_at"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class HistoryQuery(RunFilter):
    """Over which span runs are counted, and how long each bucket is."""

    since: datetime = field()  # without it, the default is the wider class's
    until: datetime = field()
    interval_seconds: float


@dataclass(frozen=True)
class FlowQuery:
    """Which flows to list: those whose name holds a text, any case."""

    search: str | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class LogQuery(LogFilter):
    """Which log lines to list, in which order."""

    sort: LogSort = "at"
    limit: int = MOST_LINES
    after: str | None = None


@dataclass(frozen=True)
class LogDownload(LogFilter):
    """Which log lines to download, as what; `follow`: until the run has ended."""

    format: Literal["text", "ndjson"] = "text"
    follow: bool = False


@dataclass(frozen=True)
class TaskRunQuery(TaskRunFilter):
    """Which task runs to list, in which order."""

    sort: TimeSort = "-created_at"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class EventQuery(EventFilter):
    """Which events to list, in which order."""

    sort: EventSort = "-occurred"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class EventCountQuery(EventFilter):
    """Which events to count, and by what."""

    by: CountBy = "hour"


@dataclass(frozen=True)
class FeedQuery:
    """After which commit's number events are asked for, and of how many commits at most."""

    since: int = 0
    limit: int = 200


@dataclass(frozen=True)
class RunGraphQuery:
    """Since when a run's graph is asked for; null: all of it."""

    since: datetime | None = None


@dataclass(frozen=True)
class InputQuery:
    """Which inputs to list: those whose key begins with `prefix`, after the one of an id."""

    prefix: str = ""
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class ResultQuery:
    """Whose results to list: a flow run's, by key, or a task's, newest first.

    `data`: with the bytes of small ones.
    """

    flow_run_id: str | None = None
    task_key: str | None = None
    limit: int = MOST
    cursor: str | None = None
    data: bool = False


@dataclass(frozen=True)
class ArtifactQuery(ArtifactFilter):
    """Which artifacts to list; `latest`: of each key only the newest version."""

    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class PartQuery:
    """Which part of an attempt's file: from `offset` on."""

    name: str
    offset: int = 0


@dataclass(frozen=True)
class ResultPartQuery:
    """Which part of a result's file, of `size` bytes in all: from `offset` on."""

    offset: int = 0
    size: int = 0


@dataclass(frozen=True)
class NewsQuery:
    """Which news to wait for, those after `since`, and for how many seconds."""

    since: int = 0
    seconds: int = 20


@dataclass(frozen=True)
class MimeQuery:
    """Which of an artifact's forms to give; the richest when left out."""

    mime: str | None = None


@dataclass(frozen=True)
class ChangeQuery:
    """From where on changes are given, and for how many seconds the first is waited for."""

    since: int = 0
    limit: int = 1000
    wait: float = 0.0


@dataclass(frozen=True)
class UpcomingQuery:
    """Whose instants to list: a deployment's (name or id), else all."""

    deployment: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class BackfillQuery:
    """Whose backfills to list: a deployment's (name or id), else all."""

    deployment: str | None = None
    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class ScheduleQuery(ScheduleFilter):
    """Which schedules to list."""

    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class DiffQuery:
    """Two versions of a deployment."""

    before: int
    after: int


@dataclass(frozen=True)
class PathQuery:
    """A contents path."""

    path: str


@dataclass(frozen=True)
class GraphQuery:
    """A notebook, and the run it is compared with.

    Attributes:
        path: a contents path.
        run: a flow run's id; cells that changed since it was started are marked.
    """

    path: str
    run: str | None = None
