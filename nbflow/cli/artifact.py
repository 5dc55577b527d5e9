"""`nbflow artifact …`: list artifacts, look at one and its versions, delete them."""

from __future__ import annotations

from datetime import timedelta

from nbflow.artifacts import views
from nbflow.cli import finding, printing
from nbflow.cli.parsing import OUTPUT, argument, duration, positive, takes
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput
from nbflow.model import clock, wire
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.backend import Backend

#: versions of a key that `inspect` lists
_MOST_VERSIONS = 20
_PAGE = 200
_KINDS = ("markdown", "table", "link", "image", "progress", "mime", "notebook")

ARTIFACT = argument("artifact", metavar="ARTIFACT", help="a key, or an artifact's id")


@takes(
    argument("--run", default=None, help="only those of a run: its id, part of it, or its name"),
    argument("--task-run", default=None, help="only those of a task run, by its id"),
    argument("--flow", default=None, help="only those that runs of a flow made"),
    argument("--key", default=None, help="every version of a key"),
    argument("--kind", default=None, choices=_KINDS, help="only one kind"),
    argument("--since", type=duration, default=None, metavar="SPAN",
             help="made at most so long ago: 7d, 90m"),
    argument("--all", action="store_true", dest="everything",
             help="every version, and those without a key"),
    argument("--limit", type=positive, default=50, help="so many at most (50 when left out)"),
    OUTPUT,
)  # fmt: skip
def ls(
    *,
    run: str | None,
    task_run: str | None,
    flow: str | None,
    key: str | None,
    kind: str | None,
    since: timedelta | None,
    everything: bool,
    limit: int,
    output: str,
) -> None:
    """List artifacts, newest first: of each key the newest version, unless said otherwise."""
    backend = connect()
    where = ArtifactFilter(
        flow_run_id=finding.flow_run(backend, run).id if run else None,
        key=key,
        kind=kind,  # pyright: ignore[reportArgumentType] - argparse let one of them through
        latest=not (run or task_run or key or everything),
        task_run_id=task_run,
        flow_name=flow,
        since=None if since is None else clock.now() - since,
    )
    found = _listed(backend, where, limit)
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("key", "kind", "made", "size", "id", "description"),
        (
            (item.key or "", item.kind, printing.instant(item.created_at), _size(item.size),
             item.id, (item.description or "")[:60])
            for item in found
        ),
        none="There are no such artifacts. `--all` lists those without a key, too.",
    )  # fmt: skip


def _listed(backend: Backend, where: ArtifactFilter, limit: int) -> list[Artifact]:
    found: list[Artifact] = []
    cursor = None
    while len(found) < limit:
        asked = min(limit - len(found), _PAGE)
        page = backend.list_artifacts(where, limit=asked, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            break
    return found


@takes(ARTIFACT, OUTPUT)
def inspect(*, artifact: str, output: str) -> None:
    """Show an artifact, what it holds, and the versions of its key."""
    backend = connect()
    found = backend.read_artifact(artifact)
    data = backend.read_artifact_content(found.id)
    where = ArtifactFilter(key=found.key)
    versions = _listed(backend, where, _MOST_VERSIONS) if found.key else []
    if output == "json":
        printing.as_json({**wire.jsonable(found), "data": data, "versions": versions})
        return
    printing.facts(
        [
            ("Artifact", f"{found.key or found.kind}  ({found.id})"),
            ("Kind", found.kind),
            ("Forms", ", ".join(found.mime_types)),
            ("Size", _size(found.size)),
            ("Made", printing.instant(found.created_at)),
            ("Changed", printing.instant(found.updated_at)),
            ("Run", found.flow_run_id),
            ("Task run", found.task_run_id),
        ]
    )
    printing.heading("Content")
    for line in views.to_text(found, data).splitlines():
        print(f"  {line}")
    if len(versions) > 1:
        printing.heading("Versions")
        for item in versions:
            print(f"  {printing.instant(item.created_at)}  {item.id}")


@takes(ARTIFACT, OUTPUT)
def delete(*, artifact: str, output: str) -> None:
    """Delete an artifact by id, or every version of a key."""
    if not artifact.strip():
        raise InvalidInput("The key is empty.", field="artifact")
    count = connect().delete_artifact(artifact)
    if output == "json":
        printing.as_json({"deleted": artifact, "count": count})
        return
    print(f"{artifact}: {'deleted' if count == 1 else f'{count} versions deleted'}.")


def _size(count: int) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < 1000 or unit == "MB":
            break
        count = round(count / 1000)
    return f"{count:,} {unit}" if count else ""
