"""Deployments: a flow, how to run it, and when. Also the work pools where runs wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from nbflow.model.schedules import Catchup, Overlap, Timing

Source = Literal["snapshot", "live"]


@dataclass(frozen=True)
class Schedule:
    """When a deployment runs.

    Attributes:
        timing: Cron, Interval or RRule.
        catchup: what becomes of instants missed while nothing was up.
        overlap: what happens when a scheduled run is due and an earlier one has not ended.
        parameters: laid over the deployment's own.
        done_until: every instant up to here is a run or a recorded skip; it never goes back.
        next_at: the first instant after `done_until`; None: there is none.
    """

    id: str
    deployment_id: str
    timing: Timing
    created_at: datetime
    done_until: datetime
    next_at: datetime | None
    active: bool = True
    catchup: Catchup = "latest"
    overlap: Overlap = "enqueue"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class NewSchedule:
    """What is said to give a deployment a schedule."""

    timing: Timing
    active: bool = True
    catchup: Catchup = "latest"
    overlap: Overlap = "enqueue"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Skip:
    """Due instants that were not run, and why: the record that none was lost."""

    schedule_id: str
    first_at: datetime
    last_at: datetime
    count: int
    reason: Literal["missed", "overlap", "paused"]


@dataclass(frozen=True)
class Deployment:
    """A notebook and how to run it.

    Attributes:
        path: the notebook's absolute path; its folder is the working directory.
        source: `snapshot` runs what was deployed, `live` what lies there when a run starts.
        snapshot: sha256 of the content deployed.
        parameter_schema: JSON Schema (2020-12) of the parameters, from the `parameters` cell.
        parameters: defaults laid over the notebook's own.
        host: the machine whose folders and kernels the deployment needs.
        concurrency_limit: at most this many of its runs at once; None: no limit.
        made_by: which face made it: `form`, `cli`, `code` or `rest`.
        function: the flow inside the notebook that is deployed; None: the whole notebook.
        options: how it is to be executed (`model.run_options`), as JSON.
    """

    id: str
    name: str
    flow_name: str
    path: str
    source: Source
    snapshot: str
    kernel_name: str
    created_at: datetime
    updated_at: datetime
    kernel_argv: tuple[str, ...] = ()
    host: str | None = None
    work_pool: str = "default"
    parameter_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()
    description: str = ""
    concurrency_limit: int | None = None
    paused: bool = False
    schedules: tuple[Schedule, ...] = ()
    made_by: str = "code"
    created_by: str | None = None
    function: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class NewDeployment:
    """What is said to deploy; `model.deploying` makes it from a notebook and validates it.

    Attributes:
        content: the notebook as JSON text; kept under its sha256, which names the snapshot.
        replace: take over a name that another path holds (else Conflict).
    """

    name: str
    flow_name: str
    path: str
    content: str
    kernel_name: str
    source: Source = "snapshot"
    kernel_argv: tuple[str, ...] = ()
    host: str | None = None
    work_pool: str = "default"
    parameter_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()
    description: str = ""
    concurrency_limit: int | None = None
    paused: bool = False
    schedules: tuple[NewSchedule, ...] = ()
    made_by: str = "code"
    created_by: str | None = None
    function: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    replace: bool = False


@dataclass(frozen=True)
class WorkPool:
    """Where runs wait for a worker, at most `concurrency_limit` at once (None: no limit)."""

    id: str
    name: str
    created_at: datetime
    type: Literal["process"] = "process"
    paused: bool = False
    concurrency_limit: int | None = None
    description: str = ""
