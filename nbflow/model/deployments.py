"""Deployments: a flow, how to run it, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.schedules import Catchup, Overlap, Timing
from nbflow.model.work_pools import Kept

if TYPE_CHECKING:
    from nbflow.model.drift import Drift

Source = Literal["snapshot", "live"]
#: what becomes of a run that finds its deployment at its limit
Collision = Literal["enqueue", "cancel_new"]


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
        slug: what people call it, unique in its deployment; None: it has no name.
        catchup_window_seconds: how far back missed instants are made up; None: the setting.
        catchup_max: at most this many of them; None: the setting.
        jitter_seconds: a run starts up to this much after its instant, always the same for one.
        starts_at: no instant before it counts. ends_at: none at or after it.
        max_runs: it ends after so many runs; None: it does not.
        runs_made: how many runs it has made.
        generation: counts its edits.
        problem: why it cannot fire on this host (its zone is unknown, say); None: it can.
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
    slug: str | None = None
    catchup_window_seconds: float | None = None
    catchup_max: int | None = None
    jitter_seconds: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs: int | None = None
    runs_made: int = 0
    generation: int = 1
    problem: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class NewSchedule:
    """What is said to give a deployment a schedule; the fields mean what `Schedule`'s do."""

    timing: Timing
    active: bool = True
    catchup: Catchup = "latest"
    overlap: Overlap = "enqueue"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    slug: str | None = None
    catchup_window_seconds: float | None = None
    catchup_max: int | None = None
    jitter_seconds: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs: int | None = None


@dataclass(frozen=True)
class Skip:
    """Due instants that were not run, and why: the record that none was lost.

    Attributes:
        reason: `missed` while nothing was up, `overlap` with an earlier run, `replaced` because the
            schedule was edited before its run began, `asked` beforehand.
    """

    schedule_id: str
    first_at: datetime
    last_at: datetime
    count: int
    reason: Literal["missed", "overlap", "replaced", "asked"]


@dataclass(frozen=True)
class Deployment:
    """A notebook or flow and how to run it.

    Attributes:
        path: the notebook's or script's absolute path; its folder is the working directory. Of a
            flow in a module, the folder it is imported from.
        entrypoint: `file.py:flow` or `package.module:flow`; None: a notebook is deployed.
        source: `snapshot` runs what was deployed, `live` what lies there when a run starts.
        snapshot: sha256 of the content deployed.
        parameter_schema: JSON Schema (2020-12) of the parameters, from the `parameters` cell.
        parameters: defaults laid over the notebook's own.
        host: the machine whose folders and kernels the deployment needs.
        concurrency_limit: at most this many of its runs at once; None: no limit.
        collision_strategy: a run beyond that limit waits (`enqueue`) or is cancelled.
        made_by: which face made it: `form`, `yaml`, `cli`, `code` or `rest`.
        defined_in: the file that declares it (`nbflow.yaml`), if one does.
        function: the flow inside the notebook that is deployed; None: the whole notebook.
        options: how it is to be executed (`model.run_options`), as JSON.
        version: counts up each time it is deployed.
        work_queue: the pool's queue its runs wait in.
        job_variables: laid over the defaults of the pool's template.
        enforce_parameter_schema: whether a run's parameters are checked against the schema.
        retries: extra tries of its runs. crash_retries: those of runs that crashed.
        include: globs of files beside the notebook that belong to the snapshot.
        files: those files, by path below the notebook's folder: the sha256 of each.
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
    entrypoint: str | None = None
    version: int = 1
    work_queue: str = "default"
    job_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    enforce_parameter_schema: bool = True
    retries: int = 0
    retry_delay_seconds: float = 0.0
    crash_retries: int = 0
    collision_strategy: Collision = "enqueue"
    include: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    defined_in: str | None = None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from nbflow.model import cards  # it stands above

        return cards.of_deployment(self).bundle()

    @property
    def taken(self) -> Mapping[str, Any]:
        """Give what a run's parameters are held against: anything goes where it is not enforced."""
        return self.parameter_schema if self.enforce_parameter_schema else {}


@dataclass(frozen=True)
class NewDeployment:
    """What is said to deploy; `model.deploying` makes it from a notebook and validates it.

    Attributes:
        content: the notebook as JSON text; kept under its sha256, which names the snapshot.
        replace: take over a name that another path holds, or that was made another way (else
            Conflict).
        note: what is said of this version.
        triggers: when it is run, as `model.automations_declared.triggers` reads them; those it had
            and are not said go. None: they stay as they are.
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
    entrypoint: str | None = None
    work_queue: str = "default"
    job_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    enforce_parameter_schema: bool = True
    retries: int = 0
    retry_delay_seconds: float = 0.0
    crash_retries: int = 0
    collision_strategy: Collision = "enqueue"
    include: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    defined_in: str | None = None
    replace: bool = False
    note: str = ""
    triggers: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True)
class DeploymentChange:
    """An edit of a deployment; what is left out (null) stays. A limit of null means no limit.

    Attributes:
        made_by: which face edits; it must be the one that made the deployment, or `replace` is
            said. Pausing is nobody's own.
    """

    paused: bool | None = None
    parameters: Mapping[str, Any] | None = None
    tags: tuple[str, ...] | None = None
    description: str | None = None
    work_pool: str | None = None
    work_queue: str | None = None
    job_variables: Mapping[str, Any] | None = None
    concurrency_limit: int | Kept | None = "kept"
    collision_strategy: Collision | None = None
    enforce_parameter_schema: bool | None = None
    retries: int | None = None
    retry_delay_seconds: float | None = None
    crash_retries: int | None = None
    source: Source | None = None
    made_by: str | None = None
    replace: bool = False
    note: str = ""


@dataclass(frozen=True)
class DeploymentVersion:
    """What a deployment was when it was deployed for the nth time.

    Attributes:
        content: everything that is versioned (not schedules, pause and limits), as JSON.
        note: what its maker said of it.
    """

    id: str
    deployment_id: str
    version: int
    content: Mapping[str, Any]
    snapshot: str
    made_by: str
    created_at: datetime
    created_by: str | None = None
    note: str = ""


class Deployments(Protocol):
    """The part of the Backend that keeps deployments, their versions and their files."""

    def deploy(self, new: NewDeployment) -> Deployment:
        """Create or replace a deployment and its schedules. Raises InvalidInput, Conflict."""
        ...

    def update_deployment(
        self, name_or_id: str, change: DeploymentChange, *, expected: datetime | None = None
    ) -> Deployment:
        """Edit a deployment. Raises NotFound, InvalidInput, Conflict, Stale."""
        ...

    def delete_deployment(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs; past runs stay."""
        ...

    def read_deployment(self, name_or_id: str) -> Deployment:
        """Read a deployment by name or id. Raises NotFound."""
        ...

    def list_deployments(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Deployment]:
        """List deployments by name."""
        ...

    def list_deployment_versions(
        self, name_or_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[DeploymentVersion]:
        """List what a deployment was, newest first; the first is what it is. Raises NotFound."""
        ...

    def read_deployment_version(self, name_or_id: str, version: int) -> DeploymentVersion:
        """Read one version of a deployment. Raises NotFound."""
        ...

    def rollback_deployment(
        self, name_or_id: str, version: int, *, made_by: str | None = None, replace: bool = False
    ) -> Deployment:
        """Make a new version that is equal to an earlier one. Raises NotFound, Conflict."""
        ...

    def read_drift(self, name_or_id: str) -> Drift:
        """Say what has changed in a deployment's files since. Raises NotFound, Conflict."""
        ...

    def read_snapshot(self, digest: str) -> str:
        """Read a deployed notebook's or script's text by its sha256. Raises NotFound."""
        ...

    def read_snapshot_bytes(self, digest: str) -> bytes:
        """Read any deployed content by its sha256. Raises NotFound."""
        ...
