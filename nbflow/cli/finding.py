"""What a person typed → the run or deployment that is meant. Ids, the beginnings of ids, names."""

from __future__ import annotations

from collections.abc import Sequence

from nbflow.exceptions import Conflict, NotFound
from nbflow.model import ids, names
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.deployments import Deployment
from nbflow.model.pages import every
from nbflow.model.runs import FlowRun

#: an id's first characters say when it was made; fewer of them say too little
SHORTEST_PREFIX = 8
#: so many are named when several are meant
MOST_CANDIDATES = 5


def flow_run(backend: Backend, text: str) -> FlowRun:
    """Give the run of an id, of the beginning of an id (8 characters or more), or of a name.

    Raises NotFound, Conflict (several are meant; it names them).
    """
    if ids.canonical(text):
        return backend.read_flow_run(text)
    if not text.strip():
        raise NotFound("The name of the run is empty.", field="run")
    meant = _meant(backend, text)
    if len(meant) > 1:
        raise _ambiguous(text, [f"{run.id} ({run.name}, {run.state.name})" for run in meant])
    if not meant:
        raise NotFound(
            f"There is no run {names.shown(text)}.",
            field="run",
            hint="`nbflow flow-run ls --search TEXT` looks for a part of a name or flow.",
        )
    return meant[0]


def deployment(backend: Backend, text: str) -> Deployment:
    """Give the deployment of a name or id. Raises NotFound, with what was probably meant."""
    try:
        return backend.read_deployment(text)
    except NotFound:
        known = [item.name for item in every(backend.list_deployments)]
        hint = names.did_you_mean(text, known, "There are")
        raise NotFound(
            f"There is no deployment {names.shown(text)}.", field="deployment", hint=hint
        ) from None


def _meant(backend: Backend, text: str) -> list[FlowRun]:
    """List the runs a text means, no more than it takes to say that they are too many."""
    found: list[FlowRun] = []
    where, cursor = RunFilter(search=text, sessions=True), None
    while len(found) <= MOST_CANDIDATES:
        page = backend.list_flow_runs(where, limit=200, cursor=cursor)
        found += [run for run in page.rows if _means(text, run)]
        cursor = page.cursor
        if cursor is None:
            break
    return found


def _means(text: str, run: FlowRun) -> bool:
    by_id = len(text) >= SHORTEST_PREFIX and run.id.startswith(text.lower())
    return run.name == text or by_id


def _ambiguous(text: str, candidates: Sequence[str]) -> Conflict:
    more = ", …" if len(candidates) > MOST_CANDIDATES else ""
    shown = ", ".join(candidates[:MOST_CANDIDATES])
    return Conflict(
        f"{names.shown(text)} means several runs: {shown}{more}.",
        code="run.ambiguous",
        field="run",
        hint="Say the id.",
    )
