"""Progress: from 0 to 100, live, cheap however often it changes, and the last value arrives."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from nbflow import flow
from nbflow.artifacts import (
    Artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model.artifacts import ArtifactFilter
from nbflow.store import spool


@pytest.mark.parametrize(
    ("said", "kept"), [(-5, 0.0), (0, 0.0), (33.3, 33.3), (250, 100.0), (float("inf"), 100.0)]
)
def test_a_progress_lies_between_0_and_100(data_of, said, kept):
    assert data_of(create_progress_artifact(said)) == {"progress": kept}
    bar = create_progress_artifact(50, key="bar")
    update_progress_artifact(bar, said)
    assert Artifact.get("bar").data == {"progress": kept}


@pytest.mark.parametrize("said", [float("nan"), "many", "50", None, [1]])
def test_a_progress_is_a_number(shown, said):
    bar = create_progress_artifact(50)
    for call in (
        lambda: create_progress_artifact(said),
        lambda: update_progress_artifact(bar, said),
    ):
        with pytest.raises(InvalidInput) as refused:
            call()
        assert refused.value.field == "progress"
    assert len(shown()) == 1


def test_only_a_progress_that_is_there_goes_on(shown):
    text = create_markdown_artifact("x")
    with pytest.raises(InvalidInput, match="is a markdown, not a progress"):
        update_progress_artifact(text, 1)
    with pytest.raises(NotFound):
        update_progress_artifact("01a20412-be54-7e29-8cea-410a39be5621", 1)


def test_another_process_takes_a_progress_on(orchestrator):
    bar = create_progress_artifact(1, key="bar", description="of two")
    code = f"from nbflow.artifacts import *; update_progress_artifact({bar!r}, 60)"
    subprocess.run([sys.executable, "-c", code], check=True)
    found = orchestrator.read_artifact("bar")
    assert (found.id, found.data, found.description) == (bar, {"progress": 60.0}, "of two")


def test_5000_updates_are_a_handful_of_writes_and_the_last_one_arrives(orchestrator):
    @flow
    def long():
        bar = create_progress_artifact(0)
        for n in range(5001):
            update_progress_artifact(bar, n / 50)
        return bar

    bar = long()
    assert orchestrator.read_artifact(bar).data == {"progress": 100.0}
    written = [e for e in orchestrator.changes(0).events if e.noun == "artifacts"]
    assert written[-1].row["data"] == {"progress": 100.0}
    assert len(written) <= 20


KILLED = """
import sys
from nbflow import flow
from nbflow.artifacts import create_progress_artifact, update_progress_artifact

@flow
def long():
    bar = create_progress_artifact(0, key="bar")
    for n in range(601):
        update_progress_artifact(bar, n / 10)
    print("said", flush=True)
    sys.stdin.read()

long()
"""


def test_a_progress_survives_kill_9(orchestrator, home, wait_for):
    env = {**os.environ, "NBFLOW_RECORD_SECONDS": "60"}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"said\n"
        wait_for(lambda: [f for f in (home / "spool").glob("*") if b"60.0" in f.read_bytes()])
    finally:
        process.kill()
        process.wait()
    assert orchestrator.list_artifacts().rows == ()
    assert spool.replay(orchestrator) == 1
    found = orchestrator.read_artifact("bar")
    assert found.data == {"progress": 60.0}
    assert found.updated_at > found.created_at


def test_updates_from_many_threads_leave_the_last_one(orchestrator):
    bar = create_progress_artifact(0, key="bar")

    def count():
        for n in range(200):
            update_progress_artifact(bar, n / 4)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    update_progress_artifact(bar, 99)
    assert Artifact.get("bar").data == {"progress": 99.0}


def test_a_progress_that_goes_on_is_seen_while_it_does(orchestrator, wait_for):
    go = threading.Event()

    @flow
    def long():
        bar = create_progress_artifact(0, key="live")
        update_progress_artifact(bar, 42)
        assert go.wait(60)

    thread = threading.Thread(target=long)
    thread.start()
    try:
        wait_for(
            lambda: [
                a for a in orchestrator.list_artifacts(ArtifactFilter(key="live")).rows
                if a.data == {"progress": 42.0}
            ]
        )  # fmt: skip
    finally:
        go.set()
        thread.join()
