"""What a message may name is plain JSON: what is listed, and no secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from nbflow import settings
from nbflow.model import masking, template_context, templates
from nbflow.model.blocks import BlockDocument
from nbflow.model.event_views import view
from nbflow.model.events import Event
from nbflow.model.runs import FlowRun
from nbflow.model.states import State, StateType

AT = datetime(2026, 3, 1, 6, tzinfo=UTC)
RUN = FlowRun(
    id="7", name="brisk-otter", flow_name="etl", kind="notebook", created_at=AT,
    state=State(StateType.FAILED, message="it broke: hunter2hunter2"), tags=("nightly",),
    parameters={"token": "hunter2hunter2"}, deployment_id="d1", work_pool="default",
    job_variables={"env": {"A": "private"}}, run_dir="runs/7/1", idempotency_key="k",
)  # fmt: skip
ROW: dict[str, Any] = {
    "name": "brisk-otter", "flow_name": "etl", "deployment_id": "d1", "work_pool": "default",
    "state": {"type": "FAILED", "name": "Failed", "message": ""}, "tags": ["nightly"],
    "schedule_id": "s1", "parent_flow_run_id": "p1",
}  # fmt: skip
EVENT = view(Event("flow-run.Failed", "flow-runs", "7", AT, ROW, 12))


def test_an_event_names_what_it_is_about() -> None:
    assert template_context.subjects(EVENT) == {
        "flow_run": "7", "flow": "etl", "deployment": "d1", "work_pool": "default",
    }  # fmt: skip
    assert template_context.subjects(None) == {}


def test_a_message_names_the_run_the_event_and_where_to_look() -> None:
    masking.register_secret("hunter2hunter2")
    with settings.temporary(ui_url="https://lab.example.org/user/me/"):
        context = template_context.build(EVENT, {"flow_run": RUN, "automation": {"name": "tell"}})
    said = templates.render(
        "{{ automation.name }}: {{ flow_run.name }} of {{ flow.name }} is {{ flow_run.state.name }}"
        " ({{ event.resource.nbflow.resource.id }}, {{ flow_run.parameters.token }})"
        " {{ flow_run.ui_url }} {{ event.occurred | date: '%H:%M' }}",
        context,
    )
    assert said == (
        "tell: brisk-otter of etl is Failed (nbflow.flow-run.7, ********)"
        " https://lab.example.org/user/me/lab?nbflow=flow-runs/7 06:00"
    )


def test_it_is_plain_json_with_every_root_and_nothing_that_is_not_listed() -> None:
    masking.register_secret("hunter2hunter2")
    context = template_context.build(EVENT, {"flow_run": RUN})
    text = json.dumps(context)
    assert set(context) == set(template_context.ROOTS)
    assert context["deployment"] == {}
    for hidden in ("hunter2hunter2", "private", "runs/7/1", "idempotency_key"):
        assert hidden not in text
    assert template_context.build(None, {})["event"] == {}


def test_a_block_is_linked_and_nothing_of_its_fields_is_told() -> None:
    made = Event("block.created", "blocks", "b1", AT, {"name": "mail", "data": {"user": "ada"}})
    assert template_context.subjects(view(made)) == {"block": "b1"}
    block = BlockDocument("b1", "email", "mail", "sha", {"user": "ada"}, AT, AT)
    with settings.temporary(ui_url="https://lab.example.org"):
        context = template_context.build(view(made), {"block": block})
    assert context["block"]["ui_url"] == "https://lab.example.org/lab?nbflow=blocks/b1"
    assert context["block"]["name"] == "mail"
    assert "data" not in context["block"]
