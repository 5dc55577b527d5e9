"""Pictures of runs: the task runs of a flow run and what each took from which.

`flow.visualize()` draws a flow before it runs; here is what a run really did. How boxes are laid
out is `model.diagrams`' work.
"""

from __future__ import annotations

from nbflow.connect import connect
from nbflow.model.diagrams import Box, Diagram

__all__ = ["Diagram", "draw_flow_run"]


def draw_flow_run(flow_run_id: str) -> Diagram:
    """Draw the task runs of a flow run's latest attempt, coloured by state.

    Shown as a picture in a notebook; `.mermaid()`, `.svg()` and `.text()` give it otherwise.
    Raises NotFound.
    """
    backend = connect()
    run = backend.read_flow_run(flow_run_id)
    tasks = backend.list_task_runs(flow_run_id)
    boxes = tuple(Box(task.id, task.name, task.state.type.value) for task in tasks)
    arrows = tuple((source, task.id) for task in tasks for source in task.upstream)
    return Diagram(f"{run.name} ({run.flow_name}): {run.state.name}", boxes, arrows)
