"""What a message may name: an event and what it is about, as plain JSON without secrets.

Each thing shows the fields listed here and no others, so that what is added to a row does not leave
the house by itself. Who gives the rows reads them; nothing is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from nbflow import settings
from nbflow.model import event_views, masking, wire
from nbflow.model.event_views import EventView

_FIELDS: dict[str, tuple[str, ...]] = {
    "flow_run": (
        "id", "name", "flow_name", "kind", "state", "parameters", "tags", "attempt", "created_at",
        "due_at", "started_at", "ended_at", "running_seconds", "deployment_id", "schedule_id",
        "parent_flow_run_id", "work_pool", "work_queue", "path", "function", "created_by",
    ),
    "flow": ("name", "kind"),
    "deployment": (
        "id", "name", "flow_name", "path", "entrypoint", "description", "tags", "paused", "version",
        "work_pool", "work_queue", "parameters", "created_by", "updated_at",
    ),
    "work_pool": ("id", "name", "type", "paused", "status", "concurrency_limit", "description"),
    "work_queue": ("id", "name", "work_pool", "paused", "status", "concurrency_limit", "priority"),
    "block": ("id", "name", "type_slug", "created_at", "updated_at"),
    "automation": ("id", "name", "description", "tags", "enabled"),
    "firing": ("id", "kind", "trigger", "labels", "reason", "at", "depth"),
}  # fmt: skip
#: the first names of paths in templates of automations
ROOTS = ("event", *_FIELDS)
#: the list a thing is shown in, for the links
_LISTS = {
    "flow_run": "flow-runs", "flow": "flows", "deployment": "deployments",
    "work_pool": "work-pools", "work_queue": "work-pools", "automation": "automations",
    "block": "blocks",
}  # fmt: skip


def build(event: EventView | None, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Give the context of a template.

    Args:
        event: what happened; None when a firing has no event of its own.
        rows: of `subjects(event)`, and `automation` and `firing`: rows or mappings, by name. A name
            without a row is there all the same, empty.
    """
    context: dict[str, Any] = {"event": {} if event is None else _event(event)}
    for root, fields in _FIELDS.items():
        context[root] = _thing(root, rows.get(root), fields)
    if not context["flow"] and context["flow_run"]:
        context["flow"] = {"name": context["flow_run"]["flow_name"]}
    return cast("dict[str, Any]", masking.mask_json(context))


def subjects(event: EventView | None) -> dict[str, str]:
    """Give what an event is about, as the context names it, with the id or name of each.

    `{"flow_run": ID, "deployment": ID, "flow": NAME, "work_pool": NAME}`, as far as it says.
    """
    if event is None:
        return {}
    found: dict[str, str] = {}
    for labels in (event.resource, *event.related):
        said = str(labels.get(event_views.ID, ""))
        kind, _, which = said.removeprefix("nbflow.").partition(".")
        role = labels.get(event_views.ROLE, kind)
        if said.startswith("nbflow.") and kind == role and which:
            found.setdefault(kind.replace("-", "_"), which)
    return {root: which for root, which in found.items() if root in _LISTS}


def ui_url(root: str, which: str) -> str:
    """Give the address at which people see a thing; empty if the server's is not known."""
    base = (settings.ui_url or settings.api_url.removesuffix("/nbflow/api")).rstrip("/")
    return f"{base}/lab?nbflow={_LISTS[root]}/{quote(which, safe='')}" if base else ""


def _thing(root: str, row: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    if row is None:
        return {}
    whole = cast("Mapping[str, Any]", wire.jsonable(row))
    shown = {name: whole[name] for name in fields if name in whole}
    if root in _LISTS:
        key = {"flow": "name", "work_pool": "name", "work_queue": "work_pool"}.get(root, "id")
        shown["ui_url"] = ui_url(root, str(shown.get(key, "")))
    return shown


def _event(event: EventView) -> dict[str, Any]:
    return {
        "id": event.id,
        "name": event.event,
        "event": event.event,
        "occurred": wire.jsonable(event.occurred),
        "resource": dict(event.resource),
        "related": [dict(labels) for labels in event.related],
        "payload": wire.jsonable(event.payload),
    }
