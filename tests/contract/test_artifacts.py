"""Artifacts at both authorities: listed, read, edited, deleted, with their contents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock, ids
from nbflow.model.artifacts import (
    MOST_INLINE_BYTES,
    Artifact,
    ArtifactChange,
    ArtifactFilter,
)
from nbflow.model.backend import Backend
from nbflow.model.runs import Batch
from nbflow.store import contents

LARGE = "# long\n" + "x" * MOST_INLINE_BYTES


@pytest.fixture
def key() -> str:
    """A key no other test has."""
    return f"key-{ids.uuid7()[-12:]}"


Record = Callable[..., list[Artifact]]


@pytest.fixture
def record(backend: Backend) -> Record:
    """Record artifacts, each a second newer than the one before."""

    def recorded(*artifacts: Artifact) -> list[Artifact]:
        at = clock.now()
        made = [replace(a, created_at=at + timedelta(seconds=n)) for n, a in enumerate(artifacts)]
        assert backend.record(Batch(artifacts=tuple(made))).lacking == ()
        return made

    return recorded


def test_those_of_a_key_come_newest_first(backend: Backend, record: Record, key: str) -> None:
    older, newer, _ = record(
        Artifact("markdown", "1", key), Artifact("markdown", "2", key), Artifact("markdown", "3")
    )
    assert backend.list_artifacts(ArtifactFilter(key=key)).rows == (newer, older)
    assert backend.read_artifact(key) == newer
    assert backend.read_artifact(older.id) == older


def test_each_filter_narrows_the_list(
    backend: Backend, record: Record, make: Any, key: str
) -> None:
    run, task = make.run().id, ids.uuid7()
    mine, inside, keyed = record(
        Artifact("markdown", "mine", flow_run_id=run),
        Artifact("link", {"url": "u", "text": "t"}, flow_run_id=run, task_run_id=task),
        Artifact("table", {"columns": [], "rows": []}, key, flow_run_id=run),
    )

    def found(**said: Any) -> tuple[Artifact, ...]:
        return backend.list_artifacts(ArtifactFilter(**said)).rows

    assert found(flow_run_id=run) == (keyed, inside, mine)
    assert found(flow_run_id=run, kind="link") == (inside,)
    assert found(task_run_id=task) == (inside,)
    assert found(flow_run_id=run, latest=True) == (keyed,)
    assert found(flow_run_id=ids.uuid7()) == ()
    assert found(flow_name="by-hand", flow_run_id=run) == (keyed, inside, mine)
    assert found(flow_name="another", flow_run_id=run) == ()
    assert found(flow_run_id=run, since=inside.created_at) == (keyed, inside)
    assert found(flow_run_id=run, until=inside.created_at) == (mine,)


def test_latest_lists_one_version_of_each_key(
    backend: Backend, record: Record, make: Any, key: str
) -> None:
    run, other = make.run().id, f"{key}-b"
    _, b, a = record(*(Artifact("markdown", "x", k, flow_run_id=run) for k in (key, other, key)))
    assert backend.list_artifacts(ArtifactFilter(flow_run_id=run, latest=True)).rows == (a, b)


def test_a_long_list_comes_in_pages(backend: Backend, record: Record, key: str) -> None:
    made = record(*(Artifact("markdown", str(n), key) for n in range(7)))
    found: list[Artifact] = []
    cursor = None
    while True:
        page = backend.list_artifacts(ArtifactFilter(key=key), limit=3, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            break
    assert found == made[::-1]
    for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": "x"}):
        with pytest.raises(InvalidInput):
            backend.list_artifacts(**wrong)


def test_a_large_content_is_left_out_of_lists(backend: Backend, record: Record, key: str) -> None:
    (made,) = record(Artifact("markdown", LARGE, key))
    listed = backend.list_artifacts(ArtifactFilter(key=key)).rows
    for found in (*listed, backend.read_artifact(key)):
        assert found.data is None
        assert found.size == len(LARGE) + 3  # as JSON text: quotes, and an escape
        assert found.sha256
    assert backend.read_artifact_content(made.id) == LARGE
    assert backend.read_artifact_content(key) == LARGE


def test_an_artifact_is_seen_only_with_its_content(backend: Backend, key: str) -> None:
    text = '{"text/html":"<b>hi</b>"}'
    made = Artifact("mime", None, key, size=9, sha256=contents.digest(text))
    assert backend.record(Batch(artifacts=(made,))).lacking == (made.id,)
    with pytest.raises(NotFound):
        backend.read_artifact(made.id)
    backend.keep_artifact_content(made.id, text)
    assert backend.record(Batch(artifacts=(made,))).lacking == ()
    assert backend.read_artifact(key) == made
    assert backend.read_artifact_content(made.id) == {"text/html": "<b>hi</b>"}


def test_a_content_of_another_digest_is_not_given_out(backend: Backend) -> None:
    made = Artifact("markdown", None, sha256=contents.digest('"said"'))
    backend.keep_artifact_content(made.id, '"other"')
    backend.record(Batch(artifacts=(made,)))
    with pytest.raises(NotFound) as missing:
        backend.read_artifact_content(made.id)
    assert missing.value.code == "artifact.content_missing"


def test_what_no_artifact_could_be_is_refused(backend: Backend) -> None:
    for artifact_id in ("no-id", "../../x"):
        with pytest.raises((InvalidInput, NotFound)):
            backend.keep_artifact_content(artifact_id, '"x"')
    with pytest.raises(InvalidInput) as large:
        backend.keep_artifact_content(ids.uuid7(), "x" * 14_000_000)
    assert "14,000,000 bytes" in large.value.message


def test_of_two_records_of_one_id_the_later_stays(backend: Backend, key: str) -> None:
    first = Artifact("progress", {"progress": 0.0}, key)
    at = clock.now()
    half, done = (
        replace(first, data={"progress": p}, updated_at=at + timedelta(seconds=p))
        for p in (50.0, 100.0)
    )
    for sent in (done, half, first):
        backend.record(Batch(artifacts=(sent,)))
        assert backend.read_artifact(key) == done


def test_a_progress_and_a_description_can_be_edited(
    backend: Backend, record: Record, key: str
) -> None:
    (made,) = record(Artifact("progress", {"progress": 0.0}, key))
    for progress, kept in ((40, 40.0), (-1, 0.0), (1e9, 100.0)):
        after = backend.update_artifact(made.id, ArtifactChange(progress=progress))
        assert after.data == {"progress": kept}
        assert backend.read_artifact(made.id) == after
    assert backend.update_artifact(key, ArtifactChange(description="so far")).data == after.data
    assert backend.read_artifact(key).description == "so far"
    with pytest.raises(NotFound):
        backend.update_artifact(ids.uuid7(), ArtifactChange(progress=1))


def test_only_a_progress_goes_on(backend: Backend, record: Record) -> None:
    (made,) = record(Artifact("markdown", LARGE))
    with pytest.raises(InvalidInput):
        backend.update_artifact(made.id, ArtifactChange(progress=1))
    backend.update_artifact(made.id, ArtifactChange(description="still there"))
    assert backend.read_artifact_content(made.id) == LARGE


def test_one_is_deleted_by_id_and_all_of_a_key_by_key(
    backend: Backend, record: Record, key: str
) -> None:
    made = record(*(Artifact("markdown", LARGE, key) for _ in range(3)))
    assert backend.delete_artifact(made[1].id) == 1
    assert backend.list_artifacts(ArtifactFilter(key=key)).rows[0].id == made[2].id
    assert backend.delete_artifact(key) == 2
    for gone in (key, *(a.id for a in made)):
        for ask in (backend.read_artifact, backend.read_artifact_content, backend.delete_artifact):
            with pytest.raises(NotFound):
                ask(gone)


def test_they_go_with_their_run(backend: Backend, record: Record, make: Any, end: Any) -> None:
    run = make.run()
    (made,) = record(Artifact("markdown", LARGE, flow_run_id=run.id))
    end(run)
    backend.delete_flow_run(run.id)
    with pytest.raises(NotFound):
        backend.read_artifact_content(made.id)


def test_each_change_is_told(backend: Backend, record: Record, make: Any) -> None:
    seq = backend.changes(0).seq
    while (more := backend.changes(seq)).events:
        seq = more.seq
    run = make.run()
    bar, text = record(
        Artifact("progress", {"progress": 0.0}, flow_run_id=run.id),
        Artifact("markdown", "hi", flow_run_id=run.id),
    )
    backend.update_artifact(bar.id, ArtifactChange(progress=7))
    backend.delete_artifact(text.id)
    told = [e for e in backend.changes(seq).events if e.noun == "artifacts"]
    assert [(e.kind, e.resource_id) for e in told] == [
        ("artifact.created", bar.id),
        ("artifact.created", text.id),
        ("artifact.updated", bar.id),
        ("artifact.deleted", text.id),
    ]
    assert [e.row["flow_run_id"] for e in told] == [run.id] * 4
    assert told[2].row["data"] == {"progress": 7.0}
    assert told[1].row["data"] is None  # only what changes all the time is sent along
