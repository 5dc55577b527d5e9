"""Digests: values and functions by what they are, equal in every kernel and every process.

Two values have one digest when their contents are equal: the order of a dict or set does not
count, an array counts by its bytes, an object by its class's source and its fields. A function
counts by its source without comments, formatting and decorators, with its defaults and the
constants it captured; the helper functions it calls do not count. What a key is made of these is
`nbflow.cache_policies`.
"""

from __future__ import annotations

import ast
import copyreg
import dis
import inspect
import linecache
import marshal
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from typing import Any, cast
from weakref import WeakKeyDictionary

from nbflow.digests import arrays
from nbflow.model import syntax

_DIGITS = 32
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


class Undigestable(Exception):
    """Something among a value's contents has no content to digest: a lock, a generator.

    Attributes:
        kind: its type's name.
        at: where it lies, as Python would say it: `['rows'][3]`.
    """

    def __init__(self, kind: str, at: str = "") -> None:
        self.kind = kind
        self.at = at
        super().__init__(f"{kind}{' at ' + at if at else ''}")


def digest(value: Any) -> str:
    """Give a value's digest (32 hex digits). Raises Undigestable."""
    found = sha256()
    _Walk(found.update).value(value, "")
    return found.hexdigest()[:_DIGITS]


def plain(values: Iterable[Any]) -> bool:
    """Say whether all values are None, bool, int, float, str or bytes: what `quick` takes."""
    for value in values:  # noqa: SIM110 - a generator costs as much as the digest
        if type(value) not in _PLAIN:
            return False
    return True


def quick(*parts: Any) -> str:
    """Give the digest of plain values, and tuples of such, in a microsecond."""
    # Version 0 of marshal writes equal values equally; later ones tell interned texts apart.
    return sha256(marshal.dumps(parts, 0)).hexdigest()[:_DIGITS]


# -- functions ----------------------------------------------------------------------------------
def function(fn: Callable[..., Any]) -> str:
    """Give a function's digest: its source and what it captured. Raises Undigestable."""
    found = sha256()
    walk = _Walk(found.update)
    inner = inspect.unwrap(fn)
    walk.text(source(inner))
    for name, value in captured(inner):
        walk.text(name)
        walk.value(value, name)
    return found.hexdigest()[:_DIGITS]


def captured(fn: Any) -> Iterator[tuple[str, Any]]:
    """Give the constants a function captured from the functions around it, but for itself.

    A list, a dict or an object may change from call to call, as may a `nonlocal` that the function
    sets: they are its memory, not its source.
    """
    code, cells = getattr(fn, "__code__", None), getattr(fn, "__closure__", None)
    for name, cell in zip(code.co_freevars, cells, strict=True) if code and cells else ():
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        if _constant(value) and name not in _set_by(code) and inspect.unwrap(value) is not fn:
            yield name, value


def _constant(value: Any) -> bool:
    if type(value) in (tuple, frozenset):
        return all(map(_constant, value))
    return type(value) in _PLAIN or isinstance(value, (type, types.FunctionType, types.ModuleType))


@cache
def _set_by(code: types.CodeType) -> frozenset[str]:
    """Give the captured variables that a function's own code sets."""
    found = dis.get_instructions(code)
    return frozenset(i.argval for i in found if i.opname in ("STORE_DEREF", "DELETE_DEREF"))


_sources: WeakKeyDictionary[types.CodeType, str] = WeakKeyDictionary()


def source(fn: Any) -> str:
    """Give a function's source as its syntax tree, or its byte code where there is no source."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return f"{getattr(fn, '__module__', '')}.{getattr(fn, '__qualname__', type(fn).__name__)}"
    found = _sources.get(code)
    if found is None:
        found = _sources[code] = _tree(code) or _byte_code(code)
    return found


def _tree(code: types.CodeType) -> str:
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    if not lines:
        return ""
    node = _node(code, "".join(lines)) or _node(code, _block(lines, code.co_firstlineno))
    if node is None:
        return ""
    if not isinstance(node, ast.Lambda):
        node.decorator_list = []
    return ast.dump(node)


def _block(lines: list[str], first: int) -> str:
    """Give a function's own lines at their place, where the whole file is not Python (a cell)."""
    try:
        block = inspect.getblock(lines[first - 1 :])
    except (IndexError, SyntaxError, OSError):
        return ""
    text = "".join(block)
    indent = len(text) - len(text.lstrip())
    return "\n" * (first - 1) + "".join(line[indent:] or "\n" for line in block)


def _node(code: types.CodeType, text: str) -> Any:
    try:
        tree = syntax.parse(text)
    except (SyntaxError, ValueError):
        return None
    kinds = ast.Lambda if code.co_name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        n for n in ast.walk(tree) if isinstance(n, kinds) and _first_line(n) == code.co_firstlineno
    ]
    named = [n for n in found if getattr(n, "name", "<lambda>") == code.co_name]
    return named[0] if len(named) == 1 else None  # two lambdas on a line: by their byte code


def _first_line(node: Any) -> int:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def _byte_code(code: types.CodeType) -> str:
    found = sha256()
    walk = _Walk(found.update)
    walk.value((code.co_code, code.co_names, code.co_varnames, code.co_freevars), "")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            walk.text(_byte_code(constant))
        else:
            walk.value(constant, "")
    return found.hexdigest()[:_DIGITS]


# -- classes ------------------------------------------------------------------------------------
_classes: WeakKeyDictionary[type, str] = WeakKeyDictionary()
#: made by Python, dataclasses and pydantic out of the rest
_MADE = frozenset(
    "__dict__ __weakref__ __module__ __doc__ __firstlineno__ __static_attributes__ __annotations__ "
    "__annotate__ __annotate_func__ __annotations_cache__ __abstractmethods__ _abc_impl "
    "__dataclass_fields__ __dataclass_params__ __signature__ __slots__ __hash__ __qualname__ "
    "__match_args__ __replace__ __class_vars__ __private_attributes__ model_fields "
    "model_computed_fields _member_map_ _value2member_map_ _member_names_ _hashable_values_ "
    "_unhashable_values_ _unhashable_values_map_ __new__ _generate_next_value_".split()
)


def class_of(cls: type) -> str:
    """Give a class's digest: its name if it is installed, else also what is written in it."""
    found = _classes.get(cls)
    if found is None:
        name = f"{cls.__module__}.{cls.__qualname__}"
        _classes[cls] = name  # a method may speak of its own class
        found = _classes[cls] = name if _installed(cls.__module__) else f"{name}:{_written(cls)}"
    return found


@cache
def _libraries() -> tuple[str, ...]:
    import sysconfig

    return tuple(
        {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    )


def _installed(module: str) -> bool:
    if module == "__main__":
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is None or file.startswith(_libraries())


def _written(cls: type) -> str:
    # Not its text: a class of a notebook has none that Python finds, and a dataclass no method.
    found = sha256()
    walk = _Walk(found.update)
    for base in cls.__bases__:
        walk.text(class_of(base))
    for name, kind in sorted(_annotations(cls).items()):
        walk.text(f"{name}: {kind}")
    for name, member in sorted(vars(cls).items()):
        if name not in _MADE and not name.startswith("__pydantic"):
            walk.text(name)
            walk.text(_member(member))
    return found.hexdigest()[:_DIGITS]


def _annotations(cls: type) -> dict[str, str]:
    try:
        found = inspect.get_annotations(cls)
    except Exception:  # a name that is not there any more
        found = {}
    return {name: _type_name(kind) for name, kind in found.items()}


def _type_name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else str(kind)


def _member(member: Any) -> str:
    member = getattr(member, "__func__", member)
    if isinstance(member, property):
        return "".join(source(part) for part in (member.fget, member.fset) if part)
    if hasattr(member, "__code__"):
        return source(member)
    try:
        return digest(member)
    except (Undigestable, RecursionError):
        return type(member).__qualname__


# -- values -------------------------------------------------------------------------------------
class _Walk:
    """One walk through a value, telling what it meets."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.tell = tell
        self.above: dict[int, int] = {}

    def text(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.tell(b"%d:" % len(data))
        self.tell(data)

    def value(self, value: Any, at: str) -> None:
        shape = type(value)
        if shape in _PLAIN:
            self.tell(marshal.dumps(value, 0))
            return
        if id(value) in self.above:
            self.text(f"above {len(self.above) - self.above[id(value)]}")
            return
        self.above[id(value)] = len(self.above)
        try:
            self._inside(value, shape, at)
        except RecursionError:
            raise Undigestable(f"{shape.__qualname__}, nested too deeply", "") from None
        finally:
            del self.above[id(value)]

    def _inside(self, value: Any, shape: type, at: str) -> None:
        write = _WRITERS.get(shape)
        if write is not None:
            write(self, value, at)
        elif isinstance(value, type):
            self.text(class_of(value))
        elif shape.__module__.partition(".")[0] in ("numpy", "pandas") and arrays.tell(
            self, value, at
        ):
            pass
        elif isinstance(value, types.ModuleType):
            self.text(f"module {value.__name__}")
        elif callable(getattr(value, "__wrapped__", None)):  # a task: what it does
            self.text(function(value))
        else:
            _as_object(self, value, at)

    def items(self, kind: str, items: Iterable[Any], at: str) -> None:
        self.text(kind)
        for number, item in enumerate(items):
            self.value(item, f"{at}[{number}]")
        self.tell(b".")

    def sorted(self, kind: str, parts: Iterable[bytes]) -> None:
        self.text(kind)
        for part in sorted(parts):
            self.tell(part)
        self.tell(b".")

    def apart(self, *values: Any, at: str) -> bytes:
        found = sha256()
        tell, self.tell = self.tell, found.update
        try:
            for value in values:
                self.value(value, at)
        finally:
            self.tell = tell
        return found.digest()


def _mapping(walk: _Walk, value: Mapping[Any, Any], at: str) -> None:
    walk.sorted("dict", [walk.apart(k, v, at=f"{at}[{_short(k)}]") for k, v in value.items()])


def _set(walk: _Walk, value: Any, at: str) -> None:
    walk.sorted("set", [walk.apart(item, at=at) for item in value])


def _function(walk: _Walk, value: Any, at: str) -> None:
    if _installed(value.__module__ or "__main__"):
        walk.text(f"{value.__module__}.{value.__qualname__}")
        return
    walk.text(source(value))
    walk.value(value.__defaults__, at)
    for name, inner in captured(value):
        walk.value(inner, f"{at}.{name}" if at else name)


def _method(walk: _Walk, value: Any, at: str) -> None:
    walk.text(value.__name__)
    walk.value(value.__self__, at)


_WRITERS: dict[type, Callable[[_Walk, Any, str], None]] = {
    list: lambda walk, value, at: walk.items("list", value, at),
    tuple: lambda walk, value, at: walk.items("tuple", value, at),
    dict: _mapping,
    set: _set,
    frozenset: _set,
    bytearray: lambda walk, value, at: walk.items("bytearray", [bytes(value)], at),
    types.FunctionType: _function,
    types.MethodType: _method,
    types.BuiltinFunctionType: lambda walk, value, at: walk.text(
        f"{value.__module__}.{value.__qualname__}"
    ),
}


def _as_object(walk: _Walk, value: Any, at: str) -> None:
    """Tell an object by its class and what pickling would keep of it."""
    shape = type(value)
    if shape.__module__ == "builtins" and shape.__qualname__ in _NO_CONTENT:
        raise Undigestable(shape.__qualname__, at)
    try:
        reduced: Any = (
            copyreg.dispatch_table[shape](value)
            if shape in copyreg.dispatch_table
            else value.__reduce_ex__(4)
        )
    except Exception:
        raise Undigestable(_named(shape), at) from None
    walk.text(class_of(shape))
    fields = _fields(value)
    if fields is not None:
        _state(walk, fields, at)
        return
    if isinstance(reduced, str):
        walk.text(reduced)
        return
    made_by, arguments, state, items, pairs = cast("Any", (*reduced, None, None, None)[:5])
    walk.text(getattr(made_by, "__qualname__", ""))
    walk.value(tuple(a for a in arguments if a is not shape), at)
    _state(walk, state, at)
    walk.items("items", items or (), at)
    for key, item in pairs or ():
        walk.value(key, at)
        walk.value(item, f"{at}[{_short(key)}]")


def _fields(value: Any) -> dict[str, Any] | None:
    """Give the fields of a dataclass or a pydantic model; which of them were set is no content."""
    if hasattr(value, "__pydantic_fields__"):
        return {**vars(value), **(value.__pydantic_extra__ or {})}
    names = getattr(value, "__dataclass_fields__", None)
    return None if names is None else {name: getattr(value, name, None) for name in names}


_NO_CONTENT = frozenset({"generator", "coroutine", "async_generator", "frame", "memoryview"})


def _state(walk: _Walk, state: Any, at: str) -> None:
    parts: list[bytes] = []
    for fields in state if isinstance(state, tuple) else (state,):
        if isinstance(fields, dict):
            parts += [walk.apart(k, v, at=f"{at}.{k}") for k, v in fields.items()]
        elif fields is not None:
            parts.append(walk.apart(fields, at=at))
    walk.sorted("state", parts)


def _named(shape: type) -> str:
    return (
        shape.__qualname__
        if shape.__module__ == "builtins"
        else f"{shape.__module__}.{shape.__qualname__}"
    )


def _short(key: Any) -> str:
    try:
        text = repr(key)
    except Exception:
        text = type(key).__name__
    return text if len(text) <= 40 else f"{text[:39]}…"
