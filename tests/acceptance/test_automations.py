"""A run fails on a real server: another deployment runs, a webhook and a letter tell of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow import connect, deploy
from nbflow.automations import Automation, EventTrigger, action
from nbflow.blocks import SecretStr
from nbflow.deployments import run_deployment
from nbflow.model.run_lists import RunFilter
from nbflow.notifications import Email, Webhook
from tests import sinks
from tests.conftest import serve, wait_for

FLOWS = """
from nbflow import flow

@flow
def breaks():
    raise ValueError("no rows")

@flow
def mends(run: str, why: str):
    return f"{run}: {why}"
"""


def test_a_failure_runs_another_deployment_and_tells_by_webhook_and_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows.py").write_text(FLOWS)
    for name in [name for name in os.environ if name.startswith("NBFLOW_")]:
        if name != "NBFLOW_SECRET_KEY_FILE":
            monkeypatch.delenv(name)
    with sinks.web() as web, sinks.mail() as mail:
        said = {
            "NBFLOW_OUTGOING_HTTP": "1",
            "NBFLOW_OUTGOING_HOSTS": f"127.0.0.1:{web.port}, 127.0.0.1:{mail.port}",
        }
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        with serve(tmp_path / "server", **said) as served:
            monkeypatch.setenv("NBFLOW_HOME", str(served.home))
            connect.forget()
            try:
                _said(tmp_path, web, mail)
            finally:
                connect.forget()


def _said(folder: Path, web: sinks.WebSink, mail: sinks.MailSink) -> None:
    deploy(f"{folder}/flows.py:breaks", name="breaks")
    deploy(f"{folder}/flows.py:mends", name="mends")
    Webhook(url=SecretStr(f"{web.url}/hook")).save("hook")
    Email(host="127.0.0.1", port=mail.port, tls="none", sender="nbflow@example.org",
          to=["a@example.org"]).save("people")  # fmt: skip
    failed = EventTrigger(
        expect=["nbflow.flow-run.Failed"],
        match_related={"nbflow.resource.role": "deployment", "nbflow.resource.name": "breaks"},
    )
    told = {"run": "{{ flow_run.name }}", "why": "{{ event.name }}"}
    rule = Automation("mend", failed, [
        action("run-deployment", deployment="mends", parameters=told),
        action("call-webhook", block="webhook/hook", payload=told),
        action("send-notification", block="email/people", body="{{ flow_run.name }} failed."),
    ]).create()  # fmt: skip
    broken = run_deployment("breaks", timeout=90)
    assert broken.state.is_failed()

    def ended() -> bool:
        found = rule.firings()
        return bool(found) and all(
            one.state not in ("pending", "running") for one in found[0].actions
        )

    wait_for(ended, seconds=60, what="the actions")
    (firing,) = rule.firings()
    assert [one.state for one in firing.actions] == ["done"] * 3, firing.actions
    backend = connect.connect()
    run_id = firing.actions[0].outcome["flow_run_id"]
    wait_for(lambda: backend.read_flow_run(run_id).state.is_final(), seconds=60, what="its run")
    mended = backend.read_flow_run(run_id)
    assert mended.state.result() == f"{broken.name}: nbflow.flow-run.Failed"
    runs = backend.list_flow_runs(RunFilter(flow_name="mends")).rows
    assert [one.id for one in runs] == [run_id]
    assert [one.json for one in web.got] == [{"run": broken.name, "why": "nbflow.flow-run.Failed"}]
    assert web.got[0].headers["idempotency-key"] == firing.actions[1].id
    assert mail.letters[0].get_content().strip() == f"{broken.name} failed."
