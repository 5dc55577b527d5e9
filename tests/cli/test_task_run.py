"""`nbflow task-run`: the task runs of a run, by id or by name."""

from __future__ import annotations

import json

import pytest

from nbflow import flow, get_run_logger, task
from nbflow.cli.main import run


@task
def add(x):
    get_run_logger().info("adding %d", x)
    get_run_logger().warning("really")
    return x + 1


@task(retries=1, retry_delay_seconds=0)
def fails():
    raise ValueError("not today")


@flow(flow_run_name="counting")
def counts():
    add(1)
    add(2)
    fails(return_state=True)
    return 1


@pytest.fixture
def counted(orchestrator):
    counts()
    return orchestrator.list_task_runs(orchestrator.list_flow_runs().rows[0].id)


def printed(capsys, *argv, code=0):
    assert run(argv) == code
    return capsys.readouterr()


def test_task_runs_are_listed_in_order(counted, capsys):
    out = printed(capsys, "task-run", "ls", "--flow-run", "counting").out.splitlines()
    assert [line.split()[1:3] for line in out[1:]] == [
        ["add-0", "Completed"], ["add-1", "Completed"], ["fails-0", "Failed"],
    ]  # fmt: skip
    assert "not today" in out[3]
    said = ("task-run", "ls", "--flow-run", "counting", "--state", "failed", "--output", "json")
    assert [t["name"] for t in json.loads(printed(capsys, *said).out)] == ["fails-0"]


def test_one_is_shown_with_its_history_and_result(counted, capsys):
    out = printed(capsys, "task-run", "inspect", counted[1].id).out
    assert "add-1" in out
    assert "counting" in out
    assert "3  (" in out
    failed = printed(capsys, "task-run", "inspect", "fails-0", "--flow-run", "counting").out
    states = failed.partition("States")[2]
    names = ("Pending", "Running", "AwaitingRetry", "Retrying", "Failed")
    assert [name for name in names if name in states] == list(names)
    told = printed(capsys, "task-run", "inspect", counted[1].id, "--output", "json").out
    assert json.loads(told)["result"]["preview"] == "3"


def test_its_part_of_the_log_is_shown(counted, capsys):
    out = printed(capsys, "task-run", "logs", "add-1", "--flow-run", "counting").out
    assert "adding 2" in out
    assert "adding 1" not in out
    said = ("task-run", "logs", counted[0].id, "--level", "warning", "--output", "json")
    assert [line["message"] for line in json.loads(printed(capsys, *said).out)] == ["really"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("inspect", "add-0"), "With `--flow-run RUN` a name will do."),
        (("inspect", "01a20000-0000-7000-8000-000000000001"), "There is no task run"),
        (("inspect", "ad-0", "--flow-run", "counting"), "add-0"),
        (("logs", "add-0", "--flow-run", "nobody"), "There is no run"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(counted, capsys, argv, said):
    shown = printed(capsys, "task-run", *argv, code=1).err
    assert said in shown
    assert shown.count("\n") == 1
