"""Block-based deployments: code in a storage block, executed as an infrastructure block says.

A `Deployment` is a description; `apply` makes an ordinary deployment of it, in a pool that agents
serve: where its code is and which block executes it are job variables (`model.pool_types`).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.connect import connect
from nbflow.deployments import making
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import deploying as deploying_words
from nbflow.model import deployment_file, deployments, entrypoints, infrastructures, names
from nbflow.model.backend import Backend
from nbflow.model.deployments import NewDeployment, NewSchedule
from nbflow.model.pool_types import AGENT, AGENT_POOL
from nbflow.model.schedule_said import said_of
from nbflow.model.schedules import Cron, Interval, RRule, Timing
from nbflow.model.work_pools import DEFAULT_QUEUE, NewWorkPool, WorkPool
from nbflow.store import whole_files

if TYPE_CHECKING:
    from nbflow.filesystems import FileSystem
    from nbflow.infrastructure import Infrastructure

IGNORE_FILE = ".nbflowignore"


@dataclass
class Deployment:
    """A flow or notebook with its storage, its infrastructure and how it is scheduled.

    Attributes:
        name: of the deployment.
        entrypoint: `FILE.py:FLOW`, `NOTEBOOK.ipynb`, `NOTEBOOK.ipynb:FLOW` (seen from `path`) or
            `PACKAGE.MODULE:FLOW`.
        path: the working folder: what is uploaded, and where the code is without a storage.
        version: what is said of it; versions are counted anyway.
        work_queue_name, work_pool_name: where its runs wait.
        schedules: of Cron, Interval, RRule or NewSchedule. is_schedule_active: whether they count.
        infrastructure: a block, `TYPE/NAME`, or a type alone; None: a process.
        infra_overrides: laid over what the block says; dots lead inside: `env.REGION`.
        storage: a saved block, or `TYPE/NAME`, with a folder in it behind another slash.
        ignore_file: names what is not uploaded.
    """

    name: str
    entrypoint: str
    path: str = field(default_factory=os.getcwd)
    flow_name: str | None = None
    description: str | None = None
    version: str | None = None
    work_queue_name: str = DEFAULT_QUEUE
    work_pool_name: str = AGENT_POOL
    tags: tuple[str, ...] | list[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    schedules: Iterable[Timing | NewSchedule] = ()
    is_schedule_active: bool = True
    infrastructure: Infrastructure | str | None = None
    infra_overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    storage: FileSystem | str | None = None
    parameter_openapi_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ignore_file: str | None = IGNORE_FILE

    # -- making one ---------------------------------------------------------------------------
    @classmethod
    def build_from_flow(
        cls,
        flow: making.What,
        name: str,
        output: str | os.PathLike[str] | None = None,
        skip_upload: bool = False,
        ignore_file: str | None = IGNORE_FILE,
        apply: bool = False,
        load_existing: bool = True,
        **fields: Any,
    ) -> Deployment:
        """Describe a deployment of a flow, upload its code, and perhaps write or apply it.

        Args:
            flow: a Flow, or what `entrypoint` may say.
            output: a file the description is written to.
            skip_upload: leave the storage as it is.
            ignore_file: names what of the working folder is not uploaded.
            apply: deploy it.
            load_existing: what is not said is as in the deployment of this name, if there is one.
            fields: the other attributes.

        Raises as `apply`, and StorageFailed; nothing is written then.
        """
        _check_fields(fields)
        schedules = _schedules(fields)
        path = os.path.abspath(os.path.expanduser(fields.pop("path", None) or os.getcwd()))
        made = cls(names.check_name(name), _entrypoint(flow, path), path, ignore_file=ignore_file)
        if load_existing:
            made.load()
        made.update(**fields, **schedules)
        new = made.new()
        made.flow_name, made.parameter_openapi_schema = new.flow_name, new.parameter_schema
        made.description = new.description
        if not skip_upload:
            made.upload()
        if output is not None:
            made.to_yaml(output)
        if apply:
            made.apply()
        return made

    @classmethod
    def load_from_yaml(cls, path: str | os.PathLike[str]) -> Deployment:
        """Read what `to_yaml` wrote. Raises NotFound, InvalidInput."""
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            message = f"{file} cannot be read: {error.strerror}."
            raise NotFound(message, code="deployment_file.missing", field="path") from None
        except UnicodeDecodeError:
            message = f"{file} is not UTF-8."
            raise InvalidInput(message, code="yaml.encoding", field="path") from None
        said = deployment_file.read(text, file=file.name)
        return cls(**{name: value for name, value in said.items() if value is not None})

    def to_yaml(self, path: str | os.PathLike[str]) -> None:
        """Write this description to a file that `load_from_yaml` reads. Raises InvalidInput."""
        plain = {name: getattr(self, name) for name in deployment_file.HEAD + deployment_file.TAIL}
        plain |= {
            "tags": list(self.tags),
            "parameters": dict(self.parameters),
            "infra_overrides": dict(self._overrides()),
            "schedules": [deployment_file.schedule_json(one) for one in self._schedules()],
            "infrastructure": self._infrastructure(),
            "storage": None if self.storage is None else "/".join(filter(None, self._storage())),
        }
        file = Path(path)
        try:
            whole_files.write_text(file, deployment_file.write(plain, file=file.name))
        except OSError as error:
            raise InvalidInput(f"{file}: {error.strerror}.", field="output") from None

    # -- changing it --------------------------------------------------------------------------
    def load(self) -> bool:
        """Take what can be edited from the deployment of this name; say whether there is one."""
        try:
            found = connect().read_deployment(self.name)
        except NotFound:
            return False
        chosen = dict(found.job_variables)
        storage = chosen.pop("storage", None) or {}
        self.storage = storage.get("block")
        self.infrastructure = chosen.pop("infrastructure", None)
        self.infra_overrides = chosen
        self.description, self.tags = found.description, found.tags
        self.parameters, self.is_schedule_active = found.parameters, not found.paused
        self.work_pool_name, self.work_queue_name = found.work_pool, found.work_queue
        self.schedules = tuple(map(said_of, found.schedules))
        return True

    def update(self, *, ignore_none: bool = False, **fields: Any) -> None:
        """Set attributes; `ignore_none`: None says nothing. Raises InvalidInput (none such)."""
        _check_fields(fields)
        for name, value in fields.items():
            if value is not None or not ignore_none:
                setattr(self, name, value)

    # -- carrying it out ----------------------------------------------------------------------
    def upload(self) -> int:
        """Copy the working folder into the storage; give how many files that were (0: none).

        Raises InvalidInput, NotFound (the block), StorageFailed.
        """
        if self.storage is None:
            return 0
        block, below = self._block()
        return block.put_directory(self.path, below, self.ignore_file)

    def apply(self, upload: bool = False) -> deployments.Deployment:
        """Deploy it, over one of its name; give the deployment.

        Args:
            upload: copy the working folder into the storage first.

        Raises InvalidInput, NotFound (flow, block), ParameterError, InvalidSchedule, StorageFailed.
        """
        new, backend = self.new(), connect()
        self._check_blocks(backend)
        if upload:
            self.upload()
        return backend.deploy(new)

    def new(self) -> NewDeployment:
        """Give the ordinary deployment it makes, checked whole. Raises as `apply`."""
        what = os.path.join(self.path, self.entrypoint)
        if _is_module(self.entrypoint):
            what = self.entrypoint
        request = deploying_words.DeployRequest(
            name=self.name,
            source="live",
            parameters=self.parameters,
            schedules=tuple(self._schedules()),
            tags=names.check_tags(self.tags),
            description=self.description or "",
            work_pool=self.work_pool_name,
            work_queue=self.work_queue_name,
            job_variables=self._job_variables(),
            paused=not self.is_schedule_active,
            replace=True,
            made_by="code",
            note=self.version or "",
        )
        return making.new_deployment(request, what, folder=self.path)

    def ensure_pool(self) -> WorkPool:
        """Give the work pool its runs wait in; one that is not there is made for agents."""
        backend = connect()
        try:
            return backend.read_work_pool(self.work_pool_name)
        except NotFound:
            return backend.create_work_pool(NewWorkPool(self.work_pool_name, type=AGENT))

    def _schedules(self) -> list[NewSchedule]:
        return [one if isinstance(one, NewSchedule) else NewSchedule(one) for one in self.schedules]

    # -- what it says of blocks ---------------------------------------------------------------
    def _job_variables(self) -> dict[str, Any]:
        said = dict(self._overrides())
        infrastructure = self._infrastructure()
        if infrastructure is not None:
            said["infrastructure"] = infrastructure
        if self.storage is not None:
            file = None if _is_module(self.entrypoint) else self.entrypoint.rpartition(".py:")[0]
            if file is not None:
                file = f"{file}.py" if file else deploying_words.split(self.entrypoint)[0]
            said["storage"] = {"block": "/".join(filter(None, self._storage())), "file": file}
        return said

    def _infrastructure(self) -> str | None:
        """Give the infrastructure's block, or its type alone."""
        chosen = self.infrastructure
        if chosen is None or isinstance(chosen, str):
            infrastructures.parse(chosen)
            return chosen
        return chosen.saved_as() or chosen.type

    def _overrides(self) -> Mapping[str, Any]:
        """Give what lies over the block; a block that was not saved says all it says here."""
        chosen = self.infrastructure
        if chosen is None or isinstance(chosen, str) or chosen.saved_as():
            return self.infra_overrides
        return {**chosen.job_variables(), **self.infra_overrides}

    def _storage(self) -> tuple[str, str]:
        """Give the storage's block, and the folder in it."""
        if isinstance(self.storage, str):
            slug, _, rest = self.storage.partition("/")
            name, _, below = rest.partition("/")
            return f"{slug}/{name}", below
        saved = None if self.storage is None else self.storage.saved_as()
        if saved is None:
            raise InvalidInput(
                "The storage was not saved: a run could not find it.",
                code="storage.unsaved",
                field="storage",
                hint='Save it first: storage.save("NAME").',
            )
        return saved, ""

    def _block(self) -> tuple[FileSystem, str]:
        from nbflow import filesystems  # pydantic and fsspec

        if isinstance(self.storage, str):
            return filesystems.load(self.storage)
        assert self.storage is not None
        return self.storage, ""

    def _check_blocks(self, backend: Backend) -> None:
        """See that the blocks are there, and that the pool's workers heed them."""
        kind, name = infrastructures.parse(self._infrastructure())
        if self.storage is not None:
            self._block()
        if name is not None:
            backend.read_block(f"{kind}/{name}")
        pool = self.ensure_pool()
        if self.infrastructure is not None and pool.type != AGENT:
            raise InvalidInput(
                f"The work pool {pool.name!r} has the type {pool.type}: its workers decide how "
                "runs are executed.",
                code="infrastructure.pool",
                field="infrastructure",
                hint=f"Leave the infrastructure out, or take a pool of the type {AGENT}.",
            )


def _is_module(entrypoint: str) -> bool:
    return entrypoints.is_meant(entrypoint) and not entrypoints.parse(entrypoint).is_file


def _entrypoint(flow: making.What, path: str) -> str:
    """Give a flow's entrypoint as seen from a folder. Raises InvalidInput."""
    named, folder = making.target(flow)
    if _is_module(named):
        if not isinstance(flow, str) and folder != path:
            raise _elsewhere(f"The module {named} is imported from {folder}", path)
        return named
    where = os.path.relpath(os.path.join(path, os.path.expanduser(named)), path)
    if where.startswith(os.pardir):
        raise _elsewhere(f"{named} lies", path)
    return where.replace(os.sep, "/")


def _elsewhere(what: str, path: str) -> InvalidInput:
    return InvalidInput(
        f"{what}, outside the working folder {path}.",
        code="deployment.outside",
        field="path",
        hint="Go to the folder that holds all of its code, or name it: path=FOLDER.",
    )


def _schedules(fields: dict[str, Any]) -> dict[str, Any]:
    """Take `schedule` (one), as the older name says it, for `schedules`."""
    one = fields.pop("schedule", None)
    if one is None:
        return {}
    if not isinstance(one, (Cron, Interval, RRule, NewSchedule)):
        raise InvalidInput(f"{names.shown(one)} is no schedule.", field="schedule")
    return {"schedules": (one,)}


_FIELDS = {one.name for one in dataclasses.fields(Deployment)} | {"schedule"}


def _check_fields(fields: Mapping[str, Any]) -> None:
    for name in fields:
        if name not in _FIELDS:
            hint = names.did_you_mean(name, _FIELDS, "It has")
            said = f"A deployment has no {names.shown(name)}."
            raise InvalidInput(said, code="field.unknown", field=name, hint=hint)
