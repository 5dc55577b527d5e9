"""`nbflow deploy --all`: what `nbflow.yaml` declares, shown as a plan and then deployed."""

from __future__ import annotations

import sys
from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import argument, usage
from nbflow.connect import connect
from nbflow.deployments import declaring
from nbflow.deployments.declaring import Plan
from nbflow.model import declared, deploy_plan
from nbflow.workers import presence

ALL = (
    argument("--all", action="store_true", dest="everything",
             help="deploy what a file declares; --name takes patterns then"),
    argument("--file", default=declared.FILE_NAME, metavar="FILE",
             help=f"that file (default: {declared.FILE_NAME})"),
    argument("--plan", action="store_true", help="with --all: only show what would change"),
    argument("--prune", action="store_true",
             help="with --all: delete what the file made and no longer declares"),
    argument("--yes", action="store_true", help="with --all: do not ask before changing anything"),
)  # fmt: skip


_OWN = ("file", "plan", "prune", "yes")
#: what says something with and without --all
_SHARED = ("name", "replace")
#: of those arguments that are there though nobody said them
_SILENT = {"catchup": "latest", "overlap": "enqueue", "source": "snapshot"}


def taken(arguments: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Take what is for --all out of a command's arguments: whether it is said, and the rest."""
    everything = arguments.pop("everything")
    own = {name: arguments.pop(name) for name in _OWN}
    return everything, {**own, **{name: arguments[name] for name in _SHARED}}


def deploy_all(
    *,
    file: str,
    name: str | None,
    plan: bool,
    prune: bool,
    yes: bool,
    replace: bool,
    output: str,
    others: dict[str, Any],
) -> int:
    """Plan, ask, apply; 1 when the person says no, or nobody is there to ask."""
    for word, value in others.items():
        if value and word not in _SHARED and _SILENT.get(word) != value:
            raise usage(f"{word} is not for --all.", f"Say it in {file}.")
    only = [] if name is None else [name]
    wanted = declaring.plan(file, only=only, prune=prune, replace_others=replace)
    if output != "json":
        _tell(wanted)
    elif plan:
        printing.as_json(wanted.steps)
    if plan:
        return 0
    if wanted.changes and not yes and not _agreed():
        return 1
    made, rules = declaring.apply(wanted, replace_others=replace)
    if output == "json":
        printing.as_json((*made, *rules))
    else:
        _done(wanted, len(made), len(rules))
    pools = {one.work_pool: bool(one.schedules) for one in made}
    for pool, scheduled in pools.items():
        absent = presence.missing(connect(), pool, scheduled=scheduled)
        if absent is not None:
            printing.note(absent)
    return 0


def _tell(wanted: Plan) -> None:
    for step in wanted.steps:
        for line in deploy_plan.lines(step):
            print(printing.clean(line))
    if not wanted.changes:
        print("Nothing changes.")


def _done(wanted: Plan, made: int, rules: int) -> None:
    if wanted.changes:
        deleted = sum(step.verb == "delete" for step in wanted.steps)
        told = f", automations {rules}" if rules else ""
        print(f"Deployed {made}{told}" + (f", deleted {deleted}." if deleted else "."))


def _agreed() -> bool:
    if not sys.stdin.isatty():
        printing.note("nothing was changed: say --yes to apply this plan")
        return False
    return input("Apply this plan? [y/N] ").strip().lower() in ("y", "yes")
