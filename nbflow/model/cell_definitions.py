"""The part of a cell that only says what things are: imports, functions, classes, settings, magics.

A resumed run executes it again in its new kernel, though the cell had completed: none of it can be
restored as a value, and none of it is the cell's work. Calls count where they set a library up
(`pd.set_option(…)`, `sys.path.append(…)`, `np.random.seed(0)`) or make a type (`namedtuple`).
Also here: which names a cell that did not complete may have left half changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nbflow.model import cell_code, cell_options, cell_source, cell_words
from nbflow.model.cell_source import Magic

#: magics that set the kernel up; `%run`, `%time` and the like do work
_SETTING_UP = frozenset(
    "aimport alias alias_magic autoawait autocall autoindent automagic autoreload cd colors config "
    "doctest_mode env gui load_ext matplotlib pdb pprint precision pylab reload_ext set_env "
    "unalias unload_ext xmode".split()
)
#: cell magics whose body runs in the notebook's own names
_AROUND = frozenset({"time", "capture"})
#: calls of an imported library that change how it works, and nothing else
_SETS_UP = re.compile(
    r"(set_\w+|setlocale|use|seed|manual_seed|filterwarnings|simplefilter|captureWarnings|set"
    r"|basicConfig|dictConfig|chdir|load_dotenv|register\w*|enable\w*|disable\w*|configure|install"
    r"|rcdefaults|rc|reset_option|init_notebook_mode|style|theme|ion|ioff|getLogger)"
)
#: the same for what hangs on a library, such as `sys.path` and `plt.rcParams`
_EXTENDS = frozenset("append insert extend update setdefault setLevel addHandler".split())
#: calls whose value is a type, or something that is the same wherever it is asked for
_TYPES = frozenset(
    "namedtuple NamedTuple TypedDict NewType TypeVar ParamSpec Enum IntEnum StrEnum Flag "
    "make_dataclass new_class create_model getLogger get_run_logger".split()
)

_NAMED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Part(NamedTuple):
    """A statement that defines something.

    Attributes:
        names: what it binds; empty: it only sets something up.
        reads: names of the notebook that it, or the function it defines, reads.
        restorable: its names are plain values, which may as well be restored.
    """

    text: str
    names: frozenset[str]
    reads: frozenset[str]
    restorable: bool


@dataclass(frozen=True)
class Definitions:
    """What a cell defines.

    Attributes:
        code: Python that defines it; empty: nothing.
        whole: the cell does nothing else.
        rebound: names that the cell's work binds, too.
    """

    code: str = ""
    parts: tuple[Part, ...] = ()
    whole: bool = True
    rebound: frozenset[str] = frozenset()

    def by_name(self) -> dict[str, Part]:
        """Give the part that defines each name, of those that nothing else binds."""
        found = {name: part for part in self.parts for name in part.names}
        return {name: part for name, part in found.items() if name not in self.rebound}


@lru_cache(maxsize=2048)
def definitions(source: str) -> Definitions:
    """Give the part of a cell that is executed again when the cell is not."""
    parsed = cell_source.parsed(source)
    body = parsed.tree.body
    imported = frozenset(_imported(body)) | cell_words.USUAL.keys()
    kept = [node for node in body if _defines(node, imported)]
    inner = [definitions(magic.body or "") for magic in _magics(body) if magic.name in _AROUND]
    parts = tuple(map(_part, kept)) + tuple(part for found in inner for part in found.parts)
    code = "\n".join([*map(ast.unparse, kept), *(found.code for found in inner if found.code)])
    idle = sum(map(_says_nothing, body))
    whole = len(kept) + len(inner) + idle == len(body) and all(found.whole for found in inner)
    if whole and kept and not inner and cell_options.line_of(source) is None:
        code = source  # as it was written, so that tracebacks show it
    work = [node for node in body if node not in kept]
    rebound = frozenset(n for node in work for n in cell_code.analyse(ast.unparse(node)).binds)
    return Definitions(code, parts, whole and parsed.problem is None, rebound)


def _part(node: ast.stmt) -> Part:
    text = ast.unparse(node)
    code = cell_code.analyse(text)
    plain = isinstance(node, (ast.Assign, ast.AnnAssign)) and bool(code.literals)
    return Part(text, code.binds, code.reads | code.perhaps, plain)


def _imported(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0]
        elif isinstance(node, (ast.Try, ast.If, ast.With)):
            yield from _imported(node.body)


def _defines(node: ast.stmt, imported: frozenset[str]) -> bool:
    """Say whether a statement defines something, and does no work."""
    match node:
        case _ if isinstance(node, _NAMED):
            return True
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            inner = [*body, *orelse, *final, *(n for handler in handlers for n in handler.body)]
            return _only(inner, imported) and any(isinstance(n, _NAMED) for n in body)
        case ast.If(body=body, orelse=orelse):
            return _only([*body, *orelse], imported) and any(isinstance(n, _NAMED) for n in body)
        case ast.Expr(value=ast.Call() as call):
            magic = cell_source.magic_of(call)
            return magic.name in _SETTING_UP if magic else _sets_up(call, imported)
        case ast.Assign(targets=targets, value=value):
            return all(_set_up(target, imported) or _is_plain(target, value) for target in targets)
        case ast.AnnAssign(target=target, value=value):
            return value is None or _is_plain(target, value)
        case _:
            return node.__class__.__name__ == "TypeAlias"


def _only(body: Iterable[ast.stmt], imported: frozenset[str]) -> bool:
    return all(_defines(n, imported) or isinstance(n, ast.Pass) or _says_nothing(n) for n in body)


def _is_plain(target: ast.expr, value: ast.expr) -> bool:
    """Say whether a name is given a literal, a lambda, or a type made by a call."""
    if not isinstance(target, ast.Name):
        return False
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Call):
        return _path(value.func)[-1:] in [[name] for name in _TYPES]
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _set_up(target: ast.expr, imported: frozenset[str]) -> bool:
    """Say whether something of an imported library is assigned: `plt.rcParams["x"] = …`."""
    return not isinstance(target, ast.Name) and bool(imported.intersection(_path(target)[:1]))


def _sets_up(call: ast.Call, imported: frozenset[str]) -> bool:
    path = _path(call.func)
    if not path or path[0] not in imported:
        return False
    if len(path) > 2 and path[-1] in _EXTENDS:
        return True
    return _SETS_UP.fullmatch(path[-1]) is not None


def _path(node: ast.expr) -> list[str]:
    """Give `a.b[…].c` as its names; empty for what does not begin with a name."""
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=value, attr=name):
            inner = _path(value)
            return [*inner, name] if inner else []
        case ast.Subscript(value=value):
            return _path(value)
        case _:
            return []


def _magics(body: Iterable[ast.stmt]) -> Iterable[Magic]:
    for node in body:
        found = cell_source.magic_of(node.value) if isinstance(node, ast.Expr) else None
        if found is not None and found.body is not None:
            yield found


def _says_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


# -- what a failed cell may have changed --------------------------------------------------------
class Touch(NamedTuple):
    """A name that a statement may change.

    Attributes:
        first: the statement's first line, from 1.
        last: and its last.
        after: it is changed only once the whole statement has run.
    """

    name: str
    first: int
    last: int
    after: bool


@lru_cache(maxsize=256)
def touches(source: str) -> tuple[Touch, ...]:
    """List what the statements of a cell may change, in order."""
    found: list[Touch] = []
    for node in cell_source.parsed(source).tree.body:
        code = cell_code.analyse(ast.unparse(node))
        simple = isinstance(node, (ast.Assign, ast.AnnAssign))
        span = (node.lineno, node.end_lineno or node.lineno)
        found += [Touch(name, *span, False) for name in sorted(code.mutates | code.deletes)]
        found += [Touch(name, *span, simple) for name in sorted(code.binds - code.mutates)]
    whole = cell_code.analyse(source)  # knows what is another name for the same
    hidden = whole.mutates - {touch.name for touch in found if not touch.after}
    return (*(Touch(name, 1, 1, False) for name in sorted(hidden)), *found)
