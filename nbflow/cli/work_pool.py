"""`nbflow work-pool …`: where runs wait for workers, and what of a job may be chosen there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes, usage
from nbflow.connect import connect
from nbflow.model import pool_types
from nbflow.model.pages import every
from nbflow.model.work_pools import Kept, NewWorkPool, WorkPool, WorkPoolChange, template_of

NAME = argument("name", metavar="NAME", help="the pool's name or id")
LIMIT = argument(
    "--concurrency-limit", default=None, metavar="N",
    help="how many of its runs go on at once; 0: none starts; none: any number",
)  # fmt: skip
DESCRIPTION = argument("--description", default=None, help="what it is for")
_TEMPLATE = argument(
    "--base-job-template", default=None, metavar="FILE",
    help="a JSON file: job_configuration and variables (see `preview`)",
)  # fmt: skip


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List work pools by name."""
    found = tuple(every(connect().list_work_pools))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("name", "type", "status", "limit", "description"),
        (
            (one.name, one.type, one.status, limit_text(one.concurrency_limit), one.description)
            for one in found
        ),
        none="There are no work pools. `nbflow work-pool create NAME` makes one.",
    )


@takes(NAME, OUTPUT)
def inspect(*, name: str, output: str) -> None:
    """Show a pool, its queues and its workers."""
    _show(connect().read_work_pool(name), output)


@takes(
    argument("name", metavar="NAME", help="what it is called"),
    argument("--type", default=pool_types.DEFAULT, choices=tuple(pool_types.TEMPLATES),
             help="how its workers execute; it never changes"),
    LIMIT,
    DESCRIPTION,
    argument("--paused", action="store_true", help="start nothing until it is resumed"),
    _TEMPLATE,
    OUTPUT,
)  # fmt: skip
def create(
    *,
    name: str,
    type: str,
    concurrency_limit: str | None,
    description: str | None,
    paused: bool,
    base_job_template: str | None,
    output: str,
) -> None:
    """Make a pool with its default queue."""
    limit = limit_of(concurrency_limit)
    new = NewWorkPool(
        name,
        type,
        description or "",
        None if limit == "kept" else limit,
        paused,
        _template(base_job_template) or {},
    )
    _show(connect().create_work_pool(new), output)


@takes(NAME, LIMIT, DESCRIPTION, _TEMPLATE, OUTPUT)
def update(
    *,
    name: str,
    concurrency_limit: str | None,
    description: str | None,
    base_job_template: str | None,
    output: str,
) -> None:
    """Change a pool."""
    template = _template(base_job_template)
    change = WorkPoolChange(None, limit_of(concurrency_limit), description, template)
    if change == WorkPoolChange():
        raise usage(
            "Nothing was said to change.",
            "Say --concurrency-limit, --description or --base-job-template.",
        )
    _show(connect().update_work_pool(name, change), output)


@takes(NAME, OUTPUT)
def pause(*, name: str, output: str) -> None:
    """Start nothing of a pool; what runs goes on."""
    _show(connect().update_work_pool(name, WorkPoolChange(paused=True)), output)


@takes(NAME, OUTPUT)
def resume(*, name: str, output: str) -> None:
    """Let a pool's runs start again."""
    _show(connect().update_work_pool(name, WorkPoolChange(paused=False)), output)


@takes(NAME, OUTPUT)
def delete(*, name: str, output: str) -> None:
    """Delete a pool that nothing needs any more, and its queues."""
    connect().delete_work_pool(name)
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


@takes(
    argument("name", nargs="?", default=None, metavar="NAME", help="the pool's name or id"),
    argument("--type", default=None, choices=tuple(pool_types.TEMPLATES),
             help="show what a new pool of a type goes by"),
    OUTPUT,
)  # fmt: skip
def preview(*, name: str | None, type: str | None, output: str) -> None:
    """Print what a pool's job template lets one choose; with --output json the template itself."""
    if (name is None) is (type is None):
        raise usage("Name a pool, or a type.", "Say `nbflow work-pool preview NAME`, or --type T.")
    pool = None if name is None else connect().read_work_pool(name)
    template = pool_types.TEMPLATES[str(type)] if pool is None else template_of(pool)
    if output == "json":
        printing.as_json(template)
        return
    known = template["variables"].get("properties", {})
    printing.columns(("variable", "default", "meaning"), map(_variable, known.items()), none="")


def _variable(named: tuple[str, Mapping[str, Any]]) -> tuple[str, str, str]:
    name, schema = named
    return name, json.dumps(schema.get("default")), schema.get("description", "")


def limit_of(text: str | None) -> int | Kept | None:
    """Give the limit that was typed. Raises InvalidInput."""
    if text is None:
        return "kept"
    if text.lower() in ("none", "null"):
        return None
    try:
        return int(text)
    except ValueError:
        raise usage(
            f"{text!r} is no limit.", "Say a number, or none.", field="concurrency_limit"
        ) from None


def limit_text(limit: int | None) -> str:
    """Give a limit as it is shown."""
    return "" if limit is None else str(limit)


def _template(path: str | None) -> Any:
    if path is None:
        return None
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise usage(
            f"The template {path} cannot be read: {error}.",
            "`nbflow work-pool preview --type process` prints one to begin with.",
            field="base_job_template",
        ) from None


def _show(pool: WorkPool, output: str) -> None:
    if output == "json":
        printing.as_json(pool)
        return
    backend = connect()
    printing.facts(
        [
            ("Work pool", f"{pool.name}  ({pool.id})"),
            ("Type", pool.type),
            ("Status", pool.status),
            ("Limit", limit_text(pool.concurrency_limit) or "none"),
            ("Description", pool.description),
            ("Template", "its own" if pool.base_job_template else None),
        ]
    )
    printing.heading("Queues")
    printing.columns(
        ("", "name", "priority", "limit", "status"),
        (
            ("  ", one.name, str(one.priority), limit_text(one.concurrency_limit), one.status)
            for one in every(backend.list_work_queues, pool.name)
        ),
        none="",
    )
    there = [one for one in every(backend.list_workers) if one.work_pool == pool.name]
    if there:
        printing.heading("Workers")
        printing.columns(
            ("", "name", "host", "status", "limit", "queues"),
            (
                ("  ", one.name, one.owner.host, one.status, str(one.limit),
                 ", ".join(one.work_queues) or "all")
                for one in there
            ),
            none="",
        )  # fmt: skip
