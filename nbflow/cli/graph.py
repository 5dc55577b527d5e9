"""`nbflow graph`: which cell of a notebook needs what which other binds or changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbflow.cli import finding, printing
from nbflow.cli.parsing import argument, takes, usage
from nbflow.connect import connect
from nbflow.exceptions import NotFound
from nbflow.model import notebooks, slices
from nbflow.model.cell_graph import CellGraph, cell_graph
from nbflow.notebook.files import read
from nbflow.store import journal


@takes(
    argument("notebook", metavar="NOTEBOOK", help="the notebook file"),
    argument("--output", choices=("text", "mermaid", "json"), default="text",
             help="how it is printed"),
    argument("--cell", default=None, metavar="CELL", help="a cell's name or id"),
    argument("--upstream", action="store_true", help="with --cell: only it and what it needs"),
    argument("--downstream", action="store_true", help="with --cell: only it and what needs it"),
    argument("--run", default=None, metavar="RUN",
             help="mark the cells that, or what they need, have changed since this run"),
)  # fmt: skip
def graph(
    *,
    notebook: str,
    output: str,
    cell: str | None,
    upstream: bool,
    downstream: bool,
    run: str | None,
) -> None:
    """Show how the cells of a notebook hang together. Nothing is executed."""
    if cell is None and (upstream or downstream):
        raise usage("--upstream and --downstream say which cells of --cell CELL.", field="cell")
    path, text = read(notebook)
    name = Path(path).name
    nb = notebooks.parse(text, name=name)
    found = cell_graph(nb, title=name) if run is None else replace(_since(nb, run), title=name)
    if cell is not None:
        found = _part(found, cell, upstream=upstream, downstream=downstream)
    if output == "json":
        printing.as_json(found)
    else:
        print(found.mermaid() if output == "mermaid" else found.text())
    for problem in found.problems:
        printing.note(problem["message"])


def _since(nb: notebooks.Notebook, run: str) -> CellGraph:
    """Give the graph, marked where it changed since a run. Raises NotFound."""
    made = finding.flow_run(connect(), run)
    if made.run_dir is None:
        raise NotFound(
            f"The run {made.name} has not begun.", code="notebook.not_begun", field="run"
        )
    return slices.since(nb, journal.started(journal.folder(made.run_dir)), flow_name=made.function)


def _part(graph: CellGraph, cell: str, *, upstream: bool, downstream: bool) -> CellGraph:
    """Give a cell with what it needs, what needs it, or both; both, too, when neither is asked."""
    both = upstream == downstream
    kept = {graph.cell(cell).id}
    if upstream or both:
        kept |= set(graph.upstream(cell))
    if downstream or both:
        kept |= set(graph.downstream(cell))
    return graph.only(kept)
