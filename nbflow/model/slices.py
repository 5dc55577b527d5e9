"""A notebook made of the fewest cells that a flow in it, or some of its cells, need.

How a value that is given for a parameter is used once, whichever cell declares the name:

- A `%%flow` cell takes the names it reads that were last bound to a literal, or in the notebook's
  `parameters` cell. A generated cell, right before the flow, assigns their defaults; it is tagged
  `parameters`, so that papermill injects below it. Cells before it see what they themselves assign:
  as when `NAME(x=…)` is called, only the flow's body sees another value.
- If the slice holds the notebook's own `parameters` cell, papermill injects there, and what it
  declares is not assigned again: cells between it and the flow see the value, too. The generated
  cell is then tagged `nbflow-parameters`; it has only the names that are bound to a literal after
  the notebook's own cell, and `fill` writes the values given for them into it.
- An `@flow` takes its signature's parameters. A last, generated cell calls it with their values. A
  name that the notebook's own `parameters` cell declares, if the slice holds it, is the notebook's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import (
    cell_code,
    cell_graph,
    cell_options,
    cell_source,
    flow_functions,
    names,
    notebooks,
    parameter_cell,
    parameter_code,
    syntax,
)
from nbflow.model.cell_graph import CellGraph, CellNode
from nbflow.model.flow_functions import FlowFunction
from nbflow.model.notebooks import Cell, Notebook

#: the tag of a generated cell that papermill does not inject into, but `fill` does
FILLED = "nbflow-parameters"
_INJECTED = "injected-parameters"


@dataclass(frozen=True)
class Slice:
    """A notebook made of some cells of another, and how it came about.

    Attributes:
        notebook: the cells with their ids, without outputs, and generated ones.
        flow_name: the flow it is for; empty: some cells.
        kept, left_out: the other notebook's code cells, in order.
        schema: JSON Schema of its parameters.
        problems: what is odd, `{code, message, field?, hint?}`.
    """

    notebook: Notebook
    flow_name: str
    kept: tuple[CellNode, ...]
    left_out: tuple[CellNode, ...]
    schema: dict[str, Any]
    problems: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        total = len(self.kept) + len(self.left_out)
        said = ", ".join(node.name for node in self.kept) or "none"
        what = f"{self.flow_name}: " if self.flow_name else ""
        lines = [f"{what}runs {len(self.kept)} of {total} cells: {said}"]
        if self.left_out:
            lines.append(f"leaves out: {', '.join(node.name for node in self.left_out)}")
        if self.schema["properties"]:
            lines.append(f"parameters: {', '.join(self.schema['properties'])}")
        return "\n".join([*lines, *(f"note: {one['message']}" for one in self.problems)])


class _Flow(NamedTuple):
    """Where a flow is in a notebook; `function` is None for a `%%flow` cell."""

    at: int
    cell: Cell
    function: FlowFunction | None = None


class _Generated(NamedTuple):
    """What is put around the flow: cells before it and after it, and its own parameters' text."""

    before: list[Cell]
    after: list[Cell]
    schema: dict[str, Any]


def flow_slice(nb: Mapping[str, Any], flow_name: str) -> Slice:
    """Make the slice of a flow: a `%%flow NAME` cell, or an `@flow` function.

    Raises InvalidInput (`flow.unknown`), InvalidNotebook (another language than Python; the cell
    with the notebook's own parameters is not Python).
    """
    flow = _find(nb, flow_name)
    nb, flow = _with_call(nb, flow)
    graph = cell_graph.cell_graph(nb)
    last = graph.cell(flow.cell["id"])
    wanted = [last.id] if flow.function is None else [last.id, _CALL]
    kept = graph.needed_for(wanted)
    own = _own_parameters(nb, kept)
    if flow.function is None:
        made = _around_cell(nb, flow, own)
    else:
        made = _around_function(nb, graph, flow.function, own)
    cells = [_clean(cell, keep_tags=own is not None) for cell in _cells(nb, kept)]
    flow_at = next(at for at, cell in enumerate(cells) if cell["id"] == wanted[-1])
    if flow.function is None:
        cells[flow_at:flow_at] = made.before
    else:
        cells[flow_at : flow_at + 1] = [*made.before, *made.after]
    known = [node for node in graph.cells if node.id != _CALL]
    nodes = [node for node in known if node.id in kept]
    rest = tuple(node for node in known if node.id not in kept)
    told = (*graph.problems, *_problems(nodes, rest, last), *_again(flow))
    return Slice(_document(nb, cells), flow_name, tuple(nodes), rest, made.schema, told)


def cells_slice(
    nb: Mapping[str, Any],
    cells: Iterable[str],
    *,
    upstream: bool = False,
    downstream: bool = False,
) -> Slice:
    """Make the slice of some cells (names or ids), with all they need, or all that need them.

    With both, also what the cells that need them need. The notebook's `parameters` cell is always
    in it, so that whoever runs it may give values. Raises InvalidInput, InvalidNotebook.
    """
    graph = cell_graph.cell_graph(nb)
    wanted = {graph.cell(one).id for one in cells}
    if downstream:
        wanted |= {after for one in wanted for after in graph.downstream(one)}
    if upstream:
        wanted |= set(graph.needed_for(wanted))
    declared = notebooks.parameters_cell(nb)
    wanted |= {declared[1]["id"]} if declared is not None else set()
    kept = [node for node in graph.cells if node.id in wanted]
    rest = tuple(node for node in graph.cells if node.id not in wanted)
    own = _own_parameters(nb, wanted)
    schema = parameter_cell.schema(own["source"] if own is not None else "")
    made = [_clean(cell, keep_tags=True) for cell in _cells(nb, wanted)]
    problems = (*graph.problems, *(_problems(kept, rest, kept[-1]) if upstream and kept else ()))
    return Slice(_document(nb, made), "", tuple(kept), rest, schema, problems)


def fill(nb: Mapping[str, Any], schema: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Write values into a slice's generated cell, in place; give those that are to be injected."""
    cell = next((c for _, c in notebooks.code_cells(nb) if FILLED in notebooks.tags(c)), None)
    if cell is None:
        return dict(values)
    defaults = _defaults(cell)
    names_here = cell_code.analyse(defaults).binds
    here = {name: value for name, value in values.items() if name in names_here}
    if here:
        cell["source"] = f"{defaults}\n{parameter_code.source(schema, here)}"
    return {name: value for name, value in values.items() if name not in here}


def parameters_schema(nb: Mapping[str, Any]) -> dict[str, Any]:
    """Give the JSON Schema of what a notebook takes, a slice's generated cell included.

    Raises InvalidNotebook, as `notebooks.parameters_schema` does.
    """
    cell = next((c for _, c in notebooks.code_cells(nb) if FILLED in notebooks.tags(c)), None)
    if cell is None:
        return notebooks.parameters_schema(nb)
    own = notebooks.parameters_cell(nb)
    return _schema([_defaults(cell)], own and own[1])


def since(nb: Mapping[str, Any], ran: Notebook, *, flow_name: str | None) -> CellGraph:
    """Give a notebook's graph, in which cells are marked that changed since it was run.

    Args:
        ran: the notebook as it was started.
        flow_name: the flow in it that was run; None: the whole notebook. Of a flow, only the cells
            of its slice were run: the others are stale.
    """
    graph = cell_graph.cell_graph(nb)
    now = nb if flow_name is None else flow_slice(nb, flow_name).notebook
    stale = cell_graph.cell_graph(now).stale(cell_graph.cell_graph(_without_values(ran)).digests)
    ids = {cell["id"] for _, cell in notebooks.code_cells(now)}
    return graph.marked({*stale, *(node.id for node in graph.cells if node.id not in ids)})


def _without_values(ran: Notebook) -> Notebook:
    """Take out what was written in when it was started: the parameters' values."""
    cells = [cell for cell in ran["cells"] if _INJECTED not in notebooks.tags(cell)]
    return {**ran, "cells": [_without_filled(cell) for cell in cells]}


def _without_filled(cell: Cell) -> Cell:
    filled = FILLED in notebooks.tags(cell)
    return {**cell, "source": _defaults(cell)} if filled else cell


def _defaults(filled: Cell) -> str:
    """Give what a generated cell says before the values of a run."""
    return filled["source"].partition(f"\n{parameter_code.HEAD}\n")[0]


# -- where the flow is --------------------------------------------------------------------------
def flow_names(nb: Mapping[str, Any]) -> tuple[str, ...]:
    """List the flows in a notebook: `%%flow NAME` cells and `@flow` functions, in order."""
    return tuple(dict.fromkeys(name for name, _ in _flows(nb)))


def _flows(nb: Mapping[str, Any]) -> Iterator[tuple[str, _Flow]]:
    for at, cell in notebooks.code_cells(nb):
        if notebooks.skips(cell):
            continue
        try:
            asked, where = cell_options.of_cell(cell)
        except InvalidInput:  # told by whoever checks the notebook
            continue
        if where is not None and asked.kind == "flow" and asked.name:
            yield asked.name, _Flow(at, cell)
        for function in flow_functions.find(cell["source"]):
            yield function.name, _Flow(at, cell, function)


def _find(nb: Mapping[str, Any], flow_name: str) -> _Flow:
    cell_graph.check_language(nb)
    found = [flow for name, flow in _flows(nb) if name == flow_name]
    if found:
        return found[-1]
    raise InvalidInput(
        f"There is no flow {names.shown(flow_name)} in the notebook.",
        code="flow.unknown", field="function",
        hint=names.did_you_mean(flow_name, flow_names(nb), "There are"),
    )  # fmt: skip


# -- a %%flow cell ------------------------------------------------------------------------------
def _around_cell(nb: Mapping[str, Any], flow: _Flow, own: Cell | None) -> _Generated:
    reads = cell_code.analyse(flow.cell["source"]).reads
    earlier = [cell for at, cell in notebooks.code_cells(nb) if at < flow.at]
    earlier = [cell for cell in earlier if not notebooks.skips(cell)]
    lines: list[str] = []
    of_own: set[str] = set()
    for name in sorted(reads):
        binder = _binder(name, earlier)
        if binder is None:
            continue
        if own is not None and _declares(binder):
            of_own.add(name)
        elif (line := _line(name, binder)) is not None:
            lines.append(line)
    return _Generated(_parameters(nb, lines, own), [], _schema(lines, own))


def _binder(name: str, earlier: list[Cell]) -> Cell | None:
    """Give the cell that bound a name to the literal it still is, or declared it a parameter."""
    for cell in reversed(earlier):
        code = cell_code.analyse(cell["source"])
        if name in code.literals or (_declares(cell) and name in code.binds - code.imports):
            return cell
        if name in code.binds or name in code.mutates or name in code.deletes:
            return None
    return None


def _declares(cell: Cell) -> bool:
    return bool({"parameters", _INJECTED} & set(notebooks.tags(cell)))


def _line(name: str, binder: Cell) -> str | None:
    """Give the line that binds a name, with its annotation and its comment."""
    tree = cell_source.parsed(binder["source"]).tree
    lines = binder["source"].splitlines()
    for node in tree.body:
        alone = isinstance(node, ast.AnnAssign) or (
            isinstance(node, ast.Assign) and len(node.targets) == 1
        )
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if alone and isinstance(target, ast.Name) and target.id == name:
            first, last = node.lineno - 1, node.end_lineno or node.lineno
            text = "\n".join(lines[first:last])
            return text if _is(text, node) else ast.unparse(node)
    literal = cell_code.analyse(binder["source"]).literals.get(name)
    return (
        None if name not in cell_code.analyse(binder["source"]).binds else f"{name} = {literal!r}"
    )


def _is(text: str, node: ast.stmt) -> bool:
    """Say whether lines hold one statement, and no other."""
    try:
        found = syntax.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return len(found) == 1 and ast.dump(found[0]) == ast.dump(node)


# -- an @flow function --------------------------------------------------------------------------
_CALL = "nbflow-call"


def _with_call(nb: Mapping[str, Any], flow: _Flow) -> tuple[Mapping[str, Any], _Flow]:
    """Put the call of an `@flow` below its cell, or at the end where it needs what comes later.

    Calls in its own cell become comments: the generated one takes their place.
    """
    if flow.function is None:
        return nb, flow
    cell = {**flow.cell, "source": flow.function.source}
    cells = [*nb["cells"]]
    cells[flow.at] = cell
    call = _code(_CALL, flow.function.bare_call)
    below = {**nb, "cells": [*cells[: flow.at + 1], call, *cells[flow.at + 1 :]]}
    found = cell_graph.cell_graph({**below, "cells": below["cells"][: flow.at + 2]})
    missing = {name for one in found.needed_for([_CALL]) for name in found.cell(one).missing}
    if missing & {n for c in cells[flow.at + 1 :] for n in _binds(c)}:
        below = {**nb, "cells": [*cells, call]}
    return below, flow._replace(cell=cell)


def _binds(cell: Cell) -> frozenset[str]:
    if cell["cell_type"] != "code":
        return frozenset()
    return cell_code.analyse(cell["source"]).binds


def _around_function(
    nb: Mapping[str, Any], graph: CellGraph, function: FlowFunction, own: Cell | None
) -> _Generated:
    of_own = _binds(own) if own is not None else frozenset[str]()
    ours = [parameter for parameter in function.parameters if parameter.name not in of_own]
    lines = [parameter.line for parameter in ours]
    # A name the flow's helpers take from the notebook is not to become the parameter's value.
    needed = {edge.name for edge in graph.edges if edge.end == _CALL}
    clash = sorted(needed & {parameter.name for parameter in ours})
    before = _parameters(nb, lines, own)
    text = function.call(function.parameters)
    if clash:
        kept = "\n".join(f"nbflow_kept_{name} = {name}" for name in clash)
        before = [_code("nbflow-kept", kept), *before]
        text = function.call(function.parameters, restored=clash)
    return _Generated(before, [_code(_CALL, text)], _schema(lines, own))


# -- cells --------------------------------------------------------------------------------------
def _own_parameters(nb: Mapping[str, Any], kept: Iterable[str]) -> Cell | None:
    found = notebooks.parameters_cell(nb)
    return found[1] if found is not None and found[1]["id"] in set(kept) else None


def _parameters(nb: Mapping[str, Any], lines: list[str], own: Cell | None) -> list[Cell]:
    """Make the generated cell; papermill needs one even if the flow takes nothing."""
    if own is not None and not lines:
        return []
    tag = "parameters" if own is None else FILLED
    name, taken = FILLED, {cell["id"] for cell in nb["cells"]}
    while name in taken:
        name += "-"
    text = "\n".join(lines or ["# The flow takes no parameters"])
    return [_code(name, text, tag)]


def _schema(lines: list[str], own: Cell | None) -> dict[str, Any]:
    whole = parameter_cell.schema(own["source"] if own is not None else "")
    made = parameter_cell.schema("\n".join(lines))
    properties = dict(whole["properties"])
    for name, found in made["properties"].items():
        properties[name] = found | {"x-order": len(properties)}
    required = [*whole.get("required", ()), *made.get("required", ())]
    found = whole | {"properties": properties}
    return found | ({"required": required} if required else {})


def _cells(nb: Mapping[str, Any], kept: Iterable[str]) -> list[Cell]:
    wanted = set(kept)
    return [cell for _, cell in notebooks.code_cells(nb) if cell["id"] in wanted]


def _clean(cell: Cell, *, keep_tags: bool) -> Cell:
    metadata = dict(cell["metadata"])
    tags = notebooks.tags(cell)
    if not keep_tags and set(tags) & {"parameters", _INJECTED}:
        metadata["tags"] = [tag for tag in tags if tag not in ("parameters", _INJECTED)]
    return {**cell, "metadata": metadata, "outputs": [], "execution_count": None}


def _code(name: str, source: str, *tags: str) -> Cell:
    return {
        "cell_type": "code", "id": name, "source": source, "outputs": [], "execution_count": None,
        "metadata": {"tags": list(tags)} if tags else {},
    }  # fmt: skip


def _document(nb: Mapping[str, Any], cells: list[Cell]) -> Notebook:
    return {**nb, "cells": cells}


# -- what is odd --------------------------------------------------------------------------------
def _problems(
    kept: Iterable[CellNode], left_out: Iterable[CellNode], last: CellNode
) -> Iterator[dict[str, Any]]:
    for node in kept:
        if node.missing:
            yield _problem(
                "missing", f"{node.name!r} reads {', '.join(node.missing)}, which no cell binds."
            )
        if node.unknown:
            yield _problem("unknown", f"{node.name!r} is kept: {node.unknown}.")
    for node in left_out:
        if node.index < last.index and (node.unknown or node.outside):
            why = node.unknown or f"it {' and '.join(node.outside)}"
            yield _problem("unknown", f"{node.name!r} is left out: {why}.")


def _again(flow: _Flow) -> Iterator[dict[str, Any]]:
    if flow.function is not None and flow.function.called_again:
        yield _problem(
            "called_again", f"The cell of {flow.function.name} calls it, too: it runs twice.",
            "Call it in a cell of its own.",
        )  # fmt: skip


def _problem(code: str, message: str, hint: str | None = None) -> dict[str, Any]:
    return InvalidNotebook(message, code=f"slice.{code}", field="function", hint=hint).problem()
