"""Scopes: the names a piece of code binds for itself, and those it takes from outside.

Only names are looked at here; which objects they stand for is in `cell_effects`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Names(NamedTuple):
    """What a body declares and binds, nested functions and classes left out."""

    bound: frozenset[str]
    of_module: frozenset[str]
    of_outer: frozenset[str]


@lru_cache(maxsize=8192)
def names_of(node: Function | ast.ClassDef | Comprehension) -> Names:
    """Give the names a scope binds, its parameters among them."""
    if isinstance(node, COMPREHENSIONS):
        targets = [t for one in node.generators for t in ast.walk(one.target)]
        return Names(frozenset(t.id for t in targets if isinstance(t, ast.Name)), *_NONE)
    found = _bound(node.body if isinstance(node.body, list) else [node.body])
    if isinstance(node, ast.ClassDef):
        return found
    return found._replace(bound=found.bound | {argument.arg for argument in arguments(node)})


@lru_cache(maxsize=8192)
def free(node: Function | ast.ClassDef) -> frozenset[str]:
    """Give the names a function or class takes from outside, when it is made or when it is used."""
    own = names_of(node)
    before = _used(around(node))
    if isinstance(node, ast.ClassDef):
        # Methods do not see what the class binds.
        methods = [one for one in node.body if isinstance(one, FUNCTIONS)]
        rest = _used(one for one in node.body if not isinstance(one, FUNCTIONS))
        return frozenset(before | _used(methods) | rest - own.bound)
    body = node.body if isinstance(node.body, list) else [node.body]
    outside = own.of_module | own.of_outer
    return frozenset(_used(body) - (own.bound - outside) | before)


def arguments(node: Function) -> list[ast.arg]:
    """Give a function's parameters, the starred ones last."""
    given = node.args
    starred = [one for one in (given.vararg, given.kwarg) if one is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]


def around(node: Function | ast.ClassDef) -> list[ast.expr]:
    """Give what is evaluated when a function or class is defined: defaults, decorators, bases."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    found = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
    found += [one.annotation for one in arguments(node) if one.annotation is not None]
    if not isinstance(node, ast.Lambda):
        found += node.decorator_list
        found += [node.returns] if node.returns is not None else []
    return found


def yields(node: Function) -> bool:
    """Say whether calling the function gives a generator."""
    body = node.body if isinstance(node.body, list) else [node.body]
    return any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in inside(body))


_NONE: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


def inside(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk through nodes; of nested functions and classes only what is evaluated here."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            stack += around(node)
        else:
            stack += ast.iter_child_nodes(node)


def _bound(body: Iterable[ast.AST]) -> Names:
    bound: set[str] = set()
    of_module: set[str] = set()
    of_outer: set[str] = set()
    inner: set[ast.AST] = set()
    for node in inside(body):
        if isinstance(node, COMPREHENSIONS):
            inner |= {t for one in node.generators for t in ast.walk(one.target)}
        elif isinstance(node, ast.Global):
            of_module |= set(node.names)
        elif isinstance(node, ast.Nonlocal):
            of_outer |= set(node.names)
        elif node not in inner:
            bound |= set(binds(node))
    return Names(frozenset(bound), frozenset(of_module), frozenset(of_outer))


def binds(node: ast.AST) -> list[str]:
    """Give the names that a single node binds or deletes."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def _used(nodes: Iterable[ast.AST]) -> set[str]:
    """Give the names that code reads, through nested scopes."""
    used: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Store):
                used.add(node.id)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            used.add(node.target.id)
            stack.append(node.value)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            used |= free(node)
        elif isinstance(node, COMPREHENSIONS):
            inner = _used(ast.iter_child_nodes(node))
            used |= inner - names_of(node).bound
        else:
            stack += ast.iter_child_nodes(node)
    return used
