"""`nbflow flow-run …`: list runs, look at one, read its log, cancel it."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.cli import concurrency_limit, finding, printing
from nbflow.cli.parsing import OUTPUT, argument, positive, takes, usage
from nbflow.connect import connect
from nbflow.exceptions import NotFound
from nbflow.model import clock, names, states, wire
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.backend import Backend
from nbflow.model.explaining import Explanation
from nbflow.model.runs import FlowRun, LogEntry, TaskRun
from nbflow.model.verdicts import accepted
from nbflow.store import journal

RUN = argument(
    "run", metavar="RUN", help="the run's id, 8 or more first characters of it, or its name"
)


@takes(RUN, OUTPUT)
def inspect(*, run: str, output: str) -> None:
    """Show all that is known of a run."""
    backend = connect()
    found = finding.flow_run(backend, run)
    cells = backend.list_task_runs(found.id)
    made = backend.list_artifacts(ArtifactFilter(flow_run_id=found.id)).rows[::-1]
    if output == "json":
        printing.as_json(_whole(backend, found, cells, made))
        return
    printing.facts(_facts(backend, found))
    waits = concurrency_limit.waits_of(backend, found)
    if waits:
        printing.heading("Waits for slots")
        concurrency_limit.show_waits(waits)
    printing.heading("States")
    for state in backend.list_states(found.id):
        print(f"  {printing.instant(state.at)}  {printing.clean(printing.state(state))}")
    if cells:
        printing.heading("Cells" if found.kind == "notebook" else "Tasks")
        show_cells(cells)
    if made:
        printing.heading("Artifacts")
        show_artifacts(made)


def _whole(
    backend: Backend, run: FlowRun, cells: tuple[TaskRun, ...], made: tuple[Artifact, ...]
) -> dict[str, Any]:

    return {
        **wire.jsonable(run),
        "waits_for": waits_for(explained := backend.explain_flow_run(run.id)),
        "explanation": explained,
        "waits_for_slots": concurrency_limit.waits_of(backend, run),
        "executed_notebook": str(executed_notebook(run) or "") or None,
        "states": backend.list_states(run.id),
        "task_runs": cells,
        "artifacts": made,
    }


def _result(backend: Backend, run: FlowRun) -> str | None:
    """Give the beginning of what a run returned; the value itself is never loaded."""
    key = run.state.result_key
    if key is None:
        return None
    try:
        return backend.read_result(key).preview
    except NotFound:
        return "(no longer stored)"


def _facts(backend: Backend, run: FlowRun) -> list[tuple[str, str | None]]:
    parameters = json.dumps(dict(run.parameters), ensure_ascii=False) if run.parameters else None
    executed = executed_notebook(run)
    return [
        ("Run", f"{run.name}  ({run.id})"),
        ("Flow", f"{run.flow_name}, a {run.kind}"),
        ("State", printing.state(run.state)),
        ("Waits for", waits_for(backend.explain_flow_run(run.id))),
        ("Attempt", f"{run.attempt} of at most {run.retries + 1}" if run.attempt else None),
        ("Due", printing.instant(run.due_at)),
        ("Started", printing.instant(run.started_at)),
        ("Ended", printing.instant(run.ended_at)),
        ("Took", printing.spent(run)),
        ("Deployment", _deployment_name(backend, run)),
        ("Work pool", run.work_pool),
        ("Parameters", parameters),
        ("Result", _result(backend, run)),
        ("Tags", ", ".join(run.tags)),
        ("Kernel", run.kernel_name),
        ("Notebook" if (run.path or "").lower().endswith(".ipynb") else "File", run.path),
        ("Executed", str(executed) if executed else None),
    ]


def _deployment_name(backend: Backend, run: FlowRun) -> str | None:

    if run.deployment_id is None:
        return None
    try:
        return backend.read_deployment(run.deployment_id).name
    except NotFound:
        return f"{run.deployment_id} (deleted)"


def waits_for(explanation: Explanation) -> str | None:
    """Say in a line what a run waits for, and what to do; None when it does not wait."""
    if not explanation.waits:
        return None
    said = explanation.message.removeprefix("It waits for ")
    paused = next((one for one in explanation.reasons if one.code == "paused"), None)
    if paused is not None and paused.until is not None:
        said = f"{said.removesuffix('.')} until {printing.instant(paused.until)}."
    hints = [reason.hint for reason in explanation.reasons if reason.hint is not None]
    return " ".join([said, *hints[:1]])


def show_cells(cells: tuple[TaskRun, ...]) -> None:
    """Print task runs: position, name, state, time."""
    printing.columns(
        ("", "name", "state", "took", "message"),
        (
            (f"{cell.position:>4}", cell.name, cell.state.name, printing.spent(cell),
             cell.state.message[:100])
            for cell in cells
        ),
        none="",
    )  # fmt: skip


def show_artifacts(made: tuple[Artifact, ...]) -> None:
    """Print artifacts: kind, key, description."""
    printing.columns(
        ("", "kind", "key", "description"),
        (("  ", item.kind, item.key or "", item.description or "") for item in made),
        none="",
    )


def executed_notebook(run: FlowRun) -> Path | None:
    """Give where a run's executed notebook lies; None when there is none here."""
    path = journal.folder(run.run_dir) / journal.NOTEBOOK if run.run_dir else None
    return path if path is not None and path.is_file() else None


@takes(
    RUN,
    argument("--level", default="DEBUG", help="the least level shown: DEBUG, INFO, WARNING, ERROR"),
    argument("--tail", type=positive, default=None, metavar="N", help="only the last N lines"),
    OUTPUT,
)
def logs(*, run: str, level: str, tail: int | None, output: str) -> None:
    """Show a run's log, oldest line first."""
    least = least_level(level)
    backend = connect()
    found = finding.flow_run(backend, run)
    lines = [line for line in every_line(backend, found.id) if line.level >= least]
    show_log(lines[-tail:] if tail else lines, output)


def least_level(text: str) -> int:
    """Give the number of a level. Raises InvalidInput."""
    least = logging.getLevelNamesMapping().get(text.upper())
    if least is None:
        hint = "Say DEBUG, INFO, WARNING or ERROR."
        raise usage(f"There is no level {names.shown(text)}.", hint, "level")
    return least


def show_log(shown: list[LogEntry], output: str) -> None:
    """Print lines of a log."""
    if output == "json":
        printing.as_json(shown)
        return
    for line in shown:
        name = logging.getLevelName(line.level)
        print(
            f"{printing.instant(line.at)}  {name:<7}  {line.logger}  {printing.clean(line.message)}"
        )
    if not shown:
        print("The run has logged nothing.")


def every_line(backend: Backend, flow_run_id: str) -> list[LogEntry]:
    """Give a run's whole log."""
    page = backend.list_logs(flow_run_id)
    lines = list(page.rows)
    while page.cursor is not None:
        page = backend.list_logs(flow_run_id, after=page.cursor)
        lines += page.rows
    return lines


@takes(RUN, OUTPUT)
def cancel(*, run: str, output: str) -> None:
    """Ask a run to stop: at once when nobody has claimed it, else its process is told."""
    backend = connect()
    found = finding.flow_run(backend, run)
    to = states.Cancelling(message="Cancelled from the command line.")
    accepted(backend.propose(found.id, to), to)
    if _abandoned(found):
        backend.propose(found.id, states.Cancelled(message="Nobody held it any more."))
    found = backend.read_flow_run(found.id)
    if output == "json":
        printing.as_json(found)
        return
    print(f"{found.name} ({found.id}): {found.state.name}.")


def _abandoned(run: FlowRun) -> bool:
    """Say whether nobody has renewed a run's lease for so long that nobody will."""
    grace = timedelta(seconds=settings.lease_seconds)
    return run.lease_until is not None and run.lease_until + grace < clock.now()
