"""Artifacts: where they belong, their keys and versions, progress, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading

import pytest

from nbflow import artifacts, flow, settings, task
from nbflow.artifacts import (
    Artifact,
    create_artifact,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import masking
from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.runs import NewFlowRun
from nbflow.store import spool


# -- where it belongs -------------------------------------------------------------------------
def test_an_artifact_belongs_to_the_run_around_it(orchestrator):
    @task
    def shows():
        return create_link_artifact("https://example.org", "here", key="my-link")

    @flow
    def report():
        return create_markdown_artifact("# Report", key="report-1", description="weekly"), shows()

    ids = report()
    (run,) = orchestrator.list_flow_runs().rows
    (task_run,) = orchestrator.list_task_runs(run.id)
    found = {a.id: a for a in orchestrator.list_artifacts(ArtifactFilter(run.id)).rows}
    markdown, link = (found[i] for i in ids)
    assert (markdown.kind, markdown.data, markdown.key) == ("markdown", "# Report", "report-1")
    assert (markdown.description, markdown.task_run_id) == ("weekly", None)
    assert (markdown.size, markdown.mime_types) == (8, ("text/markdown",))
    assert link.data == {"url": "https://example.org", "text": "here"}
    assert link.task_run_id == task_run.id


def test_outside_a_run_an_artifact_stands_alone(orchestrator):
    made = create_markdown_artifact("text", key="lonely")
    found = orchestrator.read_artifact("lonely")
    assert (found.id, found.flow_run_id) == (made, None)


def test_a_process_that_a_run_started_shows_its_artifacts_there(orchestrator):
    run = orchestrator.create_flow_run(NewFlowRun(flow_name="notebook", kind="notebook"))
    code = """
from nbflow.artifacts import create_markdown_artifact, create_progress_artifact
from nbflow.artifacts import update_progress_artifact
create_markdown_artifact('from the kernel')
bar = create_progress_artifact(0)
for n in range(1000):
    update_progress_artifact(bar, n / 10)
"""
    env = {**os.environ, "NBFLOW_FLOW_RUN_ID": run.id}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    bar, text = orchestrator.list_artifacts(ArtifactFilter(run.id)).rows
    assert text.data == "from the kernel"
    assert bar.data == {"progress": 99.9}  # the last one arrives although the process ends at once


def test_in_an_outage_an_artifact_waits_to_be_replayed(home):
    code = "from nbflow.artifacts import create_artifact as c; c({'text/html': 'x' * 20_000})"
    env = {**os.environ, "NBFLOW_HOME": str(home), "NBFLOW_API_URL": "http://127.0.0.1:9/"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    from nbflow.connect import connect

    assert connect().list_artifacts().rows == ()
    assert spool.replay(connect()) == 1
    (found,) = connect().list_artifacts().rows
    assert connect().read_artifact_content(found.id) == {"text/html": "x" * 20_000}


def test_a_large_artifact_of_a_flow_is_on_disk_before_it_is_spoken_of(orchestrator, home):
    @flow
    def report():
        made = create_markdown_artifact("x" * 1_000_000)
        (file,) = (home / "artifacts").rglob(f"{made}.json")
        assert json.loads(file.read_text()) == "x" * 1_000_000
        assert all(f.stat().st_size < 100_000 for f in (home / "spool").glob("*"))
        return made

    made = report()
    assert orchestrator.read_artifact(made).data is None
    assert orchestrator.read_artifact_content(made) == "x" * 1_000_000


# -- keys and versions ------------------------------------------------------------------------
@pytest.mark.parametrize("key", ["Not A Key", "-a", "a-", "a--b", "", "ä", "a" * 256, 3])
def test_a_key_is_lower_case_letters_digits_and_dashes(shown, key):
    with pytest.raises(InvalidInput) as refused:
        create_markdown_artifact("x", key=key)
    assert refused.value.field == "key"
    assert "daily-report" in (refused.value.hint or "")
    assert shown() == ()


def test_an_id_is_no_key(shown):
    with pytest.raises(InvalidInput):
        create_markdown_artifact("x", key=create_markdown_artifact("y"))


def test_a_key_has_versions_and_the_latest_is_found(orchestrator):
    ids = [create_markdown_artifact(f"version {n}", key="report") for n in range(3)]
    create_markdown_artifact("another", key="other")
    create_markdown_artifact("no key")
    versions = orchestrator.list_artifacts(ArtifactFilter(key="report")).rows
    assert [a.id for a in versions] == ids[::-1]
    latest = orchestrator.list_artifacts(ArtifactFilter(latest=True)).rows
    assert [(a.key, a.data) for a in latest] == [("other", "another"), ("report", "version 2")]
    assert Artifact.get("report").data == "version 2"


def test_an_artifact_is_found_again_or_made(orchestrator):
    assert Artifact.get("report") is None
    made, new = Artifact.get_or_create("report", "weekly", "# one", type="markdown")
    again, newer = Artifact.get_or_create("report", data="# two", type="markdown")
    assert (new, newer) == (True, False)
    assert (again.id, again.data, again.description) == (made.id, "# one", "weekly")
    assert again.format() == "# one"
    second = Artifact("# two", "report", type="markdown").create()
    assert Artifact.get("report").id == second.id != made.id
    assert (second.flow_run_id, second.type) == (None, "markdown")


def test_an_artifact_is_found_inside_the_run_that_made_it(orchestrator):
    @flow
    def report():
        made = create_progress_artifact(1, key="bar")
        update_progress_artifact(made, 70)
        return Artifact.get("bar").data

    assert report() == {"progress": 70.0}


def test_each_function_has_a_twin_for_await(orchestrator, data_of):
    async def make():
        bar = await artifacts.acreate_progress_artifact(5)
        await artifacts.aupdate_progress_artifact(bar, 6)
        texts = [
            await artifacts.acreate_markdown_artifact("m", key="m"),
            await artifacts.acreate_link_artifact("https://x.org"),
            await artifacts.acreate_table_artifact([[1]]),
            await artifacts.acreate_artifact({"text/html": "h"}),
        ]
        found = await Artifact.aget("m")
        again, new = await Artifact.aget_or_create("m")
        assert found
        assert (found.id, again.id, new) == (texts[0], texts[0], False)
        assert await (await Artifact("x", type="markdown").acreate()).aformat() == "x"
        return bar, texts

    bar, texts = asyncio.run(make())
    Artifact.get("m")
    assert data_of(bar) == {"progress": 6.0}
    assert data_of(texts[3]) == {"text/html": "h"}


# -- progress ---------------------------------------------------------------------------------
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
        wait_for(
            lambda: any('"progress":60.0' in f.read_text() for f in (home / "spool").iterdir())
        )
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
        assert go.wait(20)

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


# -- tables and images ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("table", "columns", "rows"),
    [
        ([{"a": 1, "b": 2}, {"a": 3, "c": 4}], ["a", "b", "c"], [[1, 2, None], [3, None, 4]]),
        ({"a": [1, 2], "b": ["x", None]}, ["a", "b"], [[1, "x"], [2, None]]),
        ([[1, 2], [3]], ["0", "1"], [[1, 2], [3, None]]),
        ([], [], []),
        ([{"x": float("nan")}, {"x": float("inf")}, {"x": 1j}], ["x"], [[None], [None], ["1j"]]),
        ([[2**60, "\ud800", "a\0b"]], ["0", "1", "2"], [[str(2**60), r"\ud800", r"a\0b"]]),
    ],
)
def test_a_table_is_made_from_any_of_its_shapes(data_of, table, columns, rows):
    assert data_of(create_table_artifact(table)) == {"columns": columns, "rows": rows}


def test_a_number_of_thousands_of_digits_is_a_text(data_of):
    (cell,) = data_of(create_table_artifact([[10**5000]]))["rows"][0]
    assert cell.startswith("0x")


def test_a_data_frame_is_a_table(data_of):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2], "at": pandas.to_datetime(["2026-01-01", None])})
    data = data_of(create_table_artifact(frame))
    assert data == {"columns": ["n", "at"], "rows": [[1, "2026-01-01 00:00:00"], [2, "NaT"]]}


def test_an_index_that_says_something_is_a_column(data_of):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2, 3], "of": list("aab"), "at": list("xyx")})
    counted = data_of(create_table_artifact(frame.groupby("of").sum(numeric_only=True)))
    assert counted == {"columns": ["of", "n"], "rows": [["a", 3], ["b", 3]]}
    both = data_of(create_table_artifact(frame.set_index(["of", "at"])))
    assert both["columns"] == ["of", "at", "n"]
    assert both["rows"][1] == ["a", "y", 2]


def test_a_long_table_says_how_long_it_was(data_of):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": range(1_000_000)})
    data = data_of(create_table_artifact(frame))
    assert (len(data["rows"]), data["total"]) == (10_000, 1_000_000)
    with settings.temporary(artifact_bytes=10_000):
        small = data_of(create_table_artifact([{"text": "x" * 90}] * 5000))
    assert 50 <= len(small["rows"]) <= 100
    assert small["total"] == 5000
    assert len(json.dumps(small)) <= 10_500


def test_an_image_comes_from_a_file_from_bytes_or_from_a_figure(data_of, dot, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    (tmp_path / "dot.png").write_bytes(dot)
    figure = Figure()
    figure.subplots().plot([1, 2])
    for image in (tmp_path / "dot.png", str(tmp_path / "dot.png"), dot, figure):
        data = data_of(create_image_artifact(image))
        assert data["mime"] == "image/png"
        assert base64.b64decode(data["base64"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"<svg xmlns='x'/>", "image/svg+xml"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><!DOCTYPE svg><svg/>", "image/svg+xml"),
    ],
)
def test_an_image_is_known_by_how_it_begins(data_of, content, mime):
    assert data_of(create_image_artifact(content))["mime"] == mime


def test_an_image_elsewhere_is_named_by_its_address(data_of):
    url = "https://example.org/a.png"
    assert data_of(create_image_artifact(image_url=url)) == {"url": url}
    assert data_of(create_image_artifact(url)) == {"url": url}


# -- what is refused --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: create_markdown_artifact(3), "markdown"),
        (lambda: create_markdown_artifact("x", description="x" * 10_001), "description"),
        (lambda: create_markdown_artifact("x", description=3), "description"),
        (lambda: create_link_artifact("javascript:alert(1)"), "link"),
        (lambda: create_link_artifact(" JavaScript:alert(1)"), "link"),
        (lambda: create_link_artifact(None), "link"),
        (lambda: create_table_artifact("text"), "table"),
        (lambda: create_table_artifact([1, 2]), "table"),
        (lambda: create_table_artifact({"a": [1], "b": []}), "table"),
        (lambda: create_table_artifact({"a": 1}), "table"),
        (lambda: create_image_artifact(b"no image"), "image"),
        (lambda: create_image_artifact(b"<?xml version='1.0'?><html/>"), "image"),
        (lambda: create_image_artifact("/no/such/file.png"), "image"),
        (lambda: create_image_artifact(7), "image"),
        (lambda: create_image_artifact(), "image"),
        (lambda: Artifact("x", type="poem").create(), "type"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_kept(shown, make, field):
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.field == field
    assert shown() == ()


def test_what_is_too_large_is_refused_with_its_size_and_the_cap(shown, home, tmp_path):
    class Picture:
        def _repr_png_(self):
            return b"\x89PNG" + bytes(100_000_000)

    file = tmp_path / "large.png"
    with file.open("wb") as sparse:
        sparse.truncate(100_000_000)
    calls = (
        lambda: create_artifact(Picture()),
        lambda: create_artifact({"text/html": "x" * 100_000_000}),
        lambda: create_image_artifact(b"\x89PNG\r\n\x1a\n" + bytes(100_000_000)),
        lambda: create_image_artifact(file),
        lambda: create_markdown_artifact("x" * 100_000_000),
    )
    for call in calls:
        with pytest.raises(InvalidInput) as refused:
            call()
        assert refused.value.code == "artifact.too_large"
        assert "100,000," in refused.value.message
        assert "10,000,000 is the most" in refused.value.message
    assert shown() == ()
    assert not (home / "artifacts").exists()


def test_a_secret_is_masked_wherever_it_is_shown(data_of, orchestrator):
    with masking.forgetting():
        masking.register_secret("hunter22")
        made = create_markdown_artifact("it is hunter22", description="hunter22!")
        table = create_table_artifact([["hunter22"]])
        bundle = create_artifact({"text/html": "hunter22", "application/json": {"a": "hunter22"}})
    assert "hunter22" not in str([data_of(i) for i in (made, table, bundle)])
    assert "hunter22" not in (orchestrator.read_artifact(made).description or "")
