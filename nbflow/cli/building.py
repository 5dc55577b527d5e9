"""`nbflow deployment build` and `apply`: deployments with storage, written to a file, deployed."""

from __future__ import annotations

import glob
import os
from datetime import timedelta
from typing import Any

from nbflow.cli import fields, given, printing, zone
from nbflow.cli.fields import count
from nbflow.cli.parsing import OUTPUT, argument, duration, takes, usage
from nbflow.connect import connect
from nbflow.deployments import building, making
from nbflow.exceptions import NotFound
from nbflow.model import infrastructures, wallclock
from nbflow.model.deployments import NewSchedule
from nbflow.model.pool_types import AGENT_POOL
from nbflow.model.schedules import Cron, Interval, RRule
from nbflow.model.work_pools import DEFAULT_QUEUE, NewWorkQueue, WorkQueueChange


@takes(
    argument("entrypoint", metavar="FILE.py:FLOW | NOTEBOOK[:FLOW] | MODULE:FLOW",
             help="seen from the working folder, all of which is uploaded to the storage"),
    argument("-n", "--name", required=True, help="the deployment's name"),
    argument("-t", "--tag", action="append", default=[], help="a tag (repeat for several)"),
    argument("-v", "--version", default=None, help="what is said of this version"),
    argument("-d", "--description", default=None, help="what it is for"),
    argument("-p", "--pool", default=None,
             help=f"the work pool whose agents run it (default: {AGENT_POOL})"),
    argument("-q", "--work-queue", default=None, help="the pool's queue its runs wait in"),
    argument("-l", "--limit", type=count, default=None, metavar="N",
             help="at most so many runs of that queue at once; 0: any number"),
    argument("-i", "--infra", choices=infrastructures.KINDS, default=None,
             help="how it is executed"),
    argument("-ib", "--infra-block", default=None, metavar="TYPE/NAME",
             help="the block that says how"),
    argument("-sb", "--storage-block", default=None, metavar="TYPE/NAME[/FOLDER]",
             help="where its code is kept"),
    argument("--override", action="append", default=[], metavar="NAME=VALUE",
             help="laid over what the block says, such as env.REGION=eu (repeat for several)"),
    argument("--cron", default=None, metavar="EXPR", help="five fields, such as '0 7 * * 1-5'"),
    argument("--interval", type=duration, default=None, metavar="DUR", help="10s, 5m, 1h, 1d, …"),
    argument("--anchor-date", default=None, metavar="TIME", help="an instant the interval meets"),
    argument("--rrule", default=None, metavar="RULE", help="such as 'FREQ=WEEKLY;BYDAY=MO'"),
    argument("--timezone", default=None, metavar="ZONE", help="of the schedule (default: yours)"),
    argument("--no-schedule", action="store_true", help="take the schedules it has away"),
    argument("--param", action="append", default=[], metavar="NAME=VALUE",
             help="a parameter; read as its declared type"),
    argument("--params", default=None, metavar="JSON", help="parameters as a JSON object"),
    argument("--path", default=None, metavar="FOLDER", help="the working folder (default: this)"),
    argument("--skip-upload", action="store_true", help="leave the storage as it is"),
    argument("--ignore-file", default=building.IGNORE_FILE, metavar="FILE",
             help=f"names what is not uploaded (default: {building.IGNORE_FILE})"),
    argument("-o", "--output", default=None, metavar="FILE",
             help="the file that is written (default: FLOW-deployment.yaml)"),
    argument("-a", "--apply", action="store_true", help="deploy it, too"),
)  # fmt: skip
def build(
    *,
    entrypoint: str,
    name: str,
    limit: int | None,
    skip_upload: bool,
    ignore_file: str,
    output: str | None,
    apply: bool,
    **said: Any,
) -> None:
    """Describe a deployment in a file, upload its code, and perhaps deploy it."""
    schedules = _schedules(said)
    typed = _typed(said)
    typed["parameters"] = _parameters(entrypoint, typed["path"], said)
    chosen = {key: value for key, value in typed.items() if value not in (None, {}, ())}
    made = building.Deployment.build_from_flow(
        entrypoint, name, skip_upload=skip_upload, ignore_file=ignore_file, **schedules, **chosen
    )
    file = output or f"{made.flow_name}-deployment.yaml"
    made.to_yaml(file)
    print(printing.clean(f"Wrote {file}."))
    if made.storage is not None and not skip_upload:
        print(printing.clean(f"Uploaded the working folder to {made.storage}."))
    if limit is not None:
        _limit_queue(made.work_pool_name, made.work_queue_name, limit, made=made)
    if apply:
        _applied(made, upload=False)
    else:
        print(printing.clean(f"Deploy it: `nbflow deployment apply {file}`."))


@takes(
    argument("files", nargs="+", metavar="FILE", help="as `deployment build` writes it, or a glob"),
    argument("--upload", action="store_true", help="upload the working folder first"),
    OUTPUT,
)  # fmt: skip
def apply(*, files: list[str], upload: bool, output: str) -> None:
    """Deploy what files say; all of them are read and checked before the first is deployed."""
    made = [building.Deployment.load_from_yaml(file) for file in _found(files)]
    for one in made:
        one.new()
    done = [one.apply(upload=upload) for one in made]
    if output == "json":
        printing.as_json(done)
        return
    for one in done:
        _tell(one.name, one.work_pool, one.work_queue)


def _applied(made: building.Deployment, *, upload: bool) -> None:
    done = made.apply(upload=upload)
    _tell(done.name, done.work_pool, done.work_queue)


def _tell(name: str, pool: str, queue: str) -> None:
    print(printing.clean(f"Deployed {name!r}."))
    where = "" if pool == AGENT_POOL else f" -p {pool}"
    print(printing.clean(f"An agent runs it: `nbflow agent start -q {queue}{where}`."))


def _found(files: list[str]) -> list[str]:
    found: list[str] = []
    for file in files:
        matched = [file] if os.path.exists(file) else sorted(glob.glob(os.path.expanduser(file)))
        if not matched:
            raise NotFound(
                f"There is no file {file}.", code="deployment_file.missing", field="file"
            )
        found += matched
    return list(dict.fromkeys(found))


def _typed(said: dict[str, Any]) -> dict[str, Any]:
    """Give what was typed by the attributes of a `Deployment`."""
    if said["infra"] and said["infra_block"]:
        raise usage("--infra and --infra-block are two.", "Say one of them.", "infra")
    return {
        "tags": tuple(said["tag"]),
        "version": said["version"],
        "description": said["description"],
        "work_pool_name": said["pool"],
        "work_queue_name": said["work_queue"],
        "infrastructure": said["infra"] or said["infra_block"],
        "storage": said["storage_block"],
        "infra_overrides": _overrides(said["override"]),
        "path": said["path"],
    }


def _overrides(pairs: list[str]) -> dict[str, Any]:
    """Read `NAME=VALUE` pairs: JSON where it is some, but what is for the environment is text."""
    texts = [pair for pair in pairs if pair.startswith("env.") and "=" in pair]
    others = [pair for pair in pairs if pair not in texts]
    said = dict(pair.split("=", 1) for pair in texts)
    return {**fields.variables(others, flag="override"), **said}


def _parameters(entrypoint: str, path: str | None, said: dict[str, Any]) -> dict[str, Any]:
    if not said["param"] and said["params"] is None:
        return {}
    what = os.path.join(path, entrypoint) if path else entrypoint
    schema = making.schema_of(what)
    return given.parameters(schema, said["param"], said["params"], what=entrypoint)


def _schedules(said: dict[str, Any]) -> dict[str, Any]:
    """Give the schedules that were typed; nothing: they stay as they are."""
    cron, rrule = said["cron"], said["rrule"]
    interval: timedelta | None = said["interval"]
    typed = [word for word in ("cron", "interval", "rrule") if said[word] is not None]
    if len(typed) > 1 or (typed and said["no_schedule"]):
        raise usage("These are several schedules, or one and none.", "Say one.", typed[0])
    if said["anchor_date"] is not None and interval is None:
        raise usage("--anchor-date is for --interval.", None, "anchor_date")
    zone_name = said["timezone"] or zone.mine()
    if said["no_schedule"]:
        return {"schedules": ()}
    if not typed:
        return {}
    if interval is not None:
        at = said["anchor_date"]
        anchor = None if at is None else wallclock.parse_instant(at, field="anchor_date")
        timing: Any = Interval(interval, anchor_date=anchor, timezone=zone_name)
    else:
        timing = RRule(rrule, zone_name) if cron is None else Cron(cron, zone_name)
    return {"schedules": (NewSchedule(timing),)}


def _limit_queue(pool: str, queue: str, limit: int, *, made: building.Deployment) -> None:
    """Set the limit of the queue its runs wait in, which is made when there is none."""
    made.ensure_pool()
    most, backend = limit or None, connect()
    there = {one.name for one in backend.list_work_queues(pool).rows}
    if queue in there or queue == DEFAULT_QUEUE:
        backend.update_work_queue(pool, queue, WorkQueueChange(concurrency_limit=most))
    else:
        backend.create_work_queue(pool, NewWorkQueue(queue, concurrency_limit=most))
