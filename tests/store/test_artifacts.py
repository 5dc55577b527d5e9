"""Artifacts in the store: rows of the first release, files of contents, and what stays behind."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow.exceptions import NotFound, StoreFull
from nbflow.model.artifacts import MOST_INLINE_BYTES, Artifact, ArtifactChange, ArtifactFilter
from nbflow.model.runs import Batch
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import contents

FIRST_RELEASE = Path(__file__).parent / "databases" / "0001.sqlite"
LARGE = {"mime": "image/png", "base64": "A" * 50_000}


@pytest.fixture
def old(home: Path) -> Iterator[Orchestrator]:
    """A store of the first release, with a large image in one row, brought up to date."""
    home.mkdir()
    path = home / "nbflow.sqlite"
    shutil.copy(FIRST_RELEASE, path)
    connection = sqlite3.connect(path)
    connection.execute(
        "insert into artifact (id, key, kind, data, created_at) values (?, 'old', 'image', ?, 9)",
        ("01a20412-be56-7000-8000-000000000000", json.dumps(LARGE)),
    )
    connection.commit()
    connection.close()
    orchestrator = Orchestrator(f"sqlite:///{path}", migrate=True)
    yield orchestrator
    orchestrator.close()


def test_artifacts_of_the_first_release_are_still_there(old: Orchestrator) -> None:
    table, text, image = old.list_artifacts().rows
    assert (text.kind, text.data, text.size) == ("markdown", "**hi**", 8)
    assert (table.kind, table.data) == ("table", {"columns": ["a"], "rows": [[1]]})
    assert (image.data, image.size) == (None, len(json.dumps(LARGE)))
    assert old.list_artifacts(ArtifactFilter(flow_run_id=text.flow_run_id)).rows == (table, text)
    for artifact, data in ((text, "**hi**"), (image, LARGE)):
        assert old.read_artifact_content(artifact.id) == data


def test_a_large_one_of_the_first_release_outlives_an_edit(old: Orchestrator) -> None:
    old.update_artifact("old", ArtifactChange(description="a picture"))
    assert old.read_artifact("old").description == "a picture"
    assert old.read_artifact_content("old") == LARGE
    assert old.delete_artifact("old") == 1


@pytest.mark.parametrize(
    ("data", "apart"),
    [
        ("x" * (MOST_INLINE_BYTES - 2), False),
        ("x" * (MOST_INLINE_BYTES - 1), True),
        ({"a": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}, True),  # deeper than a request may be
    ],
)
def test_what_is_large_or_deep_lies_in_a_file(
    orchestrator: Orchestrator, home: Path, data: object, apart: bool
) -> None:
    made = Artifact("mime", data)
    orchestrator.record(Batch(artifacts=(made,)))
    files = [path.name for path in (home / "artifacts").rglob("*") if path.is_file()]
    assert files == ([f"{made.id}.json"] if apart else [])
    assert (orchestrator.read_artifact(made.id).data is None) is apart
    assert orchestrator.read_artifact_content(made.id) == data


def test_a_file_goes_with_its_artifact(orchestrator: Orchestrator, home: Path) -> None:
    made = [Artifact("markdown", "x" * 10_000, "key") for _ in range(3)]
    orchestrator.record(Batch(artifacts=tuple(made)))
    orchestrator.delete_artifact(made[0].id)
    assert len(list((home / "artifacts").rglob("*.json"))) == 2
    orchestrator.delete_artifact("key")
    assert list((home / "artifacts").rglob("*.json")) == []


def test_a_damaged_or_missing_file_is_said(orchestrator: Orchestrator, home: Path) -> None:
    made = Artifact("markdown", "x" * 10_000)
    orchestrator.record(Batch(artifacts=(made,)))
    (file,) = (home / "artifacts").rglob("*.json")
    for damage in (lambda: file.write_text("y"), lambda: file.write_bytes(b"\xff"), file.unlink):
        damage()
        with pytest.raises(NotFound) as said:
            orchestrator.read_artifact_content(made.id)
        assert said.value.code == "artifact.content_missing"
        assert orchestrator.read_artifact(made.id).id == made.id


def test_a_content_is_private_and_leaves_no_scratch_file(home: Path) -> None:
    artifact_id = "01a20412-be56-7000-8000-000000000000"
    sha256 = contents.write(artifact_id, '"ä"')
    assert contents.read(artifact_id, sha256) == '"ä"'
    contents.write(artifact_id, '"second"')
    (file,) = [path for path in (home / "artifacts").rglob("*") if path.is_file()]
    assert file.read_text() == '"second"'
    assert file.parent.stat().st_mode & 0o077 == 0
    with pytest.raises(NotFound):
        contents.read(artifact_id, sha256)


def test_a_content_that_cannot_be_written_is_said(orchestrator: Orchestrator, home: Path) -> None:
    (home / "artifacts").write_text("a file where the folder should be")
    with pytest.raises(StoreFull, match="cannot be written: Not a directory"):
        orchestrator.record(Batch(artifacts=(Artifact("markdown", "x" * 10_000),)))
    assert orchestrator.list_artifacts().rows == ()


def test_a_list_does_not_read_large_contents(orchestrator: Orchestrator) -> None:
    made = tuple(Artifact("markdown", "x" * 1_000_000, "key") for _ in range(20))
    orchestrator.record(Batch(artifacts=made))
    page_count = "select page_count * page_size from pragma_page_count, pragma_page_size"
    with orchestrator.database.read() as connection:
        assert connection.exec_driver_sql(page_count).scalar_one() < 1_000_000
    assert [a.data for a in orchestrator.list_artifacts().rows] == [None] * 20
