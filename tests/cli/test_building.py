"""`nbflow deployment build` and `apply` in a real store: the file, its options, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.deployments import Deployment
from nbflow.filesystems import LocalFileSystem
from nbflow.infrastructure import Process
from nbflow.model.schedules import Cron
from nbflow.orchestration.orchestrator import Orchestrator

Call = Callable[..., Any]
BUILD = ("deployment", "build", "flows/etl.py:etl")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a flow that takes a number."""
    folder = tmp_path / "project"
    (folder / "flows").mkdir(parents=True)
    code = 'from nbflow import flow\n@flow\ndef etl(n: int = 1):\n    "Load."\n    return n\n'
    (folder / "flows" / "etl.py").write_text(code)
    monkeypatch.chdir(folder)
    return folder


def test_every_option_is_in_the_file_and_in_the_deployment(
    nbflow: Call, project: Path, orchestrator: Orchestrator
) -> None:
    LocalFileSystem(basepath=str(project.parent / "bucket")).save("code")
    Process().save("big")
    said = nbflow(
        "deployment", "build", "flows/etl.py:etl", "-n", "nightly", "-t", "a", "-t", "b", "-v",
        "1.10", "-d", "Loads.", "-p", "pool", "-q", "night", "-l", "2", "-ib", "process/big", "-sb",
        "local-file-system/code/etl", "--override", "env.N=5", "--override", "stream_output=true",
        "--cron", "0 7 * * *", "--timezone", "Europe/Paris", "--param", "n=3", "-a",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "nbflow agent start -q night -p pool" in said.out
    read = Deployment.load_from_yaml(project / "etl-deployment.yaml")
    assert read.infra_overrides == {"stream_output": True, "env.N": "5"}
    assert (read.version, read.tags, read.parameters) == ("1.10", ["a", "b"], {"n": 3})
    made = orchestrator.read_deployment("nightly")
    assert made.job_variables == {
        "stream_output": True,
        "env.N": "5",
        "infrastructure": "process/big",
        "storage": {"block": "local-file-system/code/etl", "file": "flows/etl.py"},
    }
    assert [one.timing for one in made.schedules] == [Cron("0 7 * * *", "Europe/Paris")]
    assert (made.host, made.source, made.description) == (None, "live", "Loads.")
    queue = next(q for q in orchestrator.list_work_queues("pool").rows if q.name == "night")
    assert queue.concurrency_limit == 2
    assert orchestrator.read_work_pool("pool").type == "agent"
    inspected = nbflow("deployment", "inspect", "nightly")
    assert "local-file-system/code/etl" in inspected.out


def test_building_again_keeps_what_is_not_said(
    nbflow: Call, project: Path, orchestrator: Orchestrator
) -> None:
    build = ("deployment", "build", "flows/etl.py:etl", "-n", "nightly", "-a")
    assert (
        nbflow(*build, "-t", "a", "--interval", "1h", "--param", "n=3", "-i", "process").code == 0
    )
    assert nbflow(*build, "-d", "Again.").code == 0
    made = orchestrator.read_deployment("nightly")
    assert (made.tags, made.parameters, len(made.schedules)) == (("a",), {"n": 3}, 1)
    assert (made.description, made.version) == ("Again.", 2)
    assert made.job_variables == {"infrastructure": "process"}
    assert nbflow(*build, "--no-schedule").code == 0
    assert orchestrator.read_deployment("nightly").schedules == ()


def test_what_was_edited_in_the_file_is_applied(
    nbflow: Call, project: Path, orchestrator: Orchestrator
) -> None:
    assert (
        nbflow("deployment", "build", "flows/etl.py:etl", "-n", "one", "-o", "one.yaml").code == 0
    )
    text = (project / "one.yaml").read_text()
    edited = text.replace("parameters: {}", "parameters:\n  n: 7").replace('"one"', '"two"', 1)
    (project / "two.yaml").write_text(edited)
    said = nbflow("deployment", "apply", "*.yaml", "--output", "json")
    assert [one["name"] for one in said.json()] == ["one", "two"]
    assert orchestrator.read_deployment("two").parameters == {"n": 7}


def test_files_are_all_checked_before_the_first_is_deployed(
    nbflow: Call, project: Path, orchestrator: Orchestrator
) -> None:
    assert (
        nbflow("deployment", "build", "flows/etl.py:etl", "-n", "one", "-o", "one.yaml").code == 0
    )
    wrong = (project / "one.yaml").read_text().replace("parameters: {}", 'parameters: {"n": "x"}')
    (project / "wrong.yaml").write_text(wrong)
    said = nbflow("deployment", "apply", "one.yaml", "wrong.yaml")
    assert said.code in (1, 2)
    assert "n" in said.err
    assert not orchestrator.list_deployments().rows


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("flows/none.py:etl",), "none.py"),
        (("flows/etl.py:other",), "other"),
        (("../outside.py:etl",), "outside the working folder"),
        (("flows/etl.py:etl", "-sb", "s3/none"), "There is no block"),
        (("flows/etl.py:etl", "-sb", "nonsense"), "There is no block"),
        (("flows/etl.py:etl", "-sb", "process/big"), "is no storage"),
        (("flows/etl.py:etl", "-sb", "local-file-system/code/../.."), "leads out"),
        (("flows/etl.py:etl", "-ib", "docker-container/x"), "no infrastructure"),
        (("flows/etl.py:etl", "-ib", "process/none", "-a"), "There is no block"),
        (("flows/etl.py:etl", "-i", "process", "-ib", "process/big"), "two"),
        (("flows/etl.py:etl", "--override", "env.X"), "no value"),
        (("flows/etl.py:etl", "--override", "image=x", "-a"), "image"),
        (("flows/etl.py:etl", "--cron", "0 7 * * *", "--interval", "1h"), "several"),
        (("flows/etl.py:etl", "--anchor-date", "2026-01-01"), "--interval"),
        (("flows/etl.py:etl", "--param", "n=x"), "n"),
        (("flows/etl.py:etl", "--ignore-file", "none", "-sb", "local-file-system/code"), "no file"),
        (("flows/etl.py:etl", "-o", "no/such/folder.yaml"), "folder.yaml"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    nbflow: Call, project: Path, orchestrator: Orchestrator, words: tuple[str, ...], told: str
) -> None:
    LocalFileSystem(basepath=str(project.parent / "bucket")).save("code")
    Process().save("big")
    said = nbflow("deployment", "build", "-n", "bad", *words)
    assert said.code in (1, 2)
    assert told in said.err
    assert "Traceback" not in said.err
    assert not orchestrator.list_deployments().rows


def test_a_file_that_is_none_is_refused(nbflow: Call, project: Path) -> None:
    (project / "bad.yaml").write_text("name: x\ncolour: red\n")
    (project / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for file, told in {
        "bad.yaml": "line 2",
        "binary.yaml": "UTF-8",
        "none.yaml": "no file",
    }.items():
        said = nbflow("deployment", "apply", file)
        assert said.code in (1, 2)
        assert told in said.err
