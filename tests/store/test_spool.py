"""The spool: what a killed process left is sent, once, whatever state the file is in."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from nbflow.model import clock, rows, states
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.results import ResultRecord
from nbflow.model.runs import LogEntry, NewFlowRun, TaskRun, advance
from nbflow.store import spool, tables

SCRIPT = textwrap.dedent("""
    import sys, os
    from nbflow import flow, task, runtime

    @task
    def work(n):
        return runtime.task_run.id

    def say(task_run_id):
        os.write(1, (task_run_id + "\\n").encode())

    @flow
    def sequential():
        for n in range(1_000_000):
            say(work(n))

    @flow
    def submitted():
        while True:
            for future in [work.submit(n) for n in range(200)]:
                say(future.result())

    {"seq": sequential, "submit": submitted}[sys.argv[1]]()
""")


@pytest.mark.parametrize("how", ["seq", "submit"])
@pytest.mark.parametrize("lines", [1, 37, 700])
def test_every_result_handed_out_before_kill_9_is_recorded_once(orchestrator, home, how, lines):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    handed_out = [process.stdout.readline().strip() for _ in range(lines)]
    process.kill()
    handed_out += process.stdout.read().splitlines()
    process.wait()
    if len(handed_out[-1]) != len(handed_out[0]):
        handed_out.pop()  # cut by the kill
    assert spool.replay(orchestrator) == 1
    (run,) = orchestrator.list_flow_runs().rows
    recorded = {t.id: t for t in orchestrator.list_task_runs(run.id)}
    missing = [i for i in handed_out if i not in recorded or not recorded[i].state.is_completed()]
    assert missing == []
    for task_run_id in handed_out:
        went = [s.name for s in recorded[task_run_id].history]
        assert went == ["Pending", "Running", "Completed"]
    assert list((home / "spool").iterdir()) == []
    assert spool.replay(orchestrator) == 0


@pytest.fixture
def flow_run(orchestrator):
    return orchestrator.create_flow_run(NewFlowRun(flow_name="f"))


def a_task_run(flow_run, name="t"):
    first = states.Pending()
    run = TaskRun(
        id=states.uuid7(), flow_run_id=flow_run.id, key="k", name=name, kind="task", state=first,
        created_at=first.at, tags=("a",), upstream=("b",), position=3,
    )  # fmt: skip
    running, done = states.Running(), states.Completed(message="é", details={"n": 1})
    return advance(advance(run, running), done)


def orphan(home, *entries, torn=b"", host=None) -> None:
    """Write a spool whose owner is gone, a frame for each entry."""
    folder = home / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    header = ("nbflow", 3, host or os.uname().nodename, "another boot", 1, 0.0, None)
    frames = [frame([header]), *(frame([entry]) for entry in entries), torn]
    (folder / f"{states.uuid7()}.spool").write_bytes(b"".join(frames))


def frame(entries) -> bytes:
    data = marshal.dumps(entries, 2)
    return len(data).to_bytes(4, "little") + data


def stored_results(orchestrator) -> list[ResultRecord]:
    with orchestrator.database.read() as connection:
        return [rows.result(row) for row in connection.execute(sa.select(tables.result))]


def test_records_come_back_as_they_went_in(orchestrator, home, flow_run):
    run = a_task_run(flow_run)
    line = LogEntry(flow_run.id, clock.now(), 20, "said\nso", "x", run.id)
    artifact = Artifact("markdown", "# hi", key="k", flow_run_id=flow_run.id)
    result = ResultRecord(
        "key", clock.now(), flow_run.id, run.id, "pickle", 3, "0" * 64, data=b"\x00\xff\n",
        parts={"source": "1"}, preview="é",
    )  # fmt: skip
    entries = [
        ("task", *run.row()),
        ("result", *result.row()),
        spool.log_entry(line),
        spool.artifact_entry(artifact),
    ]
    orphan(home, *entries)
    assert spool.replay(orchestrator) == 1
    assert orchestrator.list_task_runs(flow_run.id) == (run,)
    assert stored_results(orchestrator) == [result]
    assert orchestrator.list_logs(flow_run.id).rows == (line,)
    (shown,) = orchestrator.list_artifacts(ArtifactFilter(flow_run_id=flow_run.id)).rows
    assert (shown.id, shown.data, shown.created_at) == (artifact.id, "# hi", artifact.created_at)


def test_a_torn_last_line_is_left_out(orchestrator, home, flow_run):
    whole, torn = a_task_run(flow_run, "whole"), a_task_run(flow_run, "torn")
    data = frame([("task", *torn.row())])
    orphan(home, ("task", *whole.row()), torn=data[: len(data) // 2])
    assert spool.replay(orchestrator) == 1
    assert [t.name for t in orchestrator.list_task_runs(flow_run.id)] == ["whole"]


def test_replaying_twice_and_from_two_threads_changes_nothing(orchestrator, home, flow_run):
    runs = [a_task_run(flow_run, f"t{n}") for n in range(300)]
    entries = [("task", *run.row()) for run in runs]
    for _ in range(3):
        orphan(home, *entries)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(spool.replay(orchestrator))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 3
    assert len(orchestrator.list_task_runs(flow_run.id)) == 300


def test_the_spool_of_a_living_process_is_left_alone(orchestrator, home):
    mine = spool.Spool()
    assert spool.replay(orchestrator) == 0
    assert mine.path.exists()
    mine.remove()


def test_of_a_task_run_written_twice_the_later_word_is_read(home, flow_run):
    ended = a_task_run(flow_run)
    begun = replace(ended, state=ended.history[0], history=ended.history[:1])
    mine = spool.Spool()
    at = mine.size
    for run in (begun, ended):
        mine.append([("task", *run.row())])
    batch, end = mine.read(at)
    assert (batch.task_runs, end) == ((ended,), mine.size)
    mine.remove()


def test_another_hosts_spool_is_left_alone(orchestrator, home):
    orphan(home, host="elsewhere")
    (path,) = (home / "spool").iterdir()
    assert spool.replay(orchestrator) == 0
    assert path.exists()


def test_a_file_that_is_no_spool_is_left_alone(orchestrator, home):
    folder = home / "spool"
    folder.mkdir(parents=True)
    for name, text in {"a": "", "b": "{}\n", "c": "\x00\xff\n", "d": '["other", 1]\n'}.items():
        (folder / f"{name}.spool").write_text(text, encoding="latin-1")
    assert spool.replay(orchestrator) == 0
    assert len(list(folder.iterdir())) == 4


def test_records_that_are_refused_are_set_aside_and_said(orchestrator, home, flow_run, caplog):
    other = orchestrator.create_flow_run(NewFlowRun(flow_name="other"))
    kept = a_task_run(flow_run, "kept")
    refused = Artifact("table", {"not": float("nan")}, flow_run_id=other.id)
    orphan(home, ("task", *kept.row()), spool.artifact_entry(refused))
    assert spool.replay(orchestrator) == 1
    assert [t.name for t in orchestrator.list_task_runs(flow_run.id)] == ["kept"]
    (aside,) = (home / "spool").iterdir()
    assert aside.suffix == ".refused"
    assert f"flow run {other.id} were refused" in caplog.text
