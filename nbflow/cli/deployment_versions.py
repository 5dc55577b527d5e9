"""`nbflow deployment …`: its versions, how they differ, going back; what its files have become."""

from __future__ import annotations

import json
from typing import Any

from nbflow.cli import finding, printing
from nbflow.cli.deployment import NAME
from nbflow.cli.parsing import OUTPUT, argument, positive, takes
from nbflow.connect import connect
from nbflow.model import versions as model
from nbflow.model.drift import CellDrift, FileDrift
from nbflow.model.pages import every
from nbflow.model.versions import VersionDiff

_LONGEST = 60
_REPLACE = argument(
    "--replace", action="store_true", help="also of a deployment that was made another way"
)


@takes(NAME, OUTPUT)
def versions(*, name: str, output: str) -> None:
    """List what a deployment was, newest first."""
    backend = connect()
    found = finding.deployment(backend, name)
    listed = tuple(every(backend.list_deployment_versions, found.id))
    if output == "json":
        printing.as_json(listed)
        return
    printing.columns(
        ("version", "made", "by", "snapshot", "note"),
        (
            (
                f"{one.version}{' *' if one.version == found.version else ''}",
                printing.instant(one.created_at),
                " ".join(filter(None, (one.made_by, one.created_by))),
                one.snapshot[:12],
                one.note,
            )
            for one in listed
        ),
        none="",
    )


@takes(
    NAME,
    argument("before", type=positive, metavar="A", help="a version"),
    argument("after", type=positive, metavar="B", help="another"),
    OUTPUT,
)
def diff(*, name: str, before: int, after: int, output: str) -> None:
    """Show how version B differs from version A."""
    backend = connect()
    found = finding.deployment(backend, name)
    one, other = (backend.read_deployment_version(found.id, n) for n in (before, after))
    changes = model.differences(one.content, other.content)
    if output == "json":
        printing.as_json(VersionDiff(found.id, before, after, changes))
        return
    if not changes:
        print(f"Versions {before} and {after} of {found.name} are equal.")
    for change in changes:
        printing.heading(change.field)
        print(printing.clean(f"  - {_shown(change.before)}"))
        print(printing.clean(f"  + {_shown(change.after)}"))


@takes(NAME, argument("version", type=positive, metavar="N", help="a version"), _REPLACE, OUTPUT)
def rollback(*, name: str, version: int, replace: bool, output: str) -> None:
    """Make a new version that is equal to an earlier one."""
    backend = connect()
    found = finding.deployment(backend, name)
    made = backend.rollback_deployment(found.id, version, made_by="cli", replace=replace)
    if output == "json":
        printing.as_json(made)
        return
    again = "is equal already" if made.version == found.version else f"is now version {version}"
    print(f"{made.name}: {again} (as version {made.version}).")


@takes(NAME, OUTPUT)
def drift(*, name: str, output: str) -> None:
    """Show what has changed in a deployment's files since it was deployed."""
    backend = connect()
    found = backend.read_drift(finding.deployment(backend, name).id)
    if output == "json":
        printing.as_json(found)
        return
    if not found.drifted:
        print(f"{found.path} is as it was deployed (version {found.version}).")
        return
    if found.problem:
        print(printing.clean(found.problem))
    printing.columns(
        ("what", "change", "lines"),
        ((_what(one), one.change, _lines(one)) for one in (*found.cells, *found.files)),
        none="",
    )
    print(f"\n`nbflow deployment update {name} --from-file` deploys what lies there now.")


def _what(one: CellDrift | FileDrift) -> str:
    return f"cell {one.name!r} ({one.id})" if isinstance(one, CellDrift) else one.path


def _lines(one: CellDrift | FileDrift) -> str:
    if one.lines_added is None:
        return "not text"
    return f"+{one.lines_added} -{one.lines_removed}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text
