"""`nbflow task-run …`: list the task runs of a run, look at one, read its part of the log."""

from __future__ import annotations

from typing import Any

from nbflow.cli import finding, flow_run, printing
from nbflow.cli.parsing import OUTPUT, argument, positive, takes
from nbflow.connect import connect
from nbflow.exceptions import NotFound
from nbflow.model import ids, names, wire
from nbflow.model.backend import Backend
from nbflow.model.results import ResultRecord
from nbflow.model.run_parts import TaskRunFilter
from nbflow.model.runs import TaskRun
from nbflow.model.states import StateType

_FLOW_RUN = argument(
    "--flow-run", default=None, metavar="RUN", dest="run", help="the flow run it is part of"
)
_TASK_RUN = argument(
    "task_run", metavar="TASK_RUN", help="the task run's id; with --flow-run also its name"
)
#: characters of a note, message or preview in a table
_SHOWN = 80


@takes(
    argument("--flow-run", default=None, metavar="RUN", dest="run",
             help="of this flow run's latest attempt, in order; else of all, newest first"),
    argument("--state", action="append", default=[], help="only these states (repeat for several)"),
    argument("--search", default=None, help="only task runs whose name contains this"),
    argument("--tag", action="append", default=[], help="only task runs with this tag"),
    argument("--limit", type=positive, default=20, help="how many of all (default: %(default)s)"),
    OUTPUT,
)  # fmt: skip
def ls(
    *,
    run: str | None,
    state: list[str],
    search: str | None,
    tag: list[str],
    limit: int,
    output: str,
) -> None:
    """List the task runs of a flow run's latest attempt, in order, or of all."""
    backend = connect()
    if run is None:
        known = {kind.value.casefold(): kind.value for kind in StateType}
        states = tuple(known.get(text.casefold(), text) for text in state)
        where = TaskRunFilter(state=states, search=search, tags=tuple(tag))
        shown = list(backend.find_task_runs(where, limit=limit).rows)
    else:
        wanted = {text.casefold() for text in state}
        shown = [
            task
            for task in backend.list_task_runs(finding.flow_run(backend, run).id)
            if (not wanted or wanted & {task.state.name.casefold(), task.state.type.casefold()})
            and (search or "").casefold() in task.name.casefold()
            and (not tag or {*tag} & {*task.tags})
        ]
    if output == "json":
        printing.as_json(shown)
        return
    printing.columns(
        ("id", "name", "state", "took", "message", "note"),
        (
            (task.id, task.name, task.state.name, printing.spent(task),
             task.state.message[:_SHOWN], (task.note or "")[:_SHOWN])
            for task in shown
        ),
        none="There are no such task runs.",
    )  # fmt: skip


@takes(_TASK_RUN, _FLOW_RUN, OUTPUT)
def inspect(*, task_run: str, run: str | None, output: str) -> None:
    """Show all that is known of a task run."""
    backend = connect()
    found = _find(backend, task_run, run)
    result = _result(backend, found)
    if output == "json":
        known = None if result is None else {**wire.jsonable(result), "data": None}
        printing.as_json({**wire.jsonable(found), "result": known})
        return
    printing.facts(_facts(backend, found, result))
    printing.heading("States")
    for state in found.history:
        print(f"  {printing.instant(state.at)}  {printing.clean(printing.state(state))}")


@takes(
    _TASK_RUN,
    _FLOW_RUN,
    argument("--level", default="DEBUG", help="the least level shown: DEBUG, INFO, WARNING, ERROR"),
    argument("--tail", type=positive, default=None, metavar="N", help="only the last N lines"),
    OUTPUT,
)
def logs(*, task_run: str, run: str | None, level: str, tail: int | None, output: str) -> None:
    """Show what a task run has logged, oldest line first."""
    least = flow_run.least_level(level)
    backend = connect()
    found = _find(backend, task_run, run)
    lines = [
        line
        for line in flow_run.every_line(backend, found.flow_run_id)
        if line.task_run_id == found.id and line.level >= least
    ]
    flow_run.show_log(lines[-tail:] if tail else lines, output)


def _find(backend: Backend, text: str, run: str | None) -> TaskRun:
    """Give the task run of an id, or of a name in a flow run. Raises NotFound."""
    if run is None:
        if not ids.canonical(text):
            raise NotFound(
                f"{names.shown(text)} is not the id of a task run.",
                field="task_run",
                hint="With `--flow-run RUN` a name will do.",
            )
        return backend.read_task_run(text)
    known = backend.list_task_runs(finding.flow_run(backend, run).id)
    meant = [task for task in known if text in (task.id, task.name)]
    if not meant:
        hint = names.did_you_mean(text, [task.name for task in known], "There are")
        raise NotFound(
            f"That run has no task run {names.shown(text)}.", field="task_run", hint=hint
        )
    return meant[-1]


def _result(backend: Backend, task: TaskRun) -> ResultRecord | None:
    if task.result_key is None:
        return None
    try:
        return backend.read_result(task.result_key)
    except NotFound:  # deleted, or expired
        return None


def _facts(
    backend: Backend, task: TaskRun, result: ResultRecord | None
) -> list[tuple[str, str | None]]:
    facts: list[tuple[str, Any]] = [
        ("Task run", f"{task.name}  ({task.id})"),
        ("Flow run", _flow_run_name(backend, task)),
        ("Task", f"{task.key}, a {task.kind}"),
        ("State", printing.state(task.state)),
        ("Attempt", str(task.attempt) if task.attempt else None),
        ("Started", printing.instant(task.started_at)),
        ("Ended", printing.instant(task.ended_at)),
        ("Took", printing.spent(task)),
        ("Tags", ", ".join(task.tags)),
        ("Upstream", ", ".join(task.upstream)),
        ("Note", task.note),
    ]
    if result is not None:
        stored = f"{result.size} bytes, {result.serializer}"
        facts += [("Result", f"{result.preview}  ({stored})" if result.preview else stored)]
    elif task.result_key is not None:
        facts += [("Result", f"{task.result_key} (no longer stored)")]
    return facts


def _flow_run_name(backend: Backend, task: TaskRun) -> str:
    return f"{backend.read_flow_run(task.flow_run_id).name}  ({task.flow_run_id})"
