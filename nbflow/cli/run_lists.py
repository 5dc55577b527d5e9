"""`nbflow flow-run ls | count | bulk | delete | set-state`, `nbflow flow …`: runs by the many."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any, get_args

from nbflow.cli import finding, printing
from nbflow.cli.flow_run import RUN
from nbflow.cli.parsing import OUTPUT, argument, duration, positive, takes, usage
from nbflow.connect import connect
from nbflow.exceptions import TransitionRefused
from nbflow.model import clock, names
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.pages import every
from nbflow.model.run_lists import STATE_NAMES, BulkAction, BulkRequest, RunSort
from nbflow.model.runs import FlowRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import accepted

_LIMIT = argument(
    "--limit", type=positive, default=20, help="how many (default: %(default)s, at most 200)"
)
_FILTER = (
    argument("--state", action="append", default=[], help="only these states (repeat for several)"),
    argument("--deployment", action="append", default=[], help="only runs of this deployment"),
    argument("--flow-name", action="append", default=[],
             help="only runs of this flow or notebook"),
    argument("--name", action="append", default=[], help="only runs of this name"),
    argument("--work-pool", action="append", default=[], help="only runs of this pool"),
    argument("--work-queue", action="append", default=[], help="only runs of this queue"),
    argument("--created-by", action="append", default=[], help="only runs this user made"),
    argument("--parent", default=None, metavar="RUN", help="only runs that this one called"),
    argument("--roots", action="store_true", help="only runs that no other run called"),
    argument("--search", default=None, help="only runs whose name or flow contains this"),
    argument("--tag", action="append", default=[], help="only runs with this tag"),
    argument("--since", type=duration, default=None, metavar="DUR",
             help="only runs due in the last 2h, 7d, …"),
    argument("--sessions", action="store_true", help="also runs of kernels used by hand"),
)  # fmt: skip


@takes(
    *_FILTER,
    argument("--sort", choices=get_args(RunSort), default="-due_at",
             help="the order; --sort=-name: the greatest first (default: %(default)s)"),
    _LIMIT,
    OUTPUT,
)  # fmt: skip
def ls(*, sort: RunSort, limit: int, output: str, **said: Any) -> None:
    """List runs, newest due first."""
    backend = connect()
    page = backend.list_flow_runs(where(backend, **said), sort=sort, limit=limit)
    if output == "json":
        printing.as_json(page.rows)
        return
    _list(page.rows)
    if page.cursor is not None:
        print(f"… there are more; --limit says how many are shown ({limit}).")


@takes(*_FILTER, OUTPUT)
def count(*, output: str, **said: Any) -> None:
    """Count runs, up to 10,000."""
    backend = connect()
    found = backend.count_flow_runs(where(backend, **said))
    if output == "json":
        printing.as_json(found)
    else:
        print(f"{found.count:,}" if found.complete else f"more than {found.count:,}")


@takes(
    argument("action", choices=get_args(BulkAction), help="what is done to each of them"),
    *_FILTER,
    argument("--with-tag", action="append", default=[], metavar="TAG", dest="tags",
             help="the tag that is added or removed"),
    argument("--dry-run", action="store_true", help="only say which runs are meant"),
    argument("--yes", action="store_true", help="do not ask"),
    OUTPUT,
)  # fmt: skip
def bulk(
    *, action: BulkAction, tags: list[str], dry_run: bool, yes: bool, output: str, **said: Any
) -> int:
    """Cancel, delete, retry or tag all runs a filter means, 200 at most at a time."""
    backend = connect()
    found = where(backend, **said)
    meant = backend.change_flow_runs(BulkRequest(action, (), found, tuple(tags), dry_run=True))
    some = f"{len(meant.done)} runs" + (" (there are more)" if meant.more else "")
    if dry_run or not meant.done:
        done = meant
    elif yes or _agreed(action, some):
        done = backend.change_flow_runs(BulkRequest(action, meant.done, None, tuple(tags)))
    else:
        return 1
    if output == "json":
        printing.as_json(done)
        return 1 if done.refused else 0
    print(f"{action}: {some} would be changed." if dry_run else f"{action}: {len(done.done)} runs.")
    for refused in done.refused:
        print(printing.clean(f"{refused.id}: {refused.message}"))
    if meant.more and not dry_run:
        print("… there are more: say it again.")
    return 1 if done.refused else 0


@takes(RUN, OUTPUT)
def delete(*, run: str, output: str) -> None:
    """Delete an ended run and all that belongs to it."""
    backend = connect()
    found = finding.flow_run(backend, run)
    backend.delete_flow_run(found.id)
    if output == "json":
        printing.as_json({"id": found.id, "deleted": True})
    else:
        print(f"Deleted {found.name} ({found.id}).")


@takes(
    RUN,
    argument("state", metavar="STATE", help="a state's type or name: FAILED, Late, …"),
    argument("--message", default="Set from the command line.", help="why"),
    argument("--force", action="store_true",
             help="against the rules, for what is stuck; its process is not told"),
    OUTPUT,
)  # fmt: skip
def set_state(*, run: str, state: str, message: str, force: bool, output: str) -> None:
    """Set a run's state."""
    name = _state(state)
    kind = STATE_NAMES.get(name) or StateType(name)
    backend = connect()
    found = finding.flow_run(backend, run)
    to = State(kind, "" if name == kind.value else name, message)
    if force:
        backend.force_state(found.id, to)
    else:
        _set(backend, found.id, to)
    found = backend.read_flow_run(found.id)
    if output == "json":
        printing.as_json(found)
    else:
        print(f"{found.name} ({found.id}): {printing.clean(printing.state(found.state))}")


def _set(backend: Backend, flow_run_id: str, to: State) -> None:
    try:
        accepted(backend.propose(flow_run_id, to), to)
    except TransitionRefused as refused:
        refused.hint = refused.hint or "--force sets it against the rules."
        raise


# -- flows ------------------------------------------------------------------------------------
@takes(
    argument("--search", default=None, help="only flows whose name contains this"), _LIMIT, OUTPUT
)
def flows(*, search: str | None, limit: int, output: str) -> None:
    """List flows by name."""
    page = connect().list_flows(search, limit=limit)
    if output == "json":
        printing.as_json(page.rows)
        return
    printing.columns(
        ("flow", "runs", "deployments", "last run", "state"),
        (
            (flow.name, f"{flow.runs.count:,}{'' if flow.runs.complete else '+'}",
             str(flow.deployments),
             printing.instant(flow.last_run.due_at) if flow.last_run else "",
             flow.last_run.state.name if flow.last_run else "")
            for flow in page.rows
        ),
        none="There are no such flows.",
    )  # fmt: skip
    if page.cursor is not None:
        print(f"… there are more; --limit says how many are shown ({limit}).")


@takes(argument("flow", metavar="FLOW", help="the flow's name"), OUTPUT)
def inspect_flow(*, flow: str, output: str) -> None:
    """Show a flow: its deployments, and its newest runs."""
    backend = connect()
    found = backend.read_flow(flow)
    deployments = [one for one in every(backend.list_deployments) if one.flow_name == flow]
    runs = backend.list_flow_runs(RunFilter(flow_name=flow), limit=10).rows
    if output == "json":
        printing.as_json({"flow": found, "deployments": deployments, "flow_runs": runs})
        return
    more = "" if found.runs.complete else " or more"
    printing.facts(
        [
            ("Flow", found.name),
            ("Runs", f"{found.runs.count:,}{more}"),
            ("Deployments", ", ".join(one.name for one in deployments)),
        ]
    )
    printing.heading("Newest runs")
    _list(runs)


# -- what is said -----------------------------------------------------------------------------
def where(backend: Backend, **said: Any) -> RunFilter:
    """Give the filter that a command's words mean. Raises InvalidInput, NotFound, Conflict."""
    since: timedelta | None = said["since"]
    parent: str | None = said["parent"]
    return RunFilter(
        state=tuple(_state(text) for text in said["state"]),
        deployment_id=tuple(finding.deployment(backend, one).id for one in said["deployment"]),
        flow_name=tuple(said["flow_name"]),
        name=tuple(said["name"]),
        work_pool=tuple(said["work_pool"]),
        work_queue=tuple(said["work_queue"]),
        created_by=tuple(said["created_by"]),
        parent_flow_run_id=finding.flow_run(backend, parent).id if parent else None,
        roots=said["roots"],
        search=said["search"],
        tags=tuple(said["tag"]),
        since=clock.now() - since if since else None,
        sessions=said["sessions"],
    )


def _state(text: str) -> str:
    """Give a state's type or name as it is spelled, however it was typed. Raises InvalidInput."""
    known = {name.lower(): name for name in STATE_NAMES}
    known |= {kind.value.lower(): kind.value for kind in StateType}
    if text.lower() not in known:
        hint = names.did_you_mean(text, known, "There are")
        raise usage(f"There is no state {names.shown(text)}.", hint, "state")
    return known[text.lower()]


def _agreed(action: str, some: str) -> bool:
    if not sys.stdin.isatty():
        raise usage("Many runs are changed only when that is agreed.", "Say --yes.", "yes")
    return input(f"{action}: {some}. Go on? [y/N] ").strip().lower() in ("y", "yes")


def _list(runs: tuple[FlowRun, ...]) -> None:
    printing.columns(
        ("id", "name", "flow", "state", "due", "took"),
        (
            (run.id, run.name, run.flow_name, run.state.name, printing.instant(run.due_at),
             printing.spent(run))
            for run in runs
        ),
        none="There are no such runs.",
    )  # fmt: skip
