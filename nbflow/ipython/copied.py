"""A magic's body run in a copy of the notebook's namespace: what it binds stays in the copy.

Functions of the notebook that it calls keep the namespace they were defined in.
"""

from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType
from typing import Any

from nbflow.ipython import around

#: `!cmd` and magics look names up in the shell's namespace, which is one
_shell_namespace = threading.RLock()


class Copied:
    """A compiled body that gives the value of its last expression; `number` is its cell's."""

    def __init__(self, shell: Any, cell: str, number: int) -> None:
        self._shell = shell
        source = "\n" + around.python(shell, cell)
        filename = shell.compile.cache(source, number, raw_code=source)
        tree = shell.transform_ast(shell.compile.ast_parse(source, filename=filename))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        flag = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0
        with shell.compile.extra_flags(flag):
            self._body: CodeType = shell.compile(tree, filename, "exec")
            self._last: CodeType | None = None
            if last is not None:
                self._last = shell.compile(ast.Expression(last.value), filename, "eval")
        self._uses_shell = any("get_ipython" in code.co_names for code in self._units())

    def run(self, values: Mapping[str, Any], into: dict[str, Any] | None = None) -> Any:
        """Run a body that does not await, with some names bound to other values.

        `into` then holds the names of the copy.
        """
        __tracebackhide__ = True
        value = None
        with self._namespace(values, into) as namespace:
            for code in self._units():
                value = eval(code, namespace)
        return value

    async def arun(self, values: Mapping[str, Any], into: dict[str, Any] | None = None) -> Any:
        """Run a body that awaits."""
        __tracebackhide__ = True
        value = None
        with self._namespace(values, into) as namespace:
            for code in self._units():
                value = eval(code, namespace)
                if code.co_flags & inspect.CO_COROUTINE:
                    value = await value
        return value

    def _units(self) -> Iterator[CodeType]:
        yield self._body
        if self._last is not None:
            yield self._last

    @contextmanager
    def _namespace(
        self, values: Mapping[str, Any], into: dict[str, Any] | None
    ) -> Generator[dict[str, Any], None, None]:
        namespace = {} if into is None else into
        namespace.update(self._shell.user_ns, **values)
        if not self._uses_shell:
            yield namespace
            return
        with _shell_namespace:
            own, self._shell.user_ns = self._shell.user_ns, namespace
            try:
                yield namespace
            finally:
                self._shell.user_ns = own
