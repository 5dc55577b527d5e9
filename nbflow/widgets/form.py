"""The form that deploys: a name, parameters as the schema takes them, and when to run.

Its own small module in the browser rather than a widget for each field: one message says all that
was typed, no text is taken for LaTeX, and a secret is in no widget's saved state. What was typed is
read as the command line reads it and deployed by `deployments.deploy`: there is one set of rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nbflow import deployments, flows
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.flows import Flow
from nbflow.model import cards, durations, looks, parameters, schedules
from nbflow.model.deployments import Deployment
from nbflow.model.json_schema import is_secret, resolve
from nbflow.model.schedules import Cron, Interval, Timing
from nbflow.widgets import front, live
from nbflow.widgets.runview import Display

_LONGEST_TEXT = parameters.LARGEST
#: instants of a schedule's preview
_PREVIEWED = 3
#: types whose values are one line of text
_ON_A_LINE = {"string", "integer", "number", "boolean", "null"}


def deploy_form(what: Any = None, **said: Any) -> DeployForm:
    """Show a form to deploy a notebook or a flow: a cell's last line, or given to `display`.

    Args:
        what: as `nbflow.deploy` takes it; this kernel's notebook when left out.
        said: what the form does not ask for, as `nbflow.deploy` takes it: `work_pool`, `tags`, …

    Raises what `deploy` raises for what cannot be deployed.
    """
    target = flows.open_notebook() if what is None else what
    return DeployForm(target, said, deployments.schema_of(target))


@dataclass(frozen=True)
class DeployForm:
    """A form to deploy something; once that is done, what was made takes its place."""

    what: Any
    said: Mapping[str, Any]
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Give the name that is proposed; empty: the usual one."""
        return str(self.said.get("name") or "")

    @property
    def title(self) -> str:
        """Give what is deployed, in words."""
        # By its file's name: a saved notebook need not tell of this machine's folders.
        named = self.what.name if isinstance(self.what, Flow) else Path(self.what).name
        return f"Deploy {looks.one_line(named)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        rows = tuple(cards.parameter_rows(self.schema, self.said.get("parameters") or {}))
        return cards.Card("form", self.title, head=("parameter", "type", "default"), rows=rows,
                          after="Run this cell to fill it in.").bundle()  # fmt: skip

    def _ipython_display_(self) -> None:
        shell = live.shell()
        make = None if shell is None else front.widget_class("form")
        if shell is None:
            print(self._repr_mimebundle_()["text/plain"])  # noqa: T201 - a plain Python prompt
            return
        display = Display(shell.display_pub)
        if make is None or not front.shows_widgets(shell):
            display.show(self._repr_mimebundle_())
            return
        widget = make(view=self.view(), answer={})
        widget.on_msg(_Answering(self, widget, display).hear)
        display.show({**self._repr_mimebundle_(), **front.shown_as(widget)})

    def view(self) -> dict[str, Any]:
        """Give the form as `form.js` takes it."""
        given: Mapping[str, Any] = self.said.get("parameters") or {}
        found = [_field(self.schema, name, given) for name in self.schema.get("properties", {})]
        shown = {
            n: v for n, v in _defaults(self.schema, given).items() if not _hidden(self.schema, n)
        }
        text = json.dumps(shown, ensure_ascii=False, indent=2)
        return {"title": self.title, "name": self.name, "fields": found, "json": text}

    def read(self, typed: Typed) -> dict[str, Any]:
        """Give what was typed as `deploy` takes it. Raises InvalidInput, each with its field."""
        asked: dict[str, Any] = {**self.said, "parameters": self._parameters(typed)}
        if typed.name.strip():
            asked["name"] = typed.name
        timing = typed.timing()
        if timing is not None:
            asked["schedules"] = [timing]
        return asked

    def _parameters(self, typed: Typed) -> dict[str, Any]:
        given: Mapping[str, Any] = self.said.get("parameters") or {}
        if typed.json is not None:
            return {**given, **_object(typed.json)}
        found = dict(given)
        for name in self.schema.get("properties", {}):
            before = _field(self.schema, name, given)
            text = typed.parameters.get(name, before["value"])
            if text != before["value"] and (text or before["kind"] == "text"):
                found[name] = parameters.from_text(self.schema, name, text)
        return found

    def deploy(self, typed: Typed) -> Deployment:
        """Deploy what was typed. Raises what `nbflow.deploy` raises."""
        return deployments.deploy(self.what, **self.read(typed), made_by="form")


class Typed(NamedTuple):
    """What somebody typed, as texts."""

    name: str = ""
    parameters: Mapping[str, str] = {}
    json: str | None = None
    schedule: str = ""
    when: str = ""
    timezone: str = "UTC"

    def timing(self) -> Timing | None:
        """Give when it is to run; None: when asked. Raises InvalidInput."""
        if self.schedule == "cron":
            return Cron(self.when, self.timezone)
        if self.schedule == "interval":
            every = durations.parse(self.when.strip())
            if every is None:
                raise InvalidInput(f"That is no length of time such as {durations.EXAMPLES}.",
                                   code="duration", field="when")  # fmt: skip
            return Interval(every, timezone=self.timezone)
        return None


def typed_of(content: Any) -> tuple[Typed, bool, int] | None:
    """Read a page's message: what was typed, whether to deploy, its number. None: it is none."""
    if not isinstance(content, dict):
        return None
    texts: dict[str, Any] = {
        name: content.get(name) for name in ("name", "schedule", "when", "timezone")
    }
    own, whole = content.get("parameters"), content.get("json")
    asked, deploy = content.get("asked"), content.get("deploy")
    if not (isinstance(own, dict) and isinstance(asked, int) and isinstance(deploy, bool)):
        return None
    every = [*texts.values(), *own, *own.values(), *([] if whole is None else [whole])]
    if not all(isinstance(text, str) and len(text) <= _LONGEST_TEXT for text in every):
        return None
    return Typed(parameters=own, json=whole, **texts), deploy, asked


class _Answering:
    """Answers what a page sends, one message after the other."""

    def __init__(self, form: DeployForm, widget: Any, display: Display) -> None:
        self._form = form
        self._widget = widget
        self._display = display

    def hear(self, _: Any, content: Any, buffers: Any) -> None:
        """Check, or deploy, what was typed, and say what came of it."""
        read = typed_of(content)
        if read is None:
            return
        typed, deploys, asked = read
        try:
            if deploys:
                made = self._form.deploy(typed)
                self._display.show({**cards.of_deployment(made).bundle()})
                self._widget.close()
                return
            deployments.prepare(self._form.what, **self._form.read(typed))
            errors: dict[str, str] = {}
        except NbflowError as error:
            errors = {_place(error.field): looks.one_line(str(error), 500)}
        self._widget.answer = {"of": asked, "errors": errors, "preview": preview(typed)}


def preview(typed: Typed) -> str:
    """Say in words when it would run, and when next; empty where that cannot be said."""
    try:
        timing = typed.timing()
        if timing is None:
            return ""
        after = ", ".join(looks.instant(at, timing.timezone) for at in timing.next(_PREVIEWED))
        return looks.one_line(f"{schedules.describe(timing)}. Next: {after}", 500)
    except NbflowError:
        return ""


def _place(field: str | None) -> str:
    """Give the form's field of an error's."""
    last = (field or "").rsplit(".", 1)[-1]
    if last in ("cron", "interval", "rrule", "timing"):
        return "when"
    return last


# -- fields -------------------------------------------------------------------------------------
def _field(schema: Mapping[str, Any], name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    taken = resolve(schema, schema["properties"][name])
    values = _defaults(schema, given)
    kind, choices = _kind(taken)
    value = "" if kind == "secret" or name not in values else _text(values[name])
    said = looks.one_line(str(taken.get("description", "")))
    return {"name": name, "label": looks.one_line(name), "kind": kind, "value": value,
            "choices": choices, "help": said}  # fmt: skip


def _kind(taken: Mapping[str, Any]) -> tuple[str, list[list[str]]]:
    if is_secret(taken):
        return "secret", []
    if isinstance(taken.get("enum"), list):
        return "choice", [[_text(one), looks.one_line(_text(one))] for one in taken["enum"]]
    kinds = _types(taken)
    if kinds == {"boolean"}:
        return "flag", []
    if kinds == {"string"}:
        return "text", []
    return ("value" if kinds and kinds <= _ON_A_LINE else "json"), []


def _types(taken: Mapping[str, Any]) -> set[str]:
    """Give the types a parameter takes; empty where that is not known."""
    said = taken.get("type")
    if said is not None:
        return {said} if isinstance(said, str) else set(said)
    found = [_types(one) for one in taken.get("anyOf", ())]
    return set[str]().union(*found) if all(found) else set()


def _defaults(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    declared: Mapping[str, Any] = schema.get("properties", {})
    found = {name: one["default"] for name, one in declared.items() if "default" in one}
    return {**found, **given}


def _hidden(schema: Mapping[str, Any], name: str) -> bool:
    return is_secret(resolve(schema, schema.get("properties", {}).get(name, {})))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"That is no JSON: {error}.", field="parameters") from None
    if not isinstance(found, dict):
        raise InvalidInput("Parameters are a JSON object.", field="parameters")
    return found
