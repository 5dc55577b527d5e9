"""Artifacts: what runs show to people. Recorded, listed by run or by key, edited and deleted.

Large contents are files (`contents`); a list never reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock, ids, names
from nbflow.model.artifacts import (
    LONGEST_KEY,
    MOST_INLINE_BYTES,
    Artifact,
    ArtifactFilter,
    too_deep,
    too_large,
)
from nbflow.model.pages import Page
from nbflow.store import codec, contents
from nbflow.store.dialect import Insert, Upsert
from nbflow.store.tables import artifact, flow_run

_CHANGING = ("data", "description", "updated_at", "size", "mime_types")

#: all of a row but a content that is large (rows of the first schema hold theirs)
_LISTED = [
    *(column for column in artifact.c if column.name != "data"),
    sa.case((artifact.c.size <= MOST_INLINE_BYTES, artifact.c.data), else_="null").label("data"),
]


def _record(insert: Insert) -> sa.Insert:
    """One sent twice is kept once, and of two records of one id the later stays."""
    statement = insert(artifact)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={name: new[name] for name in _CHANGING},
        where=new.updated_at >= sa.func.coalesce(artifact.c.updated_at, 0),
    )


_RECORD = Upsert(_record)


def settle(artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
    """Keep apart what is too large for a row. Raises InvalidInput for more than may be kept."""
    return tuple(_settled(a) for a in artifacts)


def _settled(a: Artifact) -> Artifact:
    if a.sha256 is not None or a.data is None:
        return replace(a, data=None) if a.sha256 is not None else a
    text = codec.dumps(a.data)
    if len(text) <= MOST_INLINE_BYTES and not too_deep(a.data):
        return a
    _check_size(a.id, text)
    sha256 = contents.write(a.id, text)
    return replace(a, data=None, sha256=sha256, size=a.size or len(text.encode("utf-8")))


def keep_content(artifact_id: str, text: str) -> None:
    """Keep a content before its artifact is recorded; one that is there already is left alone."""
    if not ids.canonical(artifact_id):
        raise InvalidInput(f"{names.shown(artifact_id)} is no id.", code="id.invalid", field="id")
    _check_size(artifact_id, text)
    if not contents.exists(artifact_id):
        contents.write(artifact_id, text)


def _check_size(artifact_id: str, text: str) -> None:
    if not ids.canonical(artifact_id):
        raise InvalidInput(f"{names.shown(artifact_id)} is no id.", code="id.invalid", field="id")
    most = settings.artifact_bytes * 4 // 3 + 100_000  # as JSON, binary contents in base64
    if len(text) > most:
        raise too_large(len(text), most, field="data")


def record(
    connection: sa.Connection, artifacts: Sequence[Artifact]
) -> tuple[list[Artifact], list[str]]:
    """Record artifacts that were settled: give those kept, and the ids whose content is not here.

    The latter are not visible before their content is.
    """
    kept = [a for a in artifacts if a.sha256 is None or contents.exists(a.id)]
    if kept:
        connection.execute(_RECORD.of(connection.dialect), [_columns(a) for a in kept])
    here = {a.id for a in kept}
    return kept, [a.id for a in artifacts if a.id not in here]


def page(
    connection: sa.Connection, where: ArtifactFilter, *, limit: int, cursor: str | None
) -> Page[Artifact]:
    """List artifacts, newest first."""
    query = sa.select(*_LISTED).where(*_conditions(where))
    place = sa.tuple_(artifact.c.created_at, artifact.c.id)
    if cursor is not None:
        query = query.where(place < sa.tuple_(*codec.place(cursor, field="cursor")))
    query = query.order_by(artifact.c.created_at.desc(), artifact.c.id.desc()).limit(limit + 1)
    rows = connection.execute(query).mappings().all()
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        rows=tuple(_artifact(row) for row in rows[:limit]),
        cursor=f"{last['created_at']}.{last['id']}" if last else None,
    )


def _conditions(where: ArtifactFilter) -> list[sa.ColumnElement[bool]]:
    names = ("flow_run_id", "task_run_id", "key", "kind")
    said = {name: getattr(where, name) for name in names}
    found = [artifact.c[name] == value for name, value in said.items() if value is not None]
    if where.flow_name is not None:
        runs = sa.select(flow_run.c.id).where(flow_run.c.flow_name == where.flow_name)
        found.append(artifact.c.flow_run_id.in_(runs))
    if where.since is not None:
        found.append(artifact.c.created_at >= clock.micros(where.since))
    if where.until is not None:
        found.append(artifact.c.created_at < clock.micros(where.until))
    if where.latest:
        found += [artifact.c.key.is_not(None), ~_newer()]
    return found


def _newer() -> sa.Exists:
    other = artifact.alias()
    place, mine = ((t.c.created_at, t.c.id) for t in (other, artifact))
    later = sa.tuple_(*place) > sa.tuple_(*mine)
    return sa.exists().where(other.c.key == artifact.c.key, later)


def get(connection: sa.Connection, key_or_id: str) -> Artifact:
    """Read an artifact by id, or the newest version of a key. Raises NotFound."""
    query = sa.select(*_LISTED).where(_meant(key_or_id))
    query = query.order_by(artifact.c.created_at.desc(), artifact.c.id.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise _none(key_or_id)
    return _artifact(row)


def content(connection: sa.Connection, artifact_id: str) -> Any:
    """Read the data of an artifact. Raises NotFound."""
    query = sa.select(artifact.c.id, artifact.c.data, artifact.c.sha256).where(_meant(artifact_id))
    query = query.order_by(artifact.c.created_at.desc(), artifact.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    if row is None:
        raise _none(artifact_id)
    text = row.data if row.sha256 is None else contents.read(row.id, row.sha256)
    return codec.loads(text)


def delete(connection: sa.Connection, key_or_id: str) -> list[Artifact]:
    """Delete an artifact by id, or all versions of a key; give what they were."""
    return _delete(connection, _meant(key_or_id))


def delete_of_runs(connection: sa.Connection, run_ids: Sequence[str]) -> list[Artifact]:
    """Delete the artifacts of runs; give what they were."""
    return _delete(connection, artifact.c.flow_run_id.in_(run_ids))


def _delete(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Artifact]:
    rows = connection.execute(sa.select(*_LISTED).where(which)).mappings().all()
    connection.execute(artifact.delete().where(which))
    return [_artifact(row) for row in rows]


def forget_contents(gone: Iterable[Artifact]) -> None:
    """Delete the contents of artifacts whose rows are gone, that deletion committed."""
    contents.delete(a.id for a in gone if a.sha256 is not None)


def _meant(key_or_id: str) -> sa.ColumnElement[bool]:
    column = artifact.c.id if ids.canonical(key_or_id) else artifact.c.key
    return column == key_or_id


def _none(key_or_id: str) -> NotFound:
    what = "id" if ids.canonical(key_or_id) else "key"
    return NotFound(
        f"There is no artifact of the {what} {names.shown(key_or_id)}.",
        field=what,
        hint="`nbflow artifact ls` lists those with a key.",
    )


def _columns(a: Artifact) -> dict[str, Any]:
    if a.key is not None and len(a.key) > LONGEST_KEY:
        raise InvalidInput(f"The key has {len(a.key)} characters.", field="key")
    return {
        "id": a.id,
        "key": a.key,
        "kind": a.kind,
        "data": codec.dumps(a.data),
        "description": a.description,
        "flow_run_id": a.flow_run_id,
        "task_run_id": a.task_run_id,
        "created_at": clock.micros(a.created_at),
        "updated_at": codec.micros(a.updated_at),
        "size": a.size,
        "mime_types": codec.dumps(a.mime_types),
        "sha256": a.sha256,
    }


def _artifact(row: sa.RowMapping) -> Artifact:
    return Artifact(
        id=row["id"],
        key=row["key"],
        kind=row["kind"],
        data=codec.loads(cast("str", row["data"])),
        description=row["description"],
        flow_run_id=row["flow_run_id"],
        task_run_id=row["task_run_id"],
        created_at=clock.instant(row["created_at"]),
        updated_at=codec.instant(row["updated_at"]),
        size=row["size"],
        mime_types=tuple(codec.loads(row["mime_types"])),
        sha256=row["sha256"],
    )
