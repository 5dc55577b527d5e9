"""Versions, drift, makers and fields of deployments, the same over SQL and over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound, ParameterError, Stale
from nbflow.kernels import describing
from nbflow.model import entrypoints, ids
from nbflow.model.backend import Backend
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import Deployment, DeploymentChange, NewDeployment, NewSchedule
from nbflow.model.schedules import Cron

from .conftest import notebook_text

Make = Any


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., NewDeployment]:
    """`script("def total(n: int): …")`: what is said to deploy a flow of a new script."""

    def new(body: str = "def total(n: int = 1):\n    return n", **said: Any) -> NewDeployment:
        path = tmp_path / "etl.py"
        path.write_text(f"from nbflow import flow\n@flow\n{body}\n", encoding="utf-8")
        name = said.pop("name", f"flow-{ids.uuid7()[-12:]}")
        entrypoint = entrypoints.parse("etl.py:total")
        request = DeployRequest(
            name=name, path=str(path), entrypoint=entrypoint.stored, work_pool=name, **said
        )
        return describing.deployment_of(request, entrypoint, path=str(path))

    return new


def test_a_flow_of_a_script_is_deployed_with_what_it_takes(
    backend: Backend, script: Callable[..., NewDeployment]
) -> None:
    doc = '"""Add.\n\n    Args:\n        n: how many.\n    """'
    body = f'def total(n: int, day: str = "x"):\n    {doc}'
    made = backend.deploy(script(body, parameters={"n": 2}, retries=3))
    assert (made.entrypoint, made.function, made.kernel_name) == ("etl.py:total", None, "")
    assert made.parameter_schema["properties"]["n"]["description"] == "how many."
    assert (made.flow_name, made.retries, made.version) == ("total", 3, 1)
    assert backend.read_snapshot(made.snapshot).startswith("from nbflow import flow")


def test_each_deploy_that_changes_something_is_a_version(backend: Backend, make: Make) -> None:
    new = make.new_deployment()
    first = backend.deploy(new)
    assert backend.deploy(new).version == 1
    paused = replace(
        new, paused=True, concurrency_limit=2, schedules=(NewSchedule(Cron("0 7 * * *")),)
    )
    assert backend.deploy(paused).version == 1  # schedules, pause and limits are not versioned
    second = backend.deploy(replace(new, tags=("new",), note="Tagged."))
    assert (second.id, second.version) == (first.id, 2)
    listed = backend.list_deployment_versions(new.name).rows
    assert [(one.version, one.note) for one in listed] == [(2, "Tagged."), (1, "")]
    assert backend.read_deployment_version(new.name, 1).content["tags"] == []
    with pytest.raises(NotFound) as refused:
        backend.read_deployment_version(new.name, 3)
    assert refused.value.hint == "Its versions are 1 to 2."


def test_going_back_makes_a_new_version_equal_to_the_old_one(backend: Backend, make: Make) -> None:
    new = make.new_deployment(content=notebook_text("n = 1"))
    backend.deploy(new)
    other = make.new_deployment(name=new.name, content=notebook_text("n = 1\nm = 2"))
    backend.deploy(replace(other, parameters={"m": 3}, paused=True))
    back = backend.rollback_deployment(new.name, 1)
    assert (back.version, back.parameters, back.paused) == (3, {}, True)
    assert list(back.parameter_schema["properties"]) == ["n"]
    contents = [one.content for one in backend.list_deployment_versions(new.name).rows]
    assert contents[0] == contents[2] != contents[1]
    assert backend.rollback_deployment(new.name, 1).version == 3


def test_a_version_that_could_not_run_a_schedule_is_not_gone_back_to(
    backend: Backend, make: Make
) -> None:
    new = make.new_deployment(content=notebook_text("n = 1"))
    backend.deploy(new)
    other = make.new_deployment(name=new.name, content=notebook_text("n = 1\nm = 2"))
    schedule = NewSchedule(Cron("0 7 * * *"), parameters={"m": 5})
    backend.deploy(replace(other, schedules=(schedule,)))
    with pytest.raises(ParameterError, match="cannot run its schedule"):
        backend.rollback_deployment(new.name, 1)
    assert backend.read_deployment(new.name).version == 2


def test_what_was_made_one_way_is_not_changed_another_way(backend: Backend, make: Make) -> None:
    new = make.new_deployment(made_by="yaml", defined_in="/x/nbflow.yaml")
    made = backend.deploy(new)
    for attempt in (
        lambda: backend.deploy(replace(new, made_by="form")),
        lambda: backend.update_deployment(made.id, DeploymentChange(tags=("a",), made_by="cli")),
        lambda: backend.rollback_deployment(made.id, 1, made_by="cli"),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert (refused.value.code, refused.value.field) == ("deployment.made_by", "made_by")
        assert "made by yaml (/x/nbflow.yaml)" in refused.value.message
        assert "replace" in (refused.value.hint or "")
    change = DeploymentChange(paused=True, made_by="cli")
    assert backend.update_deployment(made.id, change).made_by == "yaml"  # pausing is nobody's own
    change = DeploymentChange(tags=("a",), made_by="cli", replace=True)
    assert backend.update_deployment(made.id, change).made_by == "cli"
    taken = backend.deploy(replace(new, made_by="form", replace=True))
    assert (taken.id, taken.made_by) == (made.id, "form")


def test_every_field_can_be_edited_and_what_is_wrong_is_named(backend: Backend, make: Make) -> None:
    made = backend.deploy(make.new_deployment(made_by="rest"))
    pool = f"pool-{ids.uuid7()[-12:]}"
    change = DeploymentChange(
        tags=("a",), description="D", work_pool=pool, work_queue="fast", concurrency_limit=0,
        collision_strategy="cancel_new", retries=2, retry_delay_seconds=1.5, crash_retries=1,
        source="live", parameters={"n": 3}, job_variables={"env": {"A": "1"}},
    )  # fmt: skip
    edited = backend.update_deployment(made.id, change)
    said = {name: getattr(edited, name) for name in ("tags", "description", "retries", "source")}
    assert said == {"tags": ("a",), "description": "D", "retries": 2, "source": "live"}
    assert (edited.work_pool, edited.work_queue, edited.concurrency_limit) == (pool, "fast", 0)
    assert (edited.version, edited.job_variables) == (2, {"env": {"A": "1"}})
    free = backend.update_deployment(made.id, DeploymentChange(concurrency_limit=None))
    assert (free.concurrency_limit, free.version) == (None, 2)
    run = make.run_of(free)
    assert (run.retries, run.crash_retries, run.work_queue) == (2, 1, "fast")
    said_wrong: tuple[tuple[dict[str, Any], str | None], ...] = (
        ({"retries": -1}, "retries"), ({"retries": 10**9}, "retries"),
        ({"retry_delay_seconds": -0.5}, "retry_delay_seconds"),
        ({"concurrency_limit": -1}, "concurrency_limit"),
        ({"concurrency_limit": 10**9}, "concurrency_limit"),
        ({"enforce_parameter_schema": False}, "enforce_parameter_schema"),
        ({"work_queue": "a/b"}, "work_queue"), ({"tags": ("a", "a")}, "tags"),
        ({"made_by": "magic", "tags": ()}, "made_by"),
        ({"job_variables": {"env": {"A=B": "1"}}}, None),
    )  # fmt: skip
    for wrong, field in said_wrong:
        with pytest.raises(InvalidInput) as refused:
            backend.update_deployment(made.id, DeploymentChange(**wrong))
        assert field in (refused.value.field, None), wrong


def test_an_edit_of_what_has_changed_since_it_was_read_is_refused(
    backend: Backend, make: Make
) -> None:
    made = backend.deploy(make.new_deployment())
    change = DeploymentChange(description="one", made_by="rest")
    backend.update_deployment(made.id, change, expected=made.updated_at)
    with pytest.raises(Stale):
        backend.update_deployment(made.id, change, expected=made.updated_at)


def test_drift_is_told_by_cell_and_by_included_file(
    backend: Backend, make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "nb.ipynb"
    path.write_text(notebook_text())
    (tmp_path / "a.csv").write_text("1\n2\n")
    new = make.new_deployment(path=path, content=notebook_text(), include=("*.csv",))
    made = backend.deploy(new)
    assert backend.read_snapshot_bytes(made.files["a.csv"]) == b"1\n2\n"
    assert not backend.read_drift(made.id).drifted
    path.write_text(notebook_text("n = 2\nm = 3"))
    (tmp_path / "a.csv").write_text("1\n")
    found = backend.read_drift(made.id)
    assert [(one.id, one.change) for one in found.cells] == [("p", "changed")]
    assert [(one.path, one.lines_removed) for one in found.files] == [("a.csv", 1)]
    path.unlink()
    assert backend.read_drift(made.id).problem == f"{path} is not there."


def test_names_that_look_alike_are_one_name(backend: Backend, make: Make) -> None:
    tail = ids.uuid7()[-12:]
    made: Deployment = make.deployment(name=f"Café-{tail}")
    for twin in (f"CAFÉ-{tail}", f"cafe\u0301-{tail}"):
        with pytest.raises(Conflict) as refused:
            make.deployment(name=twin)
        assert refused.value.code == "deployment.name_taken"
    assert make.deployment(name=f"C\u0430f\u00e9-{tail}").id != made.id  # a homoglyph is another


@pytest.mark.parametrize(
    ("said", "code"),
    [({"include": ("../x",)}, "include.outside"), ({"include": ("none-*",)}, "include.nothing")],
)
def test_what_cannot_be_included_makes_nothing(
    backend: Backend, make: Make, said: dict[str, Any], code: str
) -> None:
    new = make.new_deployment(**said)
    with pytest.raises(InvalidInput) as refused:
        backend.deploy(new)
    assert refused.value.code == code
    with pytest.raises(NotFound):
        backend.read_deployment(new.name)
