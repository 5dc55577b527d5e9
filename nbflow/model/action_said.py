"""What an automation may do, as people say it, read strictly: one table, one reader.

An action is a JSON object: its `type`, and that type's fields. What acts on something says what:
`source: selected` with a name or id, or `source: inferred` (from the event). Texts may be
templates (`model.templates`); doing it is `orchestration.automation_actions`' business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.model import template_context, templates
from nbflow.model.names import did_you_mean, shown
from nbflow.model.shapes import is_mapping, is_sequence
from nbflow.model.trigger_kinds import to_json

LONGEST_TEXT, LONGEST_ACTION = 10_000, 100_000
_TARGET = {"source": "source"}


def _on(noun: str) -> dict[str, str]:
    return {**_TARGET, noun: "target"}


#: by type: its fields, and what each is to be (`+`: it must be said)
ACTIONS: Mapping[str, Mapping[str, str]] = {
    "do-nothing": {},
    "run-deployment": {
        **_on("deployment"),
        "parameters": "object", "job_variables": "object", "tags": "texts",
        "schedule_after": "seconds",
    },
    "pause-deployment": _on("deployment"),
    "resume-deployment": _on("deployment"),
    "cancel-flow-run": _on("flow_run"),
    "suspend-flow-run": _on("flow_run"),
    "resume-flow-run": _on("flow_run"),
    "delete-flow-run": _on("flow_run"),
    "change-flow-run-state": {
        **_on("flow_run"), "state": "state+", "name": "text", "message": "text",
    },
    "pause-work-pool": _on("work_pool"),
    "resume-work-pool": _on("work_pool"),
    "pause-work-queue": _on("work_queue"),
    "resume-work-queue": _on("work_queue"),
    "pause-automation": _on("automation"),
    "resume-automation": _on("automation"),
    "send-notification": {"block": "target+", "subject": "text", "body": "text+"},
    "call-webhook": {"block": "target+", "payload": "payload"},
    "emit-event": {"event": "event+", "resource": "labels", "payload": "object"},
    "jupyter-notification": {"message": "text+", "kind": "notice"},
}  # fmt: skip
#: actions that leave this store: a child process does them
OUTSIDE = frozenset({"send-notification", "call-webhook"})
#: what an action acts on, by the field that names it
TARGETS = ("deployment", "flow_run", "work_pool", "work_queue", "automation")
_STATES = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED", "SCHEDULED", "PAUSED")
_NOTICES = ("default", "info", "success", "warning", "error")


def read_all(said: Any, *, field: str) -> tuple[dict[str, Any], ...]:
    """Read a list of actions, or refuse it. Raises InvalidInput naming the field."""
    if not is_sequence(said):
        _fail(field, f"{field} is {shown(said)}; it is a list of actions.")
    if len(said) > settings.automation_actions:
        hint = "Let one run a deployment that does the rest."
        _fail(
            field,
            f"There are {len(said)} actions; {settings.automation_actions} is the most.",
            hint,
        )
    return tuple(read(one, field=f"{field}.{at}") for at, one in enumerate(said))


def read(said: Any, *, field: str = "action") -> dict[str, Any]:
    """Read an action, or refuse it. Raises InvalidInput naming the field."""
    said = to_json(said)
    if not is_mapping(said):
        _fail(field, f"An action is an object, not {shown(said)}.")
    kind = said.get("type")
    known = ACTIONS.get(kind) if isinstance(kind, str) else None
    if known is None:
        hint = did_you_mean(str(kind), ACTIONS, "Known are")
        _fail(f"{field}.type", f"There is no action {shown(kind)}.", hint)
    for key, value in said.items():
        if key != "type" and key not in known:
            hint = did_you_mean(str(key), known, "Known are")
            _fail(f"{field}.{key}", f"{kind} has no {shown(key)}.", hint, "field.unknown")
        if key != "type" and value is not None:
            _check(known[key].removesuffix("+"), value, f"{field}.{key}")
    rest = {key: value for key, value in said.items() if value is not None}
    kept = {"type": kind, **rest}  # first: the store looks for it there
    for key, wanted in known.items():
        if wanted.endswith("+") and key not in kept:
            _fail(f"{field}.{key}", f"{kind} needs {key}.", code="field.missing")
    if len(json.dumps(kept, default=str)) > LONGEST_ACTION:
        _fail(field, f"The action is longer than {LONGEST_ACTION} characters.")
    templates.check_value(kept, template_context.ROOTS, field=field)
    return _targeted(kept, known, field)


def _targeted(said: dict[str, Any], known: Mapping[str, str], field: str) -> dict[str, Any]:
    """Give an action that says whether its target is selected or inferred."""
    if "source" not in known:
        return said
    noun = next(key for key in known if key in TARGETS)
    source = said.get("source", "selected" if noun in said else "inferred")
    if source == "selected" and noun not in said:
        hint = f"Name it ({noun}), or say source: inferred."
        _fail(f"{field}.{noun}", f"{said['type']} has selected nothing.", hint, "field.missing")
    if source == "inferred" and noun in said:
        hint = f"Leave {noun} out, or say source: selected."
        _fail(f"{field}.source", "It is inferred from the event and selected, too.", hint)
    return {**said, "source": source}


def _check(wanted: str, value: Any, field: str) -> None:
    good, what = _is(wanted, value)
    if not good:
        _fail(field, f"{field} is {shown(value)}; it is {what}.")


def _is(wanted: str, value: Any) -> tuple[bool, str]:
    text = isinstance(value, str)
    match wanted:
        case "text":
            return text and len(value) <= LONGEST_TEXT, f"a text of at most {LONGEST_TEXT:,}"
        case "target" | "event":
            longest = 96 if wanted == "event" else 1024
            return text and 0 < len(value.strip()) <= longest, f"a text of 1 to {longest}"
        case "object":
            return is_mapping(value), "an object"
        case "payload":
            return text or is_mapping(value), "a text or an object"
        case "texts":
            return is_sequence(value) and all(isinstance(v, str) for v in value), "a list of texts"
        case "labels":
            good = is_mapping(value) and all(isinstance(v, str) for v in value.values())
            return good, "an object of texts"
        case "seconds":
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return number and 0 <= value <= 366 * 86_400, "seconds, a year at most"
        case _:
            among = {"source": ("selected", "inferred"), "state": _STATES}.get(wanted, _NOTICES)
            return value in among, f"one of {', '.join(among)}"


def _fail(
    field: str, message: str, hint: str | None = None, code: str = "action.invalid"
) -> NoReturn:
    raise InvalidInput(message, code=code, field=field, hint=hint)
