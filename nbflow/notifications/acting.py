"""What an automation does outside the store: `send-notification` and `call-webhook`.

Runs in a process of its own (`python -m nbflow.notifications`), which resolves the block's secrets,
fills in the templates, sends, and is gone. Who starts it is `services.action_child`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from nbflow import connect
from nbflow.blocks import Block
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import template_context, templates, texts
from nbflow.model.backend import Backend
from nbflow.model.event_views import EventView
from nbflow.notifications.core import NotificationBlock
from nbflow.notifications.webhook import Webhook, check_taken
from nbflow.outgoing import Undelivered


def act(said: Mapping[str, Any]) -> dict[str, Any]:
    """Do one action; give `{"state": "done" | "failed", "message", "outcome"}`.

    Args:
        said: `id` (the idempotency key), `action`, `automation`, `firing` and its `event`, each as
            JSON.
    """
    try:
        message, outcome = _DO[said["action"]["type"]](said)
        return {"state": "done", "message": message, "outcome": outcome}
    except NbflowError as error:
        return _failed(f"{error.code}: {error}")
    except ValueError as error:  # pydantic's: fields that are wrong, told without their values
        return _failed(_problems(error))
    except Exception as error:  # a third party's block may raise anything: its text stays here
        return _failed(f"The block raised {type(error).__name__}.")


def _failed(why: str) -> dict[str, Any]:
    return {"state": "failed", "message": texts.safe(why, longest=1_000), "outcome": {}}


def _problems(error: ValueError) -> str:
    problems = getattr(error, "errors", None)
    if problems is None:
        return f"The block raised {type(error).__name__}."
    wrong = problems(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong[:5])


def _notify(said: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    action, context = said["action"], _context(said)
    subject = action.get("subject") or "{{ automation.name | default: 'nbflow' }}"
    body = templates.render(action["body"], context, field="body")
    subject = templates.render(subject, context, field="subject")
    block = _block(action, "notify")
    if isinstance(block, NotificationBlock):
        with block.raise_on_failure():
            block.notify(body, subject)
    else:
        block.notify(body, subject)
    return f"{_named(block)} was told.", {}


def _call(said: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    action = said["action"]
    payload = templates.render_value(action.get("payload"), _context(said), field="payload")
    block = _block(action, "call")
    if not isinstance(block, Webhook):
        block.call(payload)
        return f"{_named(block)} was called.", {}
    status = block.call(payload, idempotency_key=said["id"])
    try:
        check_taken(status, _named(block))
    except Undelivered as error:
        raise Undelivered(error.message, code="webhook.refused") from None
    return f"{_named(block)} answered {status}.", {"status": status}


_DO = {"send-notification": _notify, "call-webhook": _call}


def _block(action: Mapping[str, Any], method: str) -> Any:
    block = Block.load_from_ref(action["block"])
    if not callable(getattr(block, method, None)):
        raise InvalidInput(
            f"{_named(block)} has no {method}.",
            code="block.capability",
            field="block",
            hint="Choose a block of another type for this action.",
        )
    return block


def _named(block: Any) -> str:
    return f"{block.get_block_type_slug()}/{block._block_document_name or 'unnamed'}"


# -- what templates may name ------------------------------------------------------------------


def _context(said: Mapping[str, Any]) -> dict[str, Any]:
    event = _event(said.get("event"))
    rows: dict[str, Any] = {name: said.get(name) for name in ("automation", "firing")}
    backend = connect.connect()
    for root, which in template_context.subjects(event).items():
        with suppress(NbflowError):  # it may be gone by now
            rows[root] = _read(backend, root, which)
    run = rows.get("flow_run")
    if run is not None and run.deployment_id and "deployment" not in rows:
        with suppress(NbflowError):
            rows["deployment"] = backend.read_deployment(run.deployment_id)
    return template_context.build(event, rows)


def _read(backend: Backend, root: str, which: str) -> Any:
    if root == "flow_run":
        return backend.read_flow_run(which)
    if root == "deployment":
        return backend.read_deployment(which)
    if root == "work_pool":
        return backend.read_work_pool(which)
    return {"name": which} if root == "flow" else None


def _event(said: Mapping[str, Any] | None) -> EventView | None:
    if not said:
        return None
    return EventView(
        seq=int(said.get("seq") or 0),
        id=str(said.get("id") or ""),
        event=said["event"],
        occurred=datetime.fromisoformat(said["occurred"]),
        resource=said["resource"],
        related=tuple(said.get("related") or ()),
        payload=said.get("payload") or {},
        follows=said.get("follows"),
    )
