"""A task cell that was sent to another process: its Python, and what it needs of its notebook.

Made where the notebook is (`nbflow.ipython.defined`); light enough for a process that has no shell.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

from nbflow.cell_outputs import Outputs


class SentCell:
    """A cell's body, run with inputs in names of its own.

    Args:
        name: of the task.
        source: Python; no IPython's signs.
        helpers: functions, classes and modules that it reads.
        outputs: the names it gives.
    """

    def __init__(
        self, name: str, source: str, helpers: Mapping[str, Any], outputs: tuple[str, ...]
    ) -> None:
        self._name = name
        self._source = source
        self._helpers = helpers
        self._outputs = outputs

    def run(self, values: Mapping[str, Any]) -> Any:
        """Run a body that does not await."""
        namespace, value = self._namespace(values), None
        for code in self._units():
            value = eval(code, namespace)
        return self._given(namespace, value)

    async def arun(self, values: Mapping[str, Any]) -> Any:
        """Run a body that awaits."""
        namespace, value = self._namespace(values), None
        for code in self._units():
            value = eval(code, namespace)
            if code.co_flags & inspect.CO_COROUTINE:
                value = await value
        return self._given(namespace, value)

    def _namespace(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"__name__": "__main__", **self._helpers, **values}

    def _given(self, namespace: Mapping[str, Any], value: Any) -> Any:
        found = {name: namespace[name] for name in self._outputs if name in namespace}
        return Outputs(found, value).given(self._name)

    def _units(self) -> Iterator[CodeType]:
        filename = f"<task {self._name}>"
        linecache.cache[filename] = (len(self._source), None, self._lines(), filename)
        tree = ast.parse(self._source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        yield compile(tree, filename, "exec", flags, dont_inherit=True)
        if isinstance(last, ast.Expr):
            yield compile(ast.Expression(last.value), filename, "eval", flags, dont_inherit=True)

    def _lines(self) -> list[str]:
        return self._source.splitlines(keepends=True)
