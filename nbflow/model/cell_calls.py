"""What a call does: the notebook's own functions and classes are followed, others go by words."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nbflow.model import cell_magics, cell_memory, cell_scopes, cell_source, cell_words
from nbflow.model.cell_memory import NOTHING, Binding, Scope, Thing, Things
from nbflow.model.cell_values import Missing, Values

#: functions calling each other are followed so deep, and so many calls in one cell
_DEEPEST = 8
_MOST_CALLS = 100


class Given(NamedTuple):
    """What a call gives; `named` is None where it cannot be said which parameter gets what."""

    positional: tuple[Things, ...] = ()
    named: Mapping[str, Things] | None = None

    def all(self) -> Things:
        """Give everything it gives."""
        named = () if self.named is None else self.named.values()
        return NOTHING.union(*self.positional, *named)


class Calls(Values):
    """Reads calls."""

    def __init__(
        self, cell: int, module: Scope, packages: dict[str, Thing], missing: Missing
    ) -> None:
        super().__init__(cell, module, packages, missing)
        self._calls = 0
        self._lets: set[tuple[Thing, tuple[Things, ...]]] = set()

    def call(self, node: ast.Call, *, alone: bool = False) -> Things:
        """Read a call; `alone`: its value is not used."""
        magic = cell_source.magic_of(node)
        if magic is not None:
            self._magic(magic)
            return NOTHING
        if cell_source.is_shell(node):
            self.not_known("get_ipython() can do anything", node)
            return NOTHING
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, alone=alone)
        called = self.value(node.func)
        given = self._given(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if not called:
            self._builtin(name, node)
        if name == "super" and not called:
            return self._first_argument()
        return self._called(name, called, given, NOTHING, node, alone=alone)

    def decorated(self, decorator: ast.expr, things: Things) -> Things:
        """Read what a decorator makes of a function or class."""
        called = self.value(decorator)
        code = frozenset(t for t in called if isinstance(t.code, cell_scopes.FUNCTIONS))
        return self._followed(code, Given((things,), {}), NOTHING) | called

    def operate(self, things: Things) -> None:
        """Read what an operator does with instances of the notebook's own classes."""
        for thing in things:
            if thing.kinds and thing.code is None:
                for name, method in cell_memory.methods(thing.kinds):
                    if name.startswith("__") and name not in _MAKING:
                        self._let(method, (frozenset((thing,)), things))

    def attribute(self, things: Things, name: str) -> Things:
        """Give what an attribute of things may be."""
        if not things:
            return NOTHING
        packages = [thing for thing in things if thing.package]
        if packages and name == "random":
            return NOTHING.union(*(self.package(f"{t.package}.random") for t in packages))
        if packages:
            return frozenset(packages)
        if name in cell_words.FACTS or name in cell_words.ACCESSORS:
            return self.made() if name in cell_words.ACCESSORS else NOTHING
        found = cell_memory.members(_kinds(things), name)
        for thing in things:
            if thing.kinds and thing.code is None:
                self._property(found, thing)
        return found | self.inside(things) | frozenset(t for t in things if t.code is not None)

    def _property(self, found: Things, instance: Thing) -> None:
        for thing in found:
            if isinstance(thing.code, cell_scopes.FUNCTIONS) and _decorators(thing):
                self._enter(thing, Given((frozenset((instance,)),), {}))

    # -- which code is called -------------------------------------------------------------------
    def _given(self, node: ast.Call) -> Given:
        positional = tuple(self.value(one) for one in node.args)
        keywords = {keyword.arg: self.value(keyword.value) for keyword in node.keywords}
        if None in keywords or any(isinstance(one, ast.Starred) for one in node.args):
            return Given((self.inside(NOTHING.union(*positional, *keywords.values())),))
        return Given(positional, {name: v for name, v in keywords.items() if name is not None})

    def _method(self, node: ast.Call, func: ast.Attribute, *, alone: bool) -> Things:
        receiver = self.value(func.value)
        if any(thing.package for thing in receiver):
            found = self.attribute(receiver, func.attr) if func.attr == "random" else receiver
            return self._called(func.attr, found, self._given(node), NOTHING, node, alone=alone)
        given = self._given(node)
        if isinstance(func.value, ast.Name) and not receiver and func.value.id == "__builtins__":
            self.not_known("__builtins__ can do anything", node)
        code = frozenset(t for t in receiver if isinstance(t.code, cell_scopes.FUNCTIONS))
        own = cell_memory.members(_kinds(receiver), func.attr)
        if own or code:  # a method, or `task.submit(…)` of a function
            instances = frozenset(t for t in receiver if t.code is None)
            made = self._followed(own, given, instances)
            made |= self._followed(code, Given((given.all(),)), NOTHING)
            other = frozenset(t for t in receiver - code if not t.kinds)
            self._change_by_method(func.attr, other, given, node, alone=alone)
            return made | self._shared(func.attr, receiver - own - code, given)
        self._change_by_method(func.attr, receiver, given, node, alone=alone)
        return self._unknown(func.attr, receiver, given)

    def _called(
        self, name: str, called: Things, given: Given, receiver: Things, node: ast.Call,
        *, alone: bool,
    ) -> Things:  # fmt: skip
        code = frozenset(thing for thing in called if thing.code is not None)
        instances = frozenset(t for t in called if t.kinds and t.code is None)
        if code or instances:
            made = self._followed(
                code, given if called == code else Given((given.all(),)), receiver
            )
            self.operate(instances)  # `__call__`
            return made | (self._shared(name, called - code, given) if instances else NOTHING)
        self._change_by_function(name or "", called, given, node, alone=alone)
        return self._unknown(name, called, given)

    def _followed(self, code: Things, given: Given, receiver: Things) -> Things:
        found: set[Thing] = set()
        for thing in code:
            if isinstance(thing.code, ast.ClassDef):
                found |= self._instance(thing, given)
            elif thing.code is not None:
                of_method = receiver and not _static(thing)
                whole = Given((receiver, *given.positional), given.named) if of_method else given
                found |= self._enter(thing, whole)
        return frozenset(found)

    def _instance(self, kind: Thing, given: Given) -> Things:
        made = Thing(self.cell, (kind,))
        made.kinds = (kind,)
        things = frozenset((made,))
        begun = cell_memory.members((kind,), "__init__") | cell_memory.members((kind,), "__new__")
        begun |= cell_memory.members((kind,), "__post_init__")
        own_init = "__init__" in kind.members
        self._followed(begun, given, things)
        if not own_init:  # a dataclass, or a base that is not known
            made.holds |= given.all()
        return things

    def _enter(self, thing: Thing, given: Given) -> Things:
        """Read a function's body, as called with what is given."""
        node = thing.code
        assert isinstance(node, cell_scopes.FUNCTIONS)
        self._calls += 1
        stops = node in self._active or len(self._active) >= _DEEPEST
        if stops or self._calls > _MOST_CALLS:
            return given.all() | self.made()
        outer, self.scope = self.scope, Scope(thing.scope, node)
        self._active.append(node)
        self._bind_parameters(node, thing, given)
        inner = self.scope
        if isinstance(node, ast.Lambda):
            inner.returned |= self.value(node.body)
        else:
            self.run(node.body)
        self._active.pop()
        self.scope = outer
        found = frozenset(inner.returned)
        if cell_scopes.yields(node):
            return self._generator(thing, given, found)
        return found

    def _generator(self, thing: Thing, given: Given, found: Things) -> Things:
        made = self.made(found, (thing,), given.all(), lively=True)
        for one in made:
            one.again = lambda walk: walk._enter(thing, given)
        return made

    def _bind_parameters(self, node: cell_scopes.Function, thing: Thing, given: Given) -> None:
        positional = [*node.args.posonlyargs, *node.args.args]
        everything = given.all()
        if given.named is None:  # nobody knows which is which
            everything = self.inside(everything)
        for at, argument in enumerate(cell_scopes.arguments(node)):
            things = everything
            if given.named is not None and argument not in (node.args.vararg, node.args.kwarg):
                known = given.named.get(argument.arg)
                in_place = at < min(len(positional), len(given.positional))
                default = thing.defaults.get(argument.arg, NOTHING)
                things = known if known is not None else default
                things = given.positional[at] if in_place else things
            elif argument in (node.args.vararg, node.args.kwarg):
                things = self.made(everything)
            else:
                things |= thing.defaults.get(argument.arg, NOTHING)
            self.scope.values[argument.arg] = Binding(frozenset((self.cell,)), things)

    def _first_argument(self) -> Things:
        for scope in self.scope.chain():
            if scope.kind == "function":
                first = next(iter(scope.values.values()), None)
                return NOTHING if first is None else first.things
        return NOTHING

    # -- what is not the notebook's own ---------------------------------------------------------
    def _builtin(self, name: str, node: ast.Call) -> None:
        owner = self.scope.owner(name)
        if name not in cell_words.ANYTHING or name in owner.values:
            return
        if name == "vars" and node.args:
            return
        if name in ("locals", "vars") and self.scope.kind == "function":
            return
        self.not_known(f"{name}() reads or binds names that cannot be known", node)

    def _change_by_method(
        self, name: str, receiver: Things, given: Given, node: ast.Call, *, alone: bool
    ) -> None:
        draws = name in cell_words.DRAWING
        if draws:  # on axes data are drawn, a table shows itself
            looks = all(isinstance(one, ast.Constant) for one in node.args)
        else:
            looks = cell_words.looks(name)
        in_place = any(k.arg == "inplace" and _true(k.value) for k in node.keywords)
        self.operate(receiver if not alone else NOTHING)
        if in_place or cell_words.changes(name) or (alone and not looks):
            held = self._held(given) if cell_words.keeps(name) else NOTHING
            self.change(receiver, holding=held)
        self._change_targets(node)

    def _change_by_function(
        self, name: str, called: Things, given: Given, node: ast.Call, *, alone: bool
    ) -> None:
        packages = frozenset(thing for thing in called if thing.package)
        package = next((thing.package for thing in packages), None)
        random = package is not None and cell_words.is_random(package)
        if package is not None and (alone or random) and name not in cell_words.GENERATORS:
            if random or cell_words.changes_package(name, package):
                self.change(packages)
            if cell_words.changes(name):  # such as `sys.path.append`
                self.change(packages)
        if cell_words.changes_arguments(name, package, alone=alone):
            # Which one it changes is not known; it may put one into another.
            self.change(self.inside(given.all()), holding=self._held(given))
        self._change_targets(node)

    def _change_targets(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg == "out":
                self.change(self.value(keyword.value))

    def _unknown(self, name: str, called: Things, given: Given) -> Things:
        """Give the value of a call of what is not the notebook's own."""
        everything = given.all()
        if name not in cell_words.BUILTINS or name in _CALLING:
            self._let_call(called, everything)
        else:
            self.operate(everything)
        if name in cell_words.GENERATORS or name in cell_words.ITERATORS:
            return self.made(self.inside(everything | called), lively=True)
        return self._shared(name, called, given)

    def _shared(self, name: str, called: Things, given: Given) -> Things:
        """Give what a call's value may share with what it was given, and with its object."""
        everything = given.all()
        data = frozenset(t for t in called if not t.package)
        if any(t.package for t in called) and not everything and not name[:1].isupper():
            return self.made(t for t in called if cell_words.is_random(t.package))
        if name in cell_words.COPIES:
            return self.made(*(thing.holds for thing in data))
        if cell_words.shares(name):
            return self.made(self.inside(everything)) | self.inside(data)
        code = [t for t in cell_memory.reach(everything | data) if t.code is not None or t.kinds]
        own = frozenset(t for t in data if t.kinds)
        return self.made(code, everything if own else ()) | (self.inside(own) if own else NOTHING)

    def _let_call(self, called: Things, things: Things) -> None:
        """Read the functions somebody else was given, and may call."""
        if self._calls > _MOST_CALLS:  # too much to follow: all may be changed
            self.change(cell_memory.reach(things | called))
            return
        for thing in list(cell_memory.reach(things | called)):
            if isinstance(thing.code, cell_scopes.FUNCTIONS):
                self._let(thing, (things,))
            elif thing.kinds and thing.code is None:
                for name, method in cell_memory.methods(thing.kinds):
                    if name not in _MAKING:
                        self._let(method, (frozenset((thing,)), things))

    def _let(self, function: Thing, given: tuple[Things, ...]) -> None:
        """Read, once in a cell, what a function does that may be called with such things."""
        if (function, given) not in self._lets:
            self._lets.add((function, given))
            self._enter(function, Given(given))

    def _held(self, given: Given) -> Things:
        """Give what an object holds that was given things: them, and what they hold."""
        return given.all()

    # -- magics ---------------------------------------------------------------------------------
    def _magic(self, magic: cell_source.Magic) -> None:
        does = cell_magics.effect(magic)
        for expression in does.expands:
            self.value(expression)
        for name in does.perhaps:
            self.perhaps.setdefault(name)
        if does.unknown:
            self.not_known(does.unknown)
        if does.outside:
            self.outside.append(does.outside)
        if does.module:
            self.change(self.package(does.module))
        if does.code.strip():
            self._code(does.code)
        if does.apart.strip():
            self.scope, outer = Scope(self.scope), self.scope
            self._code(does.apart)
            self.scope = outer
        for name in does.binds:
            self.bind(name, self.made())

    def _code(self, text: str) -> None:
        found = cell_source.parsed(text)
        if found.problem:
            self.not_known(found.problem)
        if found.condition is not None:
            self.value(found.condition)
        self.run(found.tree.body)

    @abstractmethod
    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Read statements one after the other."""


#: methods that only make an object
_MAKING = frozenset({"__init__", "__new__", "__init_subclass__", "__repr__", "__str__"})
#: builtins that call what they are given
_CALLING = frozenset("map filter sorted min max next iter list tuple set dict any all sum".split())


def _kinds(things: Things) -> list[Thing]:
    """Give the classes behind things: of instances, and classes themselves."""
    found = [kind for thing in things if thing.code is None for kind in thing.kinds]
    return found + [thing for thing in things if isinstance(thing.code, ast.ClassDef)]


def _decorators(thing: Thing) -> list[ast.expr]:
    return getattr(thing.code, "decorator_list", [])


def _static(thing: Thing) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in _decorators(thing))


def _true(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and node.value is False)
