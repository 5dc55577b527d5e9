"""Cells left out of a slice do not matter: random notebooks, executed whole and by slice.

Every notebook is executed as it is made, so that its cells fit what the names then are.
"""

from __future__ import annotations

import types
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.model.cell_graph import cell_graph

NAMES = ("a", "b", "c", "d", "e")
CODE = ("f", "g", "h")
CLASSES = ("K", "L")

#: {x}: a new or an old name, {n}: one of a number, {l}: of a list, {m}: of a list of lists,
#: {q}: of a dict of lists, {t}: an iterator, {F} and {G}: a function's name, {K}: a class's name,
#: {o}: an instance; {i}: a small number
STATEMENTS = """
{x} = {i}
{x} = [{i}, {i}]
{x} = []
{x} = [[{i}], [{i}, 1]]
{x} = dict(u=[{i}], w=[])
{x} = {n} + {i}
{x} = {n} * {n}
{x} += {i}
{n} += {n}
{n} -= 1
{x} = sum({l})
{x} = len({l}) if {n} else {n}
{x} = {l}[0] if {l} else {i}
{x} = {l}
{x} = {l}[:]
{x} = {l}.copy()
{x} = list({l})
{x} = sorted({l})
{x} = {l} + {l}
{x} = {l} or {l}
{x} = ({l}, {n})[0]
{x}, {y} = {l}, {n}
{x}, {y} = {l}, {l}
{x}, *{y} = [{n}, {n}, {i}]
{l}, {m} = {l}, [{l}]
{l}.append({n})
{l}.extend({l}[:3])
{l} += [{n}]
{l}[:1] = [{n}]
{l}.sort()
{l}.insert(0, {n})
{x} = {l}.pop() if {l} else 0
del {l}[:1]
del {n}
{x} = [v + {n} for v in {l}]
{x} = {{v: [v] for v in {l}}}
{x} = max((v for v in {l}), default={n})
{x} = any((last := v) > {n} for v in {l})
{x} = [{l}, {l}]
{x} = {m}[0] if {m} else []
{m}.append({l})
{m}.append([{n}])
{x} = {m}.copy()
for v in list({m}): v.append({n})
[v.append({i}) for v in list({m})]
{m}[0].append({n})
{m}[-1] = {l}
{x} = {m}[::-1]
{x} = dict(u={l}, w=[{n}])
{q}['u'] = {l}
{q}['u'].append({n})
{q}.setdefault('z', []).append({n})
{q}.update(w={l})
{x} = {q}.get('u', [])
{x} = {q}.pop('z', [])
{x} = list({q}.values())
for v in list({q}.values()): v.append({i})
for k, v in list({q}.items()): {l}.extend(v[:2])
{x} = {{**{q}, 'y': {l}}}
for v in {l}[:3]: {x} = v + {n}
for v in {l}[:2]: {l}.append(v)
if {n} > 2: {x} = {i}
if {n} > 2: {l}.append({n})
if {n} > 1:¶    {x} = {n}¶else:¶    {x} = {i}
count = 0¶while count < 2:¶    count += 1¶    {l}.append({n})
try:¶    {x} = {l}[5]¶except IndexError as error:¶    {x} = {n}
try:¶    {l}.append({n})¶    {x} = 1 / 0¶except ZeroDivisionError:¶    {l}.append({i})
match {l}:¶    case [first, *rest]: {x} = rest¶    case _: {x} = {l}
{x} = iter({l}[:9])
{x} = zip({l}, {l})
{x} = (v + {n} for v in {l}[:9])
{x} = next({t}, 0)
{x} = [v for v, _ in zip({t}, range(2))]
def {F}(): return {n}
def {F}(p): return p
def {F}(p): return [p, {n}]
def {F}(p={l}): return p
def {F}(p, *r, k={n}): return [k, *r]
def {F}(): {l}.append({n})
def {F}(p): {l}.append(1); return {l}
def {F}(p):¶    global {x}¶    {x} = {i}¶    return {n}
def {F}(p):¶    if isinstance(p, list): p.append({n})¶    return p
def {F}(p):¶    p = list(p) if isinstance(p, list) else [p]¶    p.append({n})¶    return p
def {F}(*r):¶    n = [{n}]¶    def inner(*s):¶        n.append({i})¶        return list(n)¶    return inner
def {F}(*r):¶    yield {n}¶    {l}.append({i})¶    yield {n}
def {F}(*r): return {G}(*r)
def {F}(fn): return fn
{F} = lambda *r: {n}
{F} = lambda p={l}: p
{x} = {f}
{x} = [{f}]
{f}()
{f}({l})
{x} = {f}()
{x} = {f}({l})
{x} = {f}({n})
{x} = {f}({m})
{x} = list(map({f}, {l}[:3]))
{x} = sorted({l}, key={f})
[fn({l}) for fn in [{f}]]
{x} = {f}({f})
@{f}¶def {F}(p=0): return {n}
class {K}:¶    shared = []¶    def __init__(self, v=()): self.v = v¶    def add(self, w):¶        self.v.append(w)¶        return self¶    def peek(self): return self.v¶    @property¶    def size(self): return len(self.v) + {n}
class {K}:¶    shared = {l}¶    def __init__(self, v=()): self.v = list(v)¶    def add(self, w): self.shared.append(w); {l}.append({n})¶    def __iadd__(self, w):¶        self.v.append(w)¶        return self¶    def __len__(self): return len(self.v) + 1¶    def peek(self): return [self]
class {K}({k}):¶    def peek(self): return super().peek()¶    def more(self): return {n}
class {K}({k}): shared = [{n}]
{x} = {k}()
{x} = {k}({l})
{o}.add({n})
{x} = {o}.add({n})
{x} = {o}.peek()
{x} = {o}.size
{x} = {o}.v
{x} = len({o})
{o} += {n}
{o}.v = {l}
{o}.n = {n}
{x} = [{o}]
{k}.shared.append({n})
{x} = {k}.shared
import random
import random as {x}
random.seed({n})
{x} = random.randint(0, 9)
random.shuffle({l})
from random import Random¶{x} = Random({n})
import copy¶{x} = copy.deepcopy({m})
import heapq¶heapq.heappush({l}, {n})
""".strip().splitlines()  # noqa: E501


def _kind(value: Any) -> str:
    """Give the letter by which a statement asks for such a value."""
    if isinstance(value, bool | int):
        return "n"
    if isinstance(value, list):
        if all(isinstance(one, int) for one in value):
            return "l"
        return "m" if all(isinstance(one, list) for one in value) else ""
    if isinstance(value, dict):
        return "q" if all(isinstance(one, list) for one in value.values()) else ""
    if isinstance(value, types.FunctionType):
        return "f"
    if isinstance(value, type):
        return "k" if value.__module__ == "notebook" else ""
    if hasattr(value, "__next__"):
        return "t"
    return "o" if type(value).__module__ == "notebook" else ""


class _Author:
    """Writes a notebook cell by cell, looking at what the names stand for."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.cells: list[str] = ["a = 1", "b = [3, 1]", "c = [[1], [2]]"]
        self.names = executed(self.cells)

    def write(self) -> list[str]:
        for _ in range(self.random.randint(4, 14)):
            lines = [self._statement() for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
            cell = "\n".join(line.replace("¶", "\n") for line in lines if line)
            if not cell:
                continue
            try:
                exec(cell, self.names)
                if len(repr(canonical(self.names))) > 20_000:
                    raise ValueError("too large")
            except Exception:
                self.names = executed(self.cells)  # as before the cell
            else:
                self.cells.append(cell)
        return self.cells

    def _statement(self) -> str:
        chosen = self.random.choice(STATEMENTS)
        known: dict[str, list[str]] = {}
        for name, value in self.names.items():
            if name in (*NAMES, *CODE, *CLASSES):
                known.setdefault(_kind(value), []).append(name)
        for _ in range(12):
            for letter in "nlmqtfko":
                if f"{{{letter}}}" in chosen:
                    if letter not in known:
                        return ""
                    name = self.random.choice(known[letter])
                    chosen = chosen.replace(f"{{{letter}}}", name, 1)
        for letter, among in (("x", NAMES), ("y", NAMES), ("F", CODE), ("G", CODE), ("K", CLASSES)):
            chosen = chosen.replace(f"{{{letter}}}", self.random.choice(among))
        while "{i}" in chosen:
            chosen = chosen.replace("{i}", str(self.random.randint(0, 5)), 1)
        return chosen.replace("{{", "{").replace("}}", "}")


def executed(cells: list[str]) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "notebook"}
    Random.seed(__import__("random")._inst, 7)
    for cell in cells:
        exec(cell, names)
    return names


def canonical(value: Any, above: tuple[int, ...] = ()) -> Any:
    """Give a value by its contents, so that those of two executions can be compared."""
    if id(value) in above:
        return "above"
    above = (*above, id(value))
    if isinstance(value, list | tuple):
        return [canonical(one, above) for one in value]
    if isinstance(value, dict):
        items = [(k, v) for k, v in value.items() if k != "__builtins__"]
        return sorted(([canonical(k, above), canonical(v, above)] for k, v in items), key=repr)
    if isinstance(value, types.FunctionType):
        return ["function", value.__name__, canonical(value.__defaults__, above)]
    if isinstance(value, type):
        own = {k: v for k, v in vars(value).items() if not k.startswith("__")}
        return ["class", value.__name__, canonical(own, above)]
    if type(value).__module__ == "notebook":
        return [type(value).__name__, canonical(vars(value), above)]
    return value if isinstance(value, int | str) else type(value).__name__


def document(cells: list[str]) -> dict[str, Any]:
    return {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [
            {"cell_type": "code", "id": f"c{at}", "source": source, "metadata": {}, "outputs": []}
            for at, source in enumerate(cells)
        ],
    }  # fmt: skip


def drained(names: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    """Give values by name; of iterators what they would still give."""
    values = {name: names.get(name, "not bound") for name in asked}
    return {
        name: ["rest", _rest(value)] if _kind(value) == "t" else canonical(value)
        for name, value in values.items()
    }


def _rest(value: Any) -> Any:
    try:
        return canonical([v for _, v in zip(range(9), value, strict=False)])
    except Exception as error:  # a generator that meets other types than when it was made
        return type(error).__name__


def check(cells: list[str], at: int) -> int:
    """Compare what a cell reads and binds after all cells and after its slice; give its length."""
    graph = cell_graph(document(cells))
    node = graph.cells[at]
    kept = [int(one[1:]) for one in graph.needed_for([node.id])]
    names = executed(cells[: at + 1])
    # A function may read a name that was deleted: it has no value to compare.
    asked = sorted({*node.reads, *node.binds} & {*NAMES, *CODE, *CLASSES} & names.keys())
    whole = drained(names, asked)
    asked = [name for name in asked if whole[name] != ["rest", "NameError"]]
    whole = {name: whole[name] for name in asked}
    by_slice = drained(executed([cells[one] for one in kept]), asked)
    left_out = [one for one in range(at) if one not in kept]
    told = "\n".join(f"[{i}]{'' if i in kept else ' left out'} {c}" for i, c in enumerate(cells))
    assert by_slice == whole, f"cell {at}, left out {left_out}:\n{told}"
    return len(kept)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_running_only_the_slice_gives_the_same_values(random: Random):
    cells = _Author(random).write()
    for at in range(len(cells)):
        check(cells, at)
