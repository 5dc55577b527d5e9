"""One run of the store: its cells and tasks, its graph, the end of its log; whoever executes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbflow.model import clock, looks, run_graph, run_views
from nbflow.model.backend import Backend
from nbflow.model.run_parts import GraphNode
from nbflow.model.runs import TaskRun
from nbflow.widgets.live import Live, Seen
from nbflow.widgets.runview import GRAPH_SECONDS, sent, wired


def run(run: Any) -> Live:
    """Show a run as it goes on: a cell's last line, or given to `display`.

    Args:
        run: its id, or what has one: a `FlowRun`, what `run_deployment` or `run_notebook` gives.

    Raises NotFound when it is shown.
    """
    return Live("runview", _Run(_id_of(run)).look)


def graph(run: Any) -> Live:
    """Show the graph of a run, by time or by what each task run needs (`run` as for `run`)."""
    return Live("graph", _Run(_id_of(run)).look_at_graph)


class _Run:
    """Looks at a run; its graph is large, and laid out anew at most once a second."""

    def __init__(self, flow_run_id: str) -> None:
        self._id = flow_run_id
        self._laid_out: dict[str, Any] = {}
        self._again_at = 0.0

    def look(self, backend: Backend) -> Seen:
        """Say how it stands."""
        found = backend.read_flow_run(self._id)
        tasks = backend.list_task_runs(self._id)
        last = [one for one in tasks if one.flow_attempt == found.attempt]
        log = backend.list_logs(self._id, sort="-at", limit=run_views.MOST_LOGGED).rows[::-1]
        ended = found.state.is_final()
        nodes = _nodes(backend, self._id, last)
        view = run_views.of_run(found, last, nodes=nodes, log=log)
        traits = {"view": sent(view), "graph": self._graph(nodes, ended)}
        return Seen(run_views.bundle(view), traits, ended)

    def look_at_graph(self, backend: Backend) -> Seen:
        """Say how its graph stands."""
        found = backend.read_flow_run(self._id)
        tasks = backend.list_task_runs(self._id)
        last = [one for one in tasks if one.flow_attempt == found.attempt]
        nodes, ended = _nodes(backend, self._id, last), found.state.is_final()
        name = f"{found.flow_name} ({found.name})"
        title = f"{looks.mark(found.state)} · {name}"
        words = run_graph.text(nodes, title=title)
        head = f"<div>{looks.badge(found.state)} · <b>{looks.text(name)}</b></div>"
        picture = run_graph.html(nodes, title=title, now=clock.now())
        listed = looks.folded("As a list", looks.pre(words))
        forms = {"text/html": looks.page("run", head + picture + listed), "text/plain": words}
        view = {"title": looks.one_line(title), "graph": self._graph(nodes, ended)}
        return Seen(forms, {"view": view}, ended)

    def _graph(self, nodes: Sequence[GraphNode], ended: bool) -> dict[str, Any]:
        began = clock.monotonic()
        if began >= self._again_at or ended:
            self._laid_out = wired(nodes)
            took = clock.monotonic() - began
            self._again_at = began + max(GRAPH_SECONDS, 20 * took)
        return self._laid_out


def _nodes(backend: Backend, flow_run_id: str, tasks: Sequence[TaskRun]) -> tuple[GraphNode, ...]:
    """Give the nodes of the task runs that are shown, and of the runs these called."""
    shown = {one.id for one in tasks}
    found = backend.read_run_graph(flow_run_id).nodes
    return tuple(n for n in found if n.id in shown or n.called_from in shown)


def _id_of(run: Any) -> str:
    return run if isinstance(run, str) else run.id
