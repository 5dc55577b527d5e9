"""Names are accepted where ids are, and nothing is guessed."""

from __future__ import annotations

import pytest

from nbflow.cli import finding
from nbflow.exceptions import Conflict, NotFound
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator


def made(orchestrator: Orchestrator, name: str, **kw: object) -> FlowRun:
    given: dict = {"flow_name": "sales", "name": name, **kw}
    return orchestrator.create_flow_run(NewFlowRun(**given))


def test_a_run_is_found_by_id_beginning_of_id_and_name(orchestrator: Orchestrator) -> None:
    run = made(orchestrator, "calm-otter", id="01a20000-0000-7000-8000-000000000001")
    for text in (run.id, run.id[:8], run.id[:20].upper(), "calm-otter"):
        assert finding.flow_run(orchestrator, text).id == run.id


def test_a_part_of_a_name_or_the_flows_name_is_not_a_run(orchestrator: Orchestrator) -> None:
    run = made(orchestrator, "calm-otter")
    for text in ("calm", "sales", run.id[:7], run.id[1:12], "%", "_" * 10, " "):
        with pytest.raises(NotFound):
            finding.flow_run(orchestrator, text)


def test_an_unknown_id_is_not_found(orchestrator: Orchestrator) -> None:
    with pytest.raises(NotFound):
        finding.flow_run(orchestrator, "01a20000-0000-7000-8000-000000000001")


def test_several_candidates_are_named_and_none_is_taken(orchestrator: Orchestrator) -> None:
    runs = [made(orchestrator, "calm-otter") for _ in range(7)]
    with pytest.raises(Conflict) as refused:
        finding.flow_run(orchestrator, "calm-otter")
    named = [run.id for run in runs if run.id in str(refused.value)]
    assert len(named) == finding.MOST_CANDIDATES
    assert refused.value.hint == "Say the id."


def test_a_name_is_found_behind_many_runs_of_a_flow_of_that_name(
    orchestrator: Orchestrator,
) -> None:
    oldest = made(orchestrator, "sales")
    for _ in range(201):
        made(orchestrator, "calm-otter")
    assert finding.flow_run(orchestrator, "sales").id == oldest.id


def test_a_deployment_that_is_not_there_is_answered_with_the_nearest(
    orchestrator: Orchestrator,
) -> None:
    with pytest.raises(NotFound) as refused:
        finding.deployment(orchestrator, "sales")
    assert refused.value.hint == "There are none."
