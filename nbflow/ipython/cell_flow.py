"""`%%flow NAME`: its parameters, and NAME as a Flow that can be called with others and deployed.

A parameter is a name the body reads that was last bound to a literal, or in the cell tagged
`parameters`; its default is what it now is. Every other name is read from the notebook's namespace.
How a body becomes a run is in `flow_host`, how it is called with other parameters in `copied`.
"""

from __future__ import annotations

import hashlib
import inspect
import keyword
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from nbflow.exceptions import InvalidInput, InvalidNotebook, ParameterError
from nbflow.flows import Flow
from nbflow.ipython import deploying, options
from nbflow.ipython.copied import Copied
from nbflow.ipython.flow_host import AsFlow, CellFlow
from nbflow.model import cell_code, parameter_cell, parameter_code, parameters
from nbflow.model.cell_options import CellOptions
from nbflow.task_runners import runner_of

#: types that say enough about a value to coerce others to them
_PLAIN = frozenset({bool, int, float, str})


@dataclass(frozen=True)
class Given:
    """The parameters of a flow cell.

    Attributes:
        schema: JSON Schema; the defaults are the present values.
        values: these, as they are in the notebook's namespace.
        annotations: the types that were written for them.
    """

    schema: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    annotations: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def signature(self) -> inspect.Signature:
        """Give them as a function's: by name only."""
        return inspect.Signature([
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=value,
                annotation=self.annotations.get(name, _annotation(value)),
            )
            for name, value in self.values.items()
        ])  # fmt: skip


def given(namespace: Mapping[str, Any], cell: str, before: Iterable[str]) -> Given:
    """Find a flow cell's parameters; `before` are the cells that ran, the earliest first."""
    cells = list(before)
    properties: dict[str, Any] = {}
    values: dict[str, Any] = {}
    tagged = deploying.parameters_cell()
    for name in sorted(cell_code.analyse(cell).reads & namespace.keys()):
        found = _property(name, namespace[name], _binder(name, cells, tagged))
        if found is not None:
            properties[name] = found | {"x-order": len(properties)}
            values[name] = namespace[name]
    schema = parameter_cell.schema("") | {"properties": properties}
    return Given(schema, values, namespace.get("__annotations__") or {})


def _binder(name: str, cells: list[str], tagged: str) -> str | None:
    """Give the cell that bound a name to the literal it still is, or is tagged `parameters`."""
    for cell in reversed(cells):
        code = cell_code.analyse(cell)
        if name in code.literals or (name in code.binds and cell.strip() == tagged):
            return cell
        if name in code.binds or name in code.mutates:
            return None
    return None


def _property(name: str, value: Any, binder: str | None) -> dict[str, Any] | None:
    """Give the schema of a parameter; None: it is none."""
    if binder is None:
        return None
    try:
        declared = parameter_cell.schema(binder)["properties"].get(name, {})
    except InvalidNotebook:
        declared = {}
    if "x-source" in declared:  # it would have to be evaluated
        return None
    try:
        whole = {"properties": {name: declared}}
        return declared | {"default": _checked(whole, {name: value}, name)[name]}
    except ParameterError:  # it is another by now than what was written
        return None


def _checked(
    schema: Mapping[str, Any], values: dict[str, Any], what: str, *, partial: bool = False
) -> dict[str, Any]:
    """Check values of this kernel's own: nothing keeps them as they are."""
    return parameters.check(schema, values, what=what, partial=partial, kept=False)


def _annotation(value: Any) -> Any:
    return type(value) if type(value) in _PLAIN else inspect.Parameter.empty


# -- one run of the cell ------------------------------------------------------------------------
def host(shell: Any, name: str, asked: CellOptions, found: Given) -> AsFlow:
    """Give what runs the cell; `--params` count for this run. Raises MagicError.

    Where the flow itself is what a deployment runs, its parameters come from there.
    """
    flow = CellFlow(name, asked, found.signature(), _runner(asked.task_runner))
    deployed = os.environ.get("NBFLOW_FUNCTION") == name
    params = () if deployed else asked.params
    return AsFlow(flow, shell.user_ns, _read(found.schema, params, shell.user_ns))


def _read(
    schema: Mapping[str, Any], pairs: Iterable[tuple[str, Any]], namespace: Mapping[str, Any]
) -> dict[str, Any]:
    """Read `--params` by the type of each. Raises MagicError."""
    try:
        texts = {n: parameters.from_text(schema, n, text, what="the flow") for n, text in pairs}
        checked = _checked(schema, texts, "the flow", partial=True)
    except InvalidInput as error:
        raise options.wrong("flow", f"--params: {error.message}", error.hint) from None
    around = dict(namespace)
    exec(parameter_code.source(schema, checked), around)
    return {name: around[name] for name in checked}


def _runner(name: str | None) -> Any:
    try:
        return runner_of(name)
    except InvalidInput as error:
        raise options.wrong("flow", f"--task-runner: {error.message}", error.hint) from None


# -- the cell by its name -----------------------------------------------------------------------
class NotebookFlow(Flow[..., Any]):
    """A `%%flow` cell: a call runs it with other parameters, in a copy of the namespace.

    Attributes:
        parameters: JSON Schema of what a call takes.
    """

    def __init__(self, fn: Callable[..., Any], schema: dict[str, Any], **asked: Any) -> None:
        super().__init__(fn, **asked)
        self.parameters = schema

    def is_of_notebook(self) -> bool:
        """Say yes: it is deployed with the notebook it is a cell of."""
        return True


def define(shell: Any, cell: str, asked: CellOptions, found: Given, *, awaits: bool) -> None:
    """Bind the name on the magic's line to a Flow, if it can be a variable's."""
    name = asked.name
    if not name.isidentifier() or keyword.iskeyword(name):
        return
    there = shell.user_ns.get(name)
    if there is not None and not isinstance(there, Flow):
        sys.stderr.write(f"nbflow: {name} was a {type(there).__name__}; now it is the flow.\n")
    shell.user_ns[name] = NotebookFlow(
        _function(shell, cell, name, found, awaits=awaits),
        found.schema,
        name=name,
        version=hashlib.sha256(cell.encode()).hexdigest()[:32],
        retries=asked.retries,
        retry_delay_seconds=list(asked.retry_delays) or None,
        timeout_seconds=asked.timeout_seconds,
        task_runner=_runner(asked.task_runner),
    )


def _function(
    shell: Any, cell: str, name: str, found: Given, *, awaits: bool
) -> Callable[..., Any]:
    """Make the function a NotebookFlow calls. The body is compiled when it is first called."""
    copied = cache(partial(Copied, shell, cell, shell.execution_count - 1))

    def fn(**values: Any) -> Any:
        __tracebackhide__ = True
        return copied().run(values)

    async def afn(**values: Any) -> Any:
        __tracebackhide__ = True
        return await copied().arun(values)

    made: Any = afn if awaits else fn
    made.__name__ = made.__qualname__ = name
    made.__module__ = "__main__"
    made.__signature__ = found.signature()
    return made
