"""Infrastructure blocks: what they say, and the work pool made of one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.infrastructure import Infrastructure, Kernel, Process
from nbflow.model import infrastructures
from nbflow.model.work_pools import template_of
from nbflow.orchestration.orchestrator import Orchestrator


def test_a_block_says_job_variables_and_nothing_else() -> None:
    said = Process(env={"A": "1"}, stream_output=True, command=["nice", "x"]).job_variables()
    assert said == {"env": {"A": "1"}, "stream_output": True, "command": ["nice", "x"]}
    assert Kernel(kernel="python3", name="n").job_variables() == {
        "kernel_name": "python3",
        "name": "n",
    }
    assert Infrastructure.is_abstract()
    assert not Process.is_abstract()


def test_a_preview_is_what_one_would_type() -> None:
    shown = Process(env={"A": "x y", "B": None}, working_dir="/srv/a b").preview()
    assert shown.splitlines() == [
        "cd '/srv/a b'",
        "export A='x y'",
        "unset B",
        "python -m nbflow.notebook.execute FLOW_RUN_ID ATTEMPT",
    ]


def test_a_pool_made_of_a_block_has_its_values_as_defaults(orchestrator: Orchestrator) -> None:
    block = Process(env={"REGION": "eu"}, working_dir="/srv")
    block.save("plain")
    made = Process.load("plain").publish_as_work_pool()
    assert (made.name, made.type) == ("plain", "process")
    properties = template_of(made)["variables"]["properties"]
    assert properties["env"]["default"] == {"REGION": "eu"}
    assert properties["working_dir"]["default"] == "/srv"
    assert Kernel(kernel="ir").publish_as_work_pool("r").type == "kernel"
    with pytest.raises(Conflict):
        block.publish_as_work_pool("plain")


@pytest.mark.parametrize(
    "said",
    [
        {"env": {"LD_PRELOAD": "x"}},
        {"env": {"NBFLOW_API_TOKEN": "x"}},
        {"env": {"A=B": "x"}},
        {"env": {"A": "\0"}},
    ],
)
def test_a_pool_is_not_made_of_what_may_not_be_set(
    orchestrator: Orchestrator, said: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        Process(**said).publish_as_work_pool("bad")
    assert not [pool for pool in orchestrator.list_work_pools().rows if pool.name == "bad"]


@pytest.mark.parametrize(
    "said", [{"working_dir": "relative"}, {"type": "kernel"}, {"image": "x"}, {"env": 3}]
)
def test_a_block_takes_only_what_it_has(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Process(**said)


def test_a_reference_is_a_type_or_a_block_of_it() -> None:
    assert infrastructures.parse(None) == ("process", None)
    assert infrastructures.parse("kernel") == ("kernel", None)
    assert infrastructures.parse("process/big") == ("process", "big")
    for wrong in ("", "docker", "docker/x", "agent", "agent/x", 7, "/x"):
        with pytest.raises(InvalidInput) as caught:
            infrastructures.parse(wrong)
        assert caught.value.code == "infrastructure.type"
