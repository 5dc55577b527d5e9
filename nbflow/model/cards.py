"""Cards: what a notebook shows of a state, a future, a flow or a deployment that a cell ends with.

Each as HTML without scripts and as plain text; how texts and states look is `looks`' work.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbflow.model import looks
from nbflow.model.deployments import Deployment
from nbflow.model.json_schema import is_secret, resolve
from nbflow.model.runs import TaskRun
from nbflow.model.shapes import is_list
from nbflow.model.states import State

#: rows of a card's table; the others are counted
MOST_ROWS = 50


@dataclass(frozen=True)
class Card:
    """What is shown of one thing.

    Attributes:
        kind: what it is, in a word.
        said: a sentence below its name.
        facts: names and values; those without a value are left out.
        head: names of the columns of `rows`, of which the first `MOST_ROWS` are shown.
        after: what can be done with it.
    """

    kind: str
    title: str = ""
    state: State | None = None
    said: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[looks.Cell]] = ()
    after: str = ""

    def bundle(self) -> dict[str, str]:
        """Give it in the forms that every front end shows."""
        return {"text/html": self.html(), "text/plain": self.text()}

    def html(self) -> str:
        """Give it as HTML: no scripts, no links, no style sheet."""
        name = f"<b>{looks.text(self.title)}</b>" if self.title else ""
        badge = "" if self.state is None else looks.badge(self.state)
        kind = f'<span style="{looks.MUTED}">{looks.text(self.kind)}</span>'
        parts = [f"<div>{' · '.join(filter(None, [badge, name, kind]))}</div>"]
        if self.said:
            parts.append(f'<div style="white-space:pre-wrap">{looks.text(self.said, 1000)}</div>')
        parts += [
            f'<div><span style="{looks.MUTED}">{looks.text(name)}</span> {looks.text(value)}</div>'
            for name, value in self.facts
            if value
        ]
        if self.rows:
            parts.append(looks.table(self.head, self.rows[:MOST_ROWS], label=self.kind))
        parts += [f'<div style="{looks.MUTED}">{looks.text(last)}</div>' for last in self._last()]
        return looks.page("card", "".join(parts))

    def text(self) -> str:
        """Give it as plain text."""
        mark = "" if self.state is None else looks.mark(self.state)
        first = " · ".join(
            filter(None, [mark, looks.one_line(self.title), looks.one_line(self.kind)])
        )
        facts = [(name, looks.one_line(value)) for name, value in self.facts if value]
        width = max((len(name) for name, _ in facts), default=0)
        return "\n".join([
            first,
            *([looks.one_line(self.said, 1000)] if self.said else []),
            *(f"{name:<{width}}  {value}" for name, value in facts),
            *(looks.columns(self.head, self.rows[:MOST_ROWS]) if self.rows else []),
            *self._last(),
        ])  # fmt: skip

    def _last(self) -> list[str]:
        more = len(self.rows) - MOST_ROWS
        left = f"and {more:,} more" if more > 0 else ""
        return [one for one in (left, looks.one_line(self.after)) if one]


def of_state(state: State) -> Card:
    """Give a state's card."""
    since = ("since", looks.instant(state.at))
    return Card("state", state=state, said=state.message, facts=(since,))


def of_task_runs(kind: str, runs: Sequence[TaskRun]) -> Card:
    """Give a card that lists task runs."""
    rows = [(run.state, run.name, _took(run), run.state.message) for run in runs]
    return Card(kind, head=("state", "name", "took", "message"), rows=rows)


def of_task_run(kind: str, run: TaskRun) -> Card:
    """Give a task run's card."""
    return Card(kind, run.name, run.state, run.state.message, (("took", _took(run)),))


def of_flow(name: str, description: str | None, signature: inspect.Signature) -> Card:
    """Give a flow's card: what it takes."""
    rows = [
        (one.name, _annotation(one), "" if one.default is one.empty else _short(one.default))
        for one in signature.parameters.values()
    ]
    return Card("flow", name, said=description or "", head=("parameter", "type", "default"),
                rows=rows)  # fmt: skip


def of_deployment(found: Deployment) -> Card:
    """Give a deployment's card: what it runs, with which parameters, when next."""
    from nbflow.model import schedules  # not before it is shown: it loads cron and rrules

    when = [
        schedules.describe(one.timing) + ("" if one.active else " (off)") for one in found.schedules
    ]
    nexts = [one.next_at for one in found.schedules if one.active and one.next_at]
    due = None if found.paused else min(nexts, default=None)
    return Card(
        f"deployment, version {found.version}{', paused' if found.paused else ''}",
        found.name,
        said=found.description,
        facts=(
            ("runs", found.entrypoint or found.path),
            ("flow", found.function or ""),
            ("when", "; ".join(when) or "when asked"),
            ("next", looks.instant(due)),
            ("work pool", found.work_pool),
            ("tags", ", ".join(found.tags)),
        ),
        head=("parameter", "type", "value"),
        rows=tuple(parameter_rows(found.parameter_schema, found.parameters)),
        after=f"%nbflow deployment run {found.name}",
    )


def parameter_rows(
    schema: Mapping[str, Any], values: Mapping[str, Any]
) -> Iterable[tuple[str, str, str]]:
    """Give name, type and value of each parameter; a secret's value is not shown."""
    for name, declared in schema.get("properties", {}).items():
        taken = resolve(schema, declared)
        kind = taken.get("type", "any")
        given = values.get(name, declared.get("default"))
        there = name in values or "default" in declared
        shown = "********" if is_secret(taken) else json.dumps(given, ensure_ascii=False)
        said = " | ".join(map(str, kind)) if is_list(kind) else str(kind)
        yield name, said, shown if there else ""


def _took(run: TaskRun) -> str:
    return looks.duration(run.running_seconds) if run.started_at else ""


def _annotation(parameter: inspect.Parameter) -> str:
    if parameter.annotation is parameter.empty:
        return ""
    own = parameter.annotation
    return own if isinstance(own, str) else inspect.formatannotation(own)


def _short(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # a user's __repr__ may do anything
        return f"<{type(value).__name__}>"
