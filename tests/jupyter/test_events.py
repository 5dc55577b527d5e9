"""Who may emit events that an automation acts on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import User
from traitlets.config import Config

from nbflow.model.automations import AutomationChange, NewAutomation
from nbflow.model.runs import NewFlowRun
from nbflow_jupyter.running import Running

ID, ROLE = "nbflow.resource.id", "nbflow.resource.role"


class Writers(Authorizer):
    """Lets people read and write, and make nothing run."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        return action in ("read", "write")


def order(name: str, **said: Any) -> dict[str, Any]:
    return {"events": [{"event": name, "resource": {ID: "shop.order.7"}, **said}]}


async def automate(running: Running, trigger: dict[str, Any], **said: Any) -> None:
    new = NewAutomation(
        "a", {"type": "event", **trigger}, actions=({"type": "do-nothing"},), **said
    )
    await asyncio.to_thread(running.orchestrator.create_automation, new)


class TestWhoReadsAndWritesOnly:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "authorizer_class": Writers}
        return Config({"ServerApp": server})

    async def test_emits_what_no_automation_acts_on(self, ask: Any, running: Running) -> None:
        assert (await ask("POST", "events", body=order("shop.paid"))).status == 201
        await automate(running, {"expect": ["shop.sent"], "match": {ID: "shop.order.*"}})
        assert (await ask("POST", "events", body=order("shop.paid"))).status == 201
        refused = await ask("POST", "events", body=order("shop.sent"))
        assert (refused.status, refused.json["code"]) == (403, "event.heard")
        assert (await ask("GET", "events", event="shop.sent")).json["rows"] == []
        elsewhere = {"events": [{"event": "shop.sent", "resource": {ID: "till.1"}}]}
        assert (await ask("POST", "events", body=elsewhere)).status == 201

        change = AutomationChange(enabled=False)
        await asyncio.to_thread(running.orchestrator.update_automation, "a", change)
        assert (await ask("POST", "events", body=order("shop.sent"))).status == 201

    async def test_cannot_hide_one_among_others(self, ask: Any, running: Running) -> None:
        await automate(running, {"expect": ["shop.sent"], "threshold": 100, "within": 60})
        many = {"events": [*(order("shop.paid")["events"] * 50), *order("shop.sent")["events"]]}
        refused = await ask("POST", "events", body=many)
        assert (refused.status, refused.json["code"]) == (403, "event.heard")
        assert (await ask("GET", "events", event="shop.*")).json["rows"] == []

    async def test_cannot_borrow_what_a_run_is_related_to(self, ask: Any, running: Running) -> None:
        """Automations count events by what is related, and so by the run one is said to be of."""
        run = await asyncio.to_thread(running.orchestrator.create_flow_run, NewFlowRun("till"))
        related = {ID: "nbflow.flow.till", ROLE: "flow"}
        await automate(running, {"expect": ["shop.*"], "match_related": [related]})
        assert (await ask("POST", "events", body=order("shop.sent"))).status == 201
        refused = await ask("POST", "events", body=order("shop.sent", flow_run_id=run.id))
        assert (refused.status, refused.json["code"]) == (403, "event.heard")


async def test_who_may_make_things_run_emits_them(ask: Any, running: Running) -> None:
    await automate(running, {"expect": ["shop.sent"]})
    assert (await ask("POST", "events", body=order("shop.sent"))).json == {"count": 1}
