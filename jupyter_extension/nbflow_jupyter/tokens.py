"""What nbflow's own tokens open: the routes of each kind, and on them only what is the token's.

A worker elsewhere and the processes of a run are no users of the Jupyter server. `OPENS` is the
whole list of what they may ask for; everything else answers 403, whatever the authorizer says of
users. Within a route a token reaches only the runs its holder runs now (`Door`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from jupyter_server.auth import Authorizer, IdentityProvider, User

from nbflow.exceptions import Conflict, Forbidden, NotFound
from nbflow.model import tokens
from nbflow.model.event_log import NewEvents
from nbflow.model.limits import SlotRequest
from nbflow.model.runs import Batch, NewFlowRun
from nbflow.model.tokens import Token, TokenKind
from nbflow.model.workers import Held, NewWorker
from nbflow_jupyter.shapes import Heartbeat

if TYPE_CHECKING:
    from nbflow.orchestration.orchestrator import Orchestrator
    from nbflow_jupyter.base import ApiHandler

_BOTH: frozenset[TokenKind] = frozenset({"worker", "run"})
_WORKER: frozenset[TokenKind] = frozenset({"worker"})
_RUN: frozenset[TokenKind] = frozenset({"run"})

#: by verb and path (as in `routes`) which kinds of token may ask
OPENS: Mapping[tuple[str, str], frozenset[TokenKind]] = {
    # a worker's life
    ("get", "version"): _BOTH,
    ("get", "home"): _BOTH,
    ("post", "workers"): _WORKER,
    ("post", "workers/{worker_id}/claim"): _WORKER,
    ("post", "workers/{worker_id}/stop"): _WORKER,
    ("get", "workers/{worker_id}/news"): _WORKER,
    ("post", "flow-runs/{flow_run_id}/token"): _WORKER,
    ("post", "heartbeat"): _BOTH,
    # a run's life
    ("get", "flow-runs/{flow_run_id}"): _BOTH,
    ("post", "flow-runs/{flow_run_id}/propose"): _BOTH,
    ("get", "flow-runs/{flow_run_id}/states"): _BOTH,
    ("get", "flow-runs/{flow_run_id}/task-runs"): _RUN,
    ("get", "flow-runs/{flow_run_id}/logs"): _RUN,
    ("post", "flow-runs/{flow_run_id}/pause"): _RUN,
    ("post", "flow-runs/{flow_run_id}/suspend"): _RUN,
    ("post", "flow-runs/{flow_run_id}/resume"): _RUN,
    ("get", "flow-runs/{flow_run_id}/input"): _RUN,
    ("post", "flow-runs/{flow_run_id}/input"): _RUN,
    ("get", "task-runs/{task_run_id}"): _RUN,
    ("post", "records"): _BOTH,
    # what it is made of, and what it makes
    ("get", "snapshots/{digest}"): _BOTH,
    ("get", "snapshots/{digest}/bytes"): _BOTH,
    ("get", "flow-runs/{flow_run_id}/files"): _BOTH,
    ("get", "flow-runs/{flow_run_id}/files/{attempt}"): _BOTH,
    ("put", "flow-runs/{flow_run_id}/files/{attempt}"): _BOTH,
    ("post", "results/files/lacking"): _BOTH,
    ("get", "results/files/{folder}/{name}"): _BOTH,
    ("put", "results/files/{folder}/{name}"): _BOTH,
    ("get", "results"): _RUN,
    ("get", "results/{key}"): _RUN,
    ("delete", "results/{key}"): _RUN,
    ("get", "results/{key}/content"): _RUN,
    ("get", "artifacts"): _RUN,
    ("get", "artifacts/{key_or_id}"): _RUN,
    ("patch", "artifacts/{key_or_id}"): _RUN,
    ("get", "artifacts/{key_or_id}/content"): _RUN,
    ("put", "artifacts/{key_or_id}/content"): _BOTH,
    # what flows ask for, and tell
    ("get", "events"): _RUN,
    ("post", "events"): _RUN,
    ("post", "flow-runs"): _RUN,
    ("post", "flow-runs/{flow_run_id}/cancel"): _RUN,
    ("get", "deployments/{name_or_id}"): _RUN,
    ("get", "deployments/{name_or_id}/versions/{version}"): _RUN,
    ("post", "deployments/{name_or_id}/run"): _RUN,
    ("get", "concurrency-limits/tags/active"): _BOTH,
    ("post", "concurrency-limits/slots/acquire"): _BOTH,
    ("post", "concurrency-limits/slots/release"): _BOTH,
    ("post", "concurrency-limits/slots/renew"): _BOTH,
    ("post", "concurrency-limits/slots/settled"): _BOTH,
    ("get", "variables"): _RUN,
    ("post", "variables"): _RUN,
    ("get", "variables/{name}"): _RUN,
    ("delete", "variables/{name}"): _RUN,
    ("get", "block-types"): _RUN,
    ("post", "block-types"): _RUN,
    ("get", "block-types/{slug}"): _RUN,
    ("get", "block-types/{slug}/schemas"): _RUN,
    ("post", "block-types/{slug}/schemas"): _RUN,
    ("get", "blocks"): _RUN,
    ("post", "blocks"): _RUN,
    ("get", "blocks/{block}"): _RUN,
    ("post", "blocks/{block}/open"): _BOTH,
}

#: verbs that only look
_LOOKS = frozenset({"get", "head"})


def kinds(verb: str, path: str) -> frozenset[TokenKind]:
    """Give the kinds of token that open a verb of a route; of most routes, none."""
    return OPENS.get((verb.lower(), path), frozenset())


class Door:
    """One request that was made with a token, and what it may touch."""

    def __init__(self, token: Token, backend: Orchestrator) -> None:
        self.token = token
        self.backend = backend
        self.identity = _Identity(token)
        self.authorizer = _Allowed()

    def check_path(self, verb: str, parts: Mapping[str, str]) -> None:
        """Check what an address names. Raises Forbidden; NotFound for what is not there."""
        if "worker_id" in parts:
            self.check_worker(parts["worker_id"])
        if "flow_run_id" in parts:
            self.check_runs([parts["flow_run_id"]], look=verb in _LOOKS)
        if "task_run_id" in parts:
            found = self.backend.read_task_run(parts["task_run_id"])
            self.check_runs([found.flow_run_id], look=True)
        if "key" in parts:
            self._check_result(parts["key"])
        if "folder" in parts and parts["folder"] != "shared":
            self.check_runs([parts["folder"]], look=verb in _LOOKS)
        if "key_or_id" in parts and verb == "patch":
            found = self.backend.read_artifact(parts["key_or_id"])
            self.check_runs([found.flow_run_id] if found.flow_run_id else [])

    def check_body(self, body: object) -> None:
        """Check what a body names. Raises Forbidden; NotFound for what is not there."""
        match body:
            case Batch():
                self.check_runs(_runs_of(body))
            case NewEvents():
                self._check_events(body)
            case Heartbeat():
                self._check_heartbeat(body.held, body.worker_id)
            case NewFlowRun():
                self._check_new(body.parent_flow_run_id)
            case NewWorker():
                self._check_pool(body.work_pool)
            case SlotRequest():
                self.check_runs([body.flow_run_id] if body.flow_run_id else [], begins=True)
            case _:
                pass

    def check_runs(self, ids: Iterable[str], *, look: bool = False, begins: bool = False) -> None:
        """Check that the token reaches some runs: to write, they must be live and its holder's.

        `begins`: something is begun for them, which a run that was given up unheard may not.
        """
        for flow_run_id in {*ids}:
            run = self.backend.read_flow_run(flow_run_id)
            reached = self.backend.may_read if look else self.backend.covers
            if reached(self.token, run) and not (begins and run.state.is_final()):
                continue
            if self.backend.may_read(self.token, run):
                raise Conflict(
                    f"The run {run.name} is {run.state.name}: nothing is added to it any more.",
                    code="run.not_live",
                    field="flow_run_id",
                )
            raise _beyond("this run", "flow_run_id")

    def check_worker(self, worker_id: str) -> None:
        """Check that a worker was registered with this token."""
        if not self.backend.worker_is_of(worker_id, self.token):
            raise _beyond("this worker", "worker_id")

    def run_that_opens(self, block: str, flow_run_id: str | None) -> str | None:
        """Give the run that opens a block: the token's own; a worker's, whose job names the block.

        Raises Forbidden, Conflict (the run is not live).
        """
        if self.token.kind == "run":
            return self.token.flow_run_id
        self.check_runs([flow_run_id] if flow_run_id else [])
        if flow_run_id is None or not self.backend.job_names(flow_run_id, block):
            raise _beyond("blocks that no job of its runs names", "flow_run_id")
        return flow_run_id

    def _check_events(self, new: NewEvents) -> None:
        runs = {event.flow_run_id for event in new.events}
        if None in runs:
            raise _beyond("events without a run", "flow_run_id")
        self.check_runs(run for run in runs if run is not None)

    def _check_heartbeat(self, held: tuple[Held, ...], worker_id: str | None) -> None:
        # Whether a claim is still held is what a heartbeat asks: only whose it is matters here.
        if worker_id is not None:
            self.check_worker(worker_id)
        elif self.token.kind == "worker":
            raise _beyond("runs without a worker", "worker_id")
        self.check_runs((item.flow_run_id for item in held), look=True)

    def _check_new(self, parent: str | None) -> None:
        if parent is None:
            raise _beyond("a run without a parent", "parent_flow_run_id")
        self.check_runs([parent], begins=True)

    def _check_pool(self, pool: str) -> None:
        if self.token.work_pool is not None and pool != self.token.work_pool:
            raise Forbidden(
                f"This token serves the pool {self.token.work_pool!r} only.",
                code="token.pool",
                field="work_pool",
                hint=f"Start the worker with --pool {self.token.work_pool}.",
            )

    def _check_result(self, key: str) -> None:
        """Check a key that belongs to a run; one of a cache belongs to all."""
        try:
            run = self.backend.read_result(key).flow_run_id
        except NotFound:
            return  # that is the answer
        if run is not None and key.startswith(run):
            self.check_runs([run], look=True)


def _runs_of(batch: Batch) -> set[str]:
    records = (*batch.task_runs, *batch.logs, *batch.artifacts, *batch.results, *batch.events)
    return {record.flow_run_id for record in records if record.flow_run_id is not None}


def _beyond(what: str, field: str) -> Forbidden:
    return Forbidden(
        f"This token does not reach {what}.", code="token.beyond", field=field,
        hint="A token opens only what its own worker, or its own run, does.",
    )  # fmt: skip


# -- at each request ----------------------------------------------------------------------------
async def admit(handler: ApiHandler) -> Door | None:
    """Let in a request that carries one of nbflow's tokens; None: it carries none.

    Raises Forbidden: the token opens nothing (any more), or not this.
    """
    secret = tokens.presented(handler.request.headers.get("Authorization", ""))
    if secret is None:
        return None
    await handler.running.ready()
    # It is noted now and then that a token was used, so no reader does this.
    loop, threads = asyncio.get_running_loop(), handler.running.writers
    token = await loop.run_in_executor(threads, handler.backend.token_of, secret)
    if token is None:
        raise Forbidden(
            "This token is unknown, was revoked, or has ended.",
            code="token.invalid",
            hint="`nbflow token create` makes a worker another.",
        )
    verb, path, parts = _asked(handler)
    if token.kind not in kinds(verb, path):
        raise Forbidden(
            f"A token of a {token.kind} does not open {verb.upper()} {path or 'this'}.",
            code="token.route",
        )
    door = Door(token, handler.backend)
    await handler.off_loop(door.check_path, verb, parts)
    return door


def _asked(handler: ApiHandler) -> tuple[str, str, Mapping[str, str]]:
    """Give the verb, the path as `routes` has it, and its parts by name."""
    path = _paths(handler.settings["nbflow_routes"]).get(type(handler), "")
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    verb = (handler.request.method or "").lower()
    return verb, path, dict(zip(names, handler.path_args, strict=False))


@cache
def _paths(routes: tuple[Any, ...]) -> Mapping[type, str]:
    return dict(_each(routes))


def _each(routes: tuple[Any, ...]) -> Iterator[tuple[type, str]]:
    for route in routes:
        yield route.handler, route.path


class _Identity(IdentityProvider):
    """Says who asks with a token, in place of the server's own provider."""

    def __init__(self, token: Token) -> None:
        super().__init__()
        self._user = User(username=f"{token.kind}:{token.name}")

    def get_user(self, handler: Any) -> User:
        """Give the holder of the token."""
        return self._user

    def is_token_authenticated(self, handler: Any) -> Literal[True]:
        """Say that no browser sent this by itself."""
        return True


class _Allowed(Authorizer):
    """Allows what the door let through."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        """Say yes."""
        return True
