"""A run as it is saved in a notebook: HTML without scripts, plain text, and the facts as JSON.

How states look, and what of a text may be shown, is `looks`' work.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from nbflow.model import clock, looks, run_graph
from nbflow.model.looks import duration, one_line
from nbflow.model.run_parts import GraphNode
from nbflow.model.runs import FlowRun, LogEntry, TaskRun
from nbflow.model.states import State, StateType

MIME = "application/vnd.nbflow.run.v1+json"

#: a list of task runs shows at most so many; those that did not complete come first
MOST_LINES = 50
#: lines of a log that are shown
MOST_LOGGED = 20
LONGEST_LINE = 500
#: of completed runs, those whose message says why
_LEFT_EARLY = frozenset({"Skipped", "Stopped"})


@dataclass(frozen=True)
class Line:
    """What is shown of one run.

    Attributes:
        seconds: spent running so far.
        id: the run's id; None where it has none.
        note: why it was or was not cached.
    """

    name: str
    state: State
    seconds: float
    attempt: int = 1
    id: str | None = None
    note: str = ""

    @property
    def word(self) -> str:
        """Give the state's name as it is read."""
        return looks.word(self.state)

    @property
    def time(self) -> str:
        """Give how long it ran; empty for one that never did."""
        never = self.state.type in (StateType.SCHEDULED, StateType.PENDING) and not self.seconds
        return "" if never else duration(self.seconds)

    @property
    def details(self) -> list[str]:
        """Give what else there is to say: how long, which try, and what went wrong."""
        attempt = f"attempt {self.attempt}" if self.attempt > 1 else ""
        said = self.state.type is not StateType.COMPLETED or self.state.name in _LEFT_EARLY
        message = one_line(self.state.message) if said else ""
        return [text for text in (self.time, attempt, message, one_line(self.note)) if text]


@dataclass(frozen=True)
class View:
    """What is shown of a task run, or of a flow run with its task runs.

    Attributes:
        nodes: its graph; saved as a picture where one needs another.
        log: the last lines of its log.
    """

    head: Line
    tasks: tuple[Line, ...] = ()
    kind: str = "task"
    nodes: tuple[GraphNode, ...] = ()
    log: tuple[LogEntry, ...] = ()

    def listed(self) -> tuple[tuple[Line, ...], int]:
        """Give the task runs to list, and how many completed ones are left out."""
        if len(self.tasks) <= MOST_LINES:
            return self.tasks, 0
        done_last = sorted(self.tasks, key=lambda line: line.state.type is StateType.COMPLETED)
        chosen = done_last[:MOST_LINES]
        kept = {id(line) for line in chosen}
        return tuple(t for t in self.tasks if id(t) in kept), len(self.tasks) - MOST_LINES


def line(run: TaskRun | FlowRun) -> Line:
    """Make the line of a run as it now is."""
    seconds = run.running_seconds
    if run.state.type is StateType.RUNNING:
        seconds += max((clock.now() - run.state.at).total_seconds(), 0.0)
    return Line(run.name, run.state, seconds, max(run.attempt, 1), run.id)


def of_run(
    run: FlowRun,
    tasks: Iterable[TaskRun] = (),
    *,
    nodes: Iterable[GraphNode] = (),
    log: Iterable[LogEntry] = (),
) -> View:
    """Give the view of a flow run and its task runs."""
    head = replace(line(run), name=f"{run.flow_name} ({run.name})")
    return View(head, tuple(map(line, tasks)), "flow", tuple(nodes), tuple(log))


def of_task(run: TaskRun) -> View:
    """Give the view of a task run."""
    return View(line(run))


def bundle(view: View) -> dict[str, Any]:
    """Give a view in every form: our own MIME type, HTML, plain text."""
    return {MIME: facts(view), **texts(view)}


def texts(view: View) -> dict[str, Any]:
    """Give a view in the forms that every front end shows."""
    return {"text/html": to_html(view), "text/plain": to_text(view)}


def facts(view: View) -> dict[str, Any]:
    """Give a view as JSON."""
    tasks, more = view.listed()
    return {
        "kind": f"{view.kind}-run",
        "run": _facts(view.head),
        "task_runs": [_facts(task) for task in tasks],
        "more": more,
    }


def to_text(view: View) -> str:
    """Give a view as plain text."""
    tasks, more = view.listed()
    lines = [_text(view.head), *(f"  {_text(task)}" for task in tasks)]
    return "\n".join([*lines, *([f"  and {more} more"] if more else [])])


def to_html(view: View) -> str:
    """Give a view as HTML: no scripts, no links, no style sheet."""
    tasks, more = view.listed()
    body = _html(view.head)
    if tasks:
        rows = "".join(f'<li style="margin:0">{_html(task)}</li>' for task in tasks)
        left = f"<li>and {more} more</li>" if more else ""
        style = "list-style:none;margin:2px 0 0;padding:0 0 0 1.4em"
        body += f'<ul style="{style}">{rows}{left}</ul>'
    if view.nodes and run_graph.edges(view.nodes):
        title = f"Graph of {view.head.name}"
        drawn = run_graph.html(view.nodes, title=title, now=clock.now())
        body += looks.folded("Graph", drawn)
    if view.log:
        body += looks.folded("Log", looks.pre(log_text(view.log)))
    return looks.page("run", body)


def log_text(log: Iterable[LogEntry]) -> str:
    """Give the end of a log as lines that may be shown."""
    return "\n".join(
        f"{entry.at.astimezone():%H:%M:%S} {logging.getLevelName(entry.level):<7} "
        f"{looks.lines(entry.message, LONGEST_LINE)}"
        for entry in tuple(log)[-MOST_LOGGED:]
    )


def _facts(line: Line) -> dict[str, Any]:
    state = line.state
    return {
        "id": line.id,
        "name": line.name,
        "attempt": line.attempt,
        "seconds": round(line.seconds, 3),
        "state": {
            "type": state.type.value,
            "name": state.name,
            "message": one_line(state.message),
            "at": state.at.isoformat(),
        },
    }


def _text(line: Line) -> str:
    return " · ".join([looks.mark(line.state), one_line(line.name), *line.details])


def _html(line: Line) -> str:
    name = f"<b>{looks.text(line.name)}</b>"
    return " · ".join([looks.badge(line.state), name, *map(html.escape, line.details)])
