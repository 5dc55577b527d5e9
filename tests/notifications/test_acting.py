"""What automations do outside the store happens in a child, once, and says what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow import settings
from nbflow.blocks import SecretDict, SecretStr
from nbflow.model import clock, event_views, masking, states, template_context
from nbflow.model.automations import Firing, NewAutomation
from nbflow.model.events import Event
from nbflow.model.runs import NewFlowRun
from nbflow.notifications import Email, Webhook, acting
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services import action_child
from nbflow.services.automations import AutomationsService
from nbflow.services.outside_actions import OutsideActions
from tests import sinks
from tests.conftest import wait_for


@pytest.fixture
def web(orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch) -> Iterator[sinks.WebSink]:
    with sinks.web() as sink:
        listed = f"127.0.0.1:{sink.port}"
        with settings.temporary(outgoing_http=True, outgoing_hosts=listed, outgoing_seconds=2.0):
            _hook("hook", f"{sink.url}/hook")
            yield sink


def _hook(name: str, url: str) -> None:
    Webhook(url=SecretStr(url), headers=SecretDict({"X-Token": "tok-12345678"})).save(name)


def _said(orchestrator: Orchestrator, **action: Any) -> dict[str, Any]:
    run = orchestrator.create_flow_run(NewFlowRun(flow_name="etl", name="brisk-otter"))
    row = {
        "name": run.name,
        "flow_name": "etl",
        "state": {"type": "FAILED", "name": "Failed", "message": ""},
    }
    event = Event("flow-run.Failed", "flow-runs", run.id, clock.now(), row, 5)
    rows = {
        "flow_run": run,
        "automation": {"id": "a1", "name": "tell me"},
        "firing": {"id": "f1", "kind": "triggered", "reason": "it failed"},
    }
    context = template_context.build(event_views.view(event), rows)
    return {"id": "0190-action", "action": action, "context": context}


def test_a_webhook_is_called_by_a_child_with_its_key_and_the_run_it_is_about(
    orchestrator: Orchestrator, web: sinks.WebSink
) -> None:
    payload = {"run": "{{ flow_run.name }}", "why": "{{ firing.reason }}", "n": "{{ event.id }}"}
    said = _said(orchestrator, type="call-webhook", block="webhook/hook", payload=payload)
    done = action_child.carry_out(said)
    assert done == {
        "state": "done", "message": "webhook/hook answered 200.", "outcome": {"status": 200},
    }  # fmt: skip
    got = web.got[0]
    assert got.json == {"run": "brisk-otter", "why": "it failed", "n": "5"}
    assert got.headers["idempotency-key"] == "0190-action"
    assert got.headers["x-token"] == "tok-12345678"


def test_a_letter_is_sent_by_a_child(orchestrator: Orchestrator) -> None:
    pytest.importorskip("aiosmtpd")
    with (
        sinks.mail() as sink,
        settings.temporary(outgoing_hosts=f"127.0.0.1:{sink.port}"),
    ):
        Email(
            host="127.0.0.1", port=sink.port, tls="none", sender="nbflow@example.org",
            to=["a@example.org"],
        ).save("people")  # fmt: skip
        body = "{{ flow_run.name }} of {{ flow.name }} is {{ event.name }}."
        action = {"type": "send-notification", "block": "email/people", "body": body}
        done = action_child.carry_out(_said(orchestrator, **action))
    assert (done["state"], done["message"]) == ("done", "email/people was told.")
    assert sink.letters[0]["Subject"] == "tell me"
    assert sink.letters[0].get_content().strip() == (
        "brisk-otter of etl is nbflow.flow-run.Failed."
    )


FAILING = [
    ("/redirect", {}, "webhook.refused"),
    ("/status/500", {}, "500"),
    ("/drip", {}, "in 2 s"),
    ("/hook", {"payload": "{{ flow_run.nmae }}"}, "Did you mean 'name'?"),
    ("/hook", {"block": "webhook/nobody"}, "nobody"),
    ("/hook", {"block": "webhook/elsewhere"}, "url.forbidden"),
    ("/hook", {"type": "send-notification", "body": "x"}, "block.capability"),
]


@pytest.mark.parametrize(("path", "more", "told"), FAILING, ids=range(len(FAILING)))
def test_what_cannot_be_done_is_told_and_nothing_is_sent_twice(
    orchestrator: Orchestrator, web: sinks.WebSink, path: str, more: dict[str, Any], told: str
) -> None:
    _hook("failing", web.url + path)
    _hook("elsewhere", "https://127.0.0.2/")
    said = _said(orchestrator, **{"type": "call-webhook", "block": "webhook/failing", **more})
    done = acting.act(said)
    assert done["state"] == "failed"
    assert told in done["message"]
    assert "tok-12345678" not in str(done)
    assert len(web.got) <= 1


def test_a_sink_that_never_ends_does_not_hold_up_the_next_action(
    orchestrator: Orchestrator, web: sinks.WebSink
) -> None:
    _hook("slow", f"{web.url}/drip")
    slow = _said(orchestrator, type="call-webhook", block="webhook/slow")
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(action_child.carry_out(slow)))
    waiting.start()
    began = time.monotonic()
    quick = _said(orchestrator, type="call-webhook", block="webhook/hook", payload={"a": 1})
    assert action_child.carry_out(quick)["state"] == "done"
    waiting.join()
    assert answers[0]["state"] == "failed"
    assert time.monotonic() - began < 20


def test_a_child_that_does_not_come_back_is_ended(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = tmp_path / "sitecustomize.py"
    code.write_text("import sys, time\nif 'nbflow' in str(sys.orig_argv): time.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(action_child, "_BESIDE", 0.3)
    with settings.temporary(outgoing_seconds=0.2):
        done = action_child.carry_out(_said(orchestrator, type="call-webhook", block="webhook/x"))
    assert (done["state"], done["message"]) == ("failed", "It was ended after 0.5 s.")


def test_a_child_that_dies_or_babbles_is_a_failure(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for text in ("os._exit(7)", "os.write(1, b'{}' * 100_000); os._exit(0)"):
        code = f"import os, sys\nif 'nbflow' in str(sys.orig_argv): {text}\n"
        (tmp_path / "sitecustomize.py").write_text(code)
        done = action_child.carry_out(_said(orchestrator, type="call-webhook", block="webhook/x"))
        assert done["state"] == "failed"
        assert "did not say what came of it" in done["message"]


def test_opening_the_block_is_on_record_and_its_value_is_not(
    orchestrator: Orchestrator, web: sinks.WebSink
) -> None:
    said = _said(orchestrator, type="call-webhook", block="webhook/hook", payload={})
    assert action_child.carry_out(said)["state"] == "done"
    events = orchestrator.changes(0).events
    assert "block.opened" in [event.kind for event in events]
    assert "tok-12345678" not in str(events)
    assert "tok-12345678" not in masking.registered()  # the child knew it, this process did not


# -- the whole way ----------------------------------------------------------------------------


def test_a_failed_run_is_told_to_people_and_to_a_program_and_the_rest_goes_on(
    orchestrator: Orchestrator, web: sinks.WebSink
) -> None:
    pytest.importorskip("aiosmtpd")
    with sinks.mail() as mail:
        hosts = f"127.0.0.1:{web.port}, 127.0.0.1:{mail.port}"
        with settings.temporary(outgoing_hosts=hosts):
            Email(
                host="127.0.0.1", port=mail.port, tls="none", sender="nbflow@example.org",
                to=["a@example.org"],
            ).save("people")  # fmt: skip
            _hook("away", f"{web.url}/redirect")
            _hook("inside", "https://10.0.0.1/")
            actions = (
                {"type": "call-webhook", "block": "webhook/inside"},
                {"type": "call-webhook", "block": "webhook/away"},
                {"type": "send-notification", "block": "email/nobody", "body": "x"},
                {"type": "send-notification", "block": "email/people", "subject": "It failed",
                 "body": "{{ flow_run.name }}: {{ flow_run.state.message }}"},
                {"type": "call-webhook", "block": "webhook/hook",
                 "payload": {"state": "{{ flow_run.state.name }}", "id": "{{ firing.id }}"}},
            )  # fmt: skip
            orchestrator.create_automation(
                NewAutomation("tell", {"expect": ["nbflow.flow-run.Failed"]}, actions=actions)
            )
            run = orchestrator.create_flow_run(NewFlowRun(flow_name="etl", name="brisk-otter"))
            for state in (states.Running(), states.Failed(message="no rows")):
                orchestrator.propose(run.id, state, attempt=1)
            hearing, telling = AutomationsService(orchestrator), OutsideActions(orchestrator)
            hearing.run_once(clock.now() + timedelta(seconds=1))

            def ended() -> Firing | None:
                telling.run_once(clock.now())
                (firing,) = orchestrator.list_firings("tell").rows
                open_ = [one for one in firing.actions if one.state in ("pending", "running")]
                return None if open_ or not firing.actions else firing

            firing = wait_for(ended, seconds=60)
    assert [one.state for one in firing.actions] == ["failed", "failed", "failed", "done", "done"]
    told = [one.message for one in firing.actions]
    assert "private address" in told[0]
    assert "redirect" in told[1]
    assert "nobody" in told[2]
    (letter,) = mail.letters
    assert letter["Subject"] == "It failed"
    assert letter.get_content().strip() == "brisk-otter: no rows"
    called = [got for got in web.got if got.path == "/hook"]
    assert [got.json for got in called] == [{"state": "Failed", "id": firing.id}]
    assert called[0].headers["idempotency-key"] == firing.actions[4].id
