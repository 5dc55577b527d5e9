"""Reading code without running it: which names it looks up, which things it makes and changes.

A `Walk` reads one cell, with what the names stand for before it. Functions are followed where they
are called, with what they are given; where it is not known what a call does, the words of
`cell_words` decide. Statements are here, expressions in `cell_values`, calls in `cell_calls`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nbflow.model import cell_memory, cell_scopes, cell_words
from nbflow.model.cell_calls import Calls
from nbflow.model.cell_memory import NOTHING, Scope, Thing, Things


class Walk(Calls):
    """Reads the statements of a cell, and keeps what was found."""

    def read_cell(self, tree: ast.Module, condition: ast.expr | None = None) -> None:
        """Read a cell: the condition of its option line, then its statements."""
        if condition is not None:
            self.value(condition)
        before = cell_memory.snapshot(self.scope) if condition is not None else []
        self.run(tree.body)
        cell_memory.join(before)
        self.keep_unsure()

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Read statements one after the other."""
        for node in statements:
            read = getattr(self, f"_{type(node).__name__}", None)
            if read is None:
                self.values_of(node)
            else:
                read(node)

    # -- plain statements ---------------------------------------------------------------------
    def _Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self.call(value, alone=True)
        else:
            self.value(value)

    def _Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._pair(target, node.value, self.value(node.value))

    def _pair(self, target: ast.expr, source: ast.expr, things: Things) -> None:
        """Assign, part by part where both sides are written out."""
        sequences = (ast.Tuple, ast.List)
        if isinstance(target, sequences) and isinstance(source, sequences):
            starred = any(isinstance(e, ast.Starred) for e in [*target.elts, *source.elts])
            if not starred and len(target.elts) == len(source.elts):
                values = [self.value(one) for one in source.elts]
                for one, inner, value in zip(target.elts, source.elts, values, strict=True):
                    self._pair(one, inner, value)
                return
        self.assign(target, things)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        if self.scope.kind in ("module", "class"):
            self.value(node.annotation)
        if node.value is not None:
            self.assign(node.target, self.value(node.value))

    def _AugAssign(self, node: ast.AugAssign) -> None:
        given = self.value(node.value)
        target = node.target
        if not isinstance(target, ast.Name):
            base = self.value(target.value)
            self.operate(base)
            self.change(base, holding=self.inside(given))
            return
        was = self.name(target.id)
        self.operate(was | given)
        self.change(was, holding=self.inside(given))
        self.bind(target.id, was | self.made(self.inside(given), *(() if was else (given,))))

    def _Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._delete(target)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.name(target.id)
            owner = self.scope.owner(target.id, binding=True)
            owner.values.pop(target.id, None)
            if owner.outer is None:
                self.deleted(target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for one in target.elts:
                self._delete(one)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            base = self.value(target.value)
            self.operate(base)
            self.change(base)

    def _Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.give_back(self.value(node.value))

    # -- branches and loops -------------------------------------------------------------------
    def _If(self, node: ast.If) -> None:
        self.value(node.test)
        before = cell_memory.snapshot(self.scope)
        self.run(node.body)
        then = cell_memory.snapshot(self.scope)
        cell_memory.restore(before)
        self.run(node.orelse)
        cell_memory.join(then)

    def _For(self, node: ast.For | ast.AsyncFor) -> None:
        items = self.items(self.value(node.iter))
        before = cell_memory.snapshot(self.scope)
        for _ in range(2):  # what one round leaves behind the next may find
            self.assign(node.target, items)
            self.run(node.body)
        cell_memory.join(before, surely=True)
        self.run(node.orelse)

    _AsyncFor = _For

    def _While(self, node: ast.While) -> None:
        self.value(node.test)
        before = cell_memory.snapshot(self.scope)
        for _ in range(2):
            self.run(node.body)
            self.value(node.test)
        cell_memory.join(before, surely=True)
        self.run(node.orelse)

    def _With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            things = self.value(item.context_expr)
            self.operate(things)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, things)
        self.run(node.body)

    _AsyncWith = _With

    def _Try(self, node: ast.Try) -> None:
        before = cell_memory.snapshot(self.scope)
        self.run(node.body)
        done = cell_memory.snapshot(self.scope)
        cell_memory.join(before)
        raised = cell_memory.snapshot(self.scope)
        cell_memory.restore(done)
        self.run(node.orelse)
        for handler in node.handlers:
            ended = cell_memory.snapshot(self.scope)
            cell_memory.restore(raised)
            self._handle(handler)
            cell_memory.join(ended)
        self.run(node.finalbody)

    _TryStar = _Try

    def _handle(self, handler: ast.ExceptHandler) -> None:
        if handler.type is not None:
            self.value(handler.type)
        if handler.name is None:
            self.run(handler.body)
            return
        self.bind(handler.name, NOTHING)
        self.run(handler.body)
        # Python deletes the name itself.
        self.scope.owner(handler.name, binding=True).values.pop(handler.name, None)

    def _Match(self, node: ast.Match) -> None:
        things = self.value(node.subject)
        before = cell_memory.snapshot(self.scope)
        for case in node.cases:
            ended = cell_memory.snapshot(self.scope)
            cell_memory.restore(before)
            self._pattern(case.pattern, things)
            if case.guard is not None:
                self.value(case.guard)
            self.run(case.body)
            cell_memory.join(ended)

    def _pattern(self, pattern: ast.pattern, things: Things) -> None:
        parts = self.inside(things)
        for node in ast.walk(pattern):
            if isinstance(node, ast.pattern):
                for name in cell_scopes.binds(node):
                    self.bind(name, parts)
            elif isinstance(node, ast.expr):
                self.value(node)

    # -- definitions --------------------------------------------------------------------------
    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        made = self.function(node)
        things: Things = frozenset((made,))
        for decorator in reversed(node.decorator_list):
            things |= self.decorated(decorator, things)
        self.bind(node.name, things)
        self.defined(node.name)

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, node: ast.ClassDef) -> None:
        made = Thing(self.cell)
        made.code, made.scope = node, self.scope
        made.free = cell_scopes.free(node) if self.scope.outer is None else frozenset()
        bases = [self.value(one) for one in (*node.bases, *(k.value for k in node.keywords))]
        made.kinds = tuple(t for base in bases for t in base if t.code is not None)
        made.holds.update(*bases)
        self.scope = Scope(self.scope, node)
        self.run(node.body)
        made.members, outer = self.scope.values, self.scope.outer
        assert outer is not None
        self.scope = outer
        for binding in made.members.values():
            made.holds |= binding.things
        things: Things = frozenset((made,))
        for decorator in reversed(node.decorator_list):
            things |= self.decorated(decorator, things)
        self.bind(node.name, things)
        self.defined(node.name)

    # -- imports and declarations -------------------------------------------------------------
    def _Import(self, node: ast.Import) -> None:
        for one in node.names:
            name = one.asname or one.name.partition(".")[0]
            path = one.name if one.asname else name
            self.bind(name, self.package(path))
            self.imported(name, path)

    def _ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        if module == "__future__":
            return
        for one in node.names:
            if one.name == "*":
                self.package(module)
                self.not_known(f"`from {module} import *` binds names that cannot be known", node)
                continue
            path = f"{module}.{one.name}"
            random = cell_words.is_random(path)
            self.bind(one.asname or one.name, self.package(path if random else module))
            self.imported(one.asname or one.name, path)

    def _Global(self, node: ast.Global | ast.Nonlocal) -> None:
        """Declare: the scope knows already."""

    _Nonlocal = _Global
