"""Artifacts: where they belong, their keys and versions, progress, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from nbflow import artifacts, connect, flow, task
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
from nbflow.exceptions import InvalidInput
from nbflow.model import masking
from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.runs import NewFlowRun
from nbflow.store import spool
from nbflow.task_runners import ProcessPoolTaskRunner


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


def test_a_task_in_another_process_shows_what_it_made(orchestrator):
    @task
    def shows(n):
        made = create_artifact({"text/html": f"<b>{n}</b>" * 5_000}, key=f"part-{n}")
        return made, Artifact.get(f"part-{n}").id

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def report():
        return [shows.submit(n).result() for n in range(2)]

    for n, (made, found) in enumerate(report()):
        assert made == found
        kept = orchestrator.read_artifact(f"part-{n}")
        assert (kept.id, kept.data) == (made, None)
        assert kept.task_run_id in {t.id for t in orchestrator.list_task_runs(kept.flow_run_id)}


def test_in_an_outage_an_artifact_waits_to_be_replayed(home):
    code = "from nbflow.artifacts import create_artifact as c; c({'text/html': 'x' * 20_000})"
    env = {**os.environ, "NBFLOW_HOME": str(home), "NBFLOW_API_URL": "http://127.0.0.1:9/"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    assert len(list((home / "spool").iterdir())) == 1
    backend = connect.connect()
    spool.replay(backend)
    (found,) = backend.list_artifacts().rows
    assert backend.read_artifact_content(found.id) == {"text/html": "x" * 20_000}
    assert list((home / "spool").iterdir()) == []


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


def test_with_a_server_elsewhere_contents_go_along(serving, tmp_path):
    code = """
from nbflow import flow
from nbflow.artifacts import Artifact, create_artifact, create_markdown_artifact

@flow
def report():
    create_markdown_artifact('"' * 3_000_000, key="quotes")
    assert Artifact.get("quotes").data == '"' * 3_000_000

report()
create_artifact({"image/png": bytes(9_999_999)}, key="alone")
"""
    home = tmp_path / "mine"
    with serving(tmp_path, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as server:
        said = {"HOME": str(home), "API_URL": server.url, "API_TOKEN": server.token}
        env = {**os.environ, **{f"NBFLOW_{name}": value for name, value in said.items()}}
        subprocess.run([sys.executable, "-c", code], env=env, check=True)
        theirs = sorted(file.stat().st_size for file in (server.home / "artifacts").rglob("*.json"))
    assert len(theirs) == 2
    assert theirs[0] == 6_000_002
    assert list((home / "artifacts").rglob("*.json")) == []  # handed over


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
