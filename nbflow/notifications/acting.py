"""What an automation does outside the store: `send-notification` and `call-webhook`.

Runs in a process of its own (`python -m nbflow.notifications`), which resolves the block's secrets,
fills in the templates, sends, and is gone. Who starts it is `services.action_child`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow.blocks import Block
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import templates, texts
from nbflow.notifications.core import NotificationBlock
from nbflow.notifications.webhook import Webhook, check_taken
from nbflow.outgoing import Undelivered


def act(said: Mapping[str, Any]) -> dict[str, Any]:
    """Do one action; give `{"state": "done" | "failed", "message", "outcome"}`.

    Args:
        said: `id` (the idempotency key), `action`, and `context`: what its templates may name.
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
    action, context = said["action"], said["context"]
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
    payload = templates.render_value(action.get("payload"), said["context"], field="payload")
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
