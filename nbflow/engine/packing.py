"""Packing: functions, values and exceptions as bytes, for another process of the same program.

Functions and classes of a cell, a script or another function travel by value, those of importable
modules by name; a task's function by the name of its task. Not for keeping: see `serializers`.
"""

from __future__ import annotations

import io
import pickle
import sys
import traceback
from functools import lru_cache
from importlib.util import find_spec
from operator import attrgetter
from types import FunctionType
from typing import Any

from nbflow.exceptions import FailedRun, Unsendable
from nbflow.model import texts

#: modules whose frames stand between a call and the function called
_OURS = ("nbflow.engine.", "nbflow.task_runners.")


class Traceback(Exception):
    """What a traceback said in the process where it was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def pack(first: Any, *rest: Any, what: str, code: str | None = None) -> bytes:
    """Give a value, or a function with its arguments, as bytes. Raises Unsendable."""
    try:
        return _dumps((first, *rest) if rest else first)
    except Exception as error:
        named = _culprit(first, *rest)
        raise Unsendable(
            f"{what} cannot be sent between processes{named}: {texts.of_error(error)}.",
            code=code,
            hint="Pass data instead (a path, an address), or use ThreadPoolTaskRunner.",
        ) from error


def _culprit(first: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> str:
    """Say which part of a call cannot be packed."""
    if kwargs is None:
        return f" ({type(first).__name__})"
    named = [(f"argument {n + 1}", value) for n, value in enumerate(args)]
    named += [(f"argument {name!r}", value) for name, value in kwargs.items()]
    for name, value in [*named, ("a value its function uses", first)]:
        try:
            _dumps(value)
        except Exception:
            return f", because of {name} ({type(value).__name__})"
    return ""


def _dumps(value: Any) -> bytes:
    file = io.BytesIO()
    _pickler()(file, protocol=5).dump(value)
    return file.getvalue()


@lru_cache(maxsize=1)
def _pickler() -> type[pickle.Pickler]:
    import cloudpickle  # 15 ms: only where something is sent

    class Pickler(cloudpickle.Pickler):
        """cloudpickle, knowing that a task's function is found by the name of the task."""

        def reducer_override(self, obj: Any) -> Any:
            named = _by_name(obj)
            return super().reducer_override(obj) if named is None else (_named, named)

    return Pickler


def _by_name(obj: Any) -> tuple[str, str, bool] | None:
    """Give where a task, a flow or its function can be found by name: module, name, whether `fn`.

    Where the decorated function was, there is a task now: pickle itself would not find the function
    again, and send it with everything it uses.
    """
    is_function = type(obj) is FunctionType
    if not is_function and not type(obj).__module__.startswith("nbflow."):
        return None
    module = sys.modules.get(getattr(obj, "__module__", None) or "")
    name = getattr(obj, "__qualname__", "")
    if module is None or not isinstance(name, str) or "<" in name or not _importable(module):
        return None
    try:
        found = attrgetter(name)(module)
    except AttributeError:
        return None
    of_task = type(found).__module__.startswith("nbflow.") and getattr(found, "fn", None) is obj
    if of_task or (not is_function and found is obj and not isinstance(obj, type)):
        return module.__name__, name, of_task
    return None


def _importable(module: Any) -> bool:
    return _is_importable(module.__name__, getattr(module, "__file__", None))


@lru_cache(maxsize=1024)
def _is_importable(name: str, file: str | None) -> bool:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and name != "__main__" and spec.origin == file


def _named(module: str, name: str, of_task: bool) -> Any:
    from importlib import import_module

    found = attrgetter(name)(import_module(module))
    return found.fn if of_task else found


# -- exceptions -------------------------------------------------------------------------------
def pack_error(error: BaseException) -> bytes:
    """Give an exception as bytes, with its traceback as text."""
    said = (type(error).__qualname__, texts.of_error(error), _text(error))
    packed = _sound(error) or _sound(_Bare(error))
    return pickle.dumps((packed, *said))


def _sound(error: Any) -> bytes | None:
    """Give an exception as bytes that can be read again, if there are such."""
    try:
        packed = _dumps(error)
        pickle.loads(packed)  # one whose __init__ takes other arguments fails only here
    except Exception:
        return None
    return packed


class _Bare:
    """An exception that is made again without its `__init__`."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __reduce__(self) -> Any:
        error = self._error
        return _made_again, (type(error), error.args, error.__dict__)


def _made_again(cls: type[BaseException], args: tuple[Any, ...], fields: Any) -> BaseException:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(fields)
    return error


def unpack_error(packed: bytes) -> BaseException:
    """Give the exception; FailedRun with its type and message where it cannot be made again."""
    content, kind, message, text = pickle.loads(packed)
    error: BaseException | None = None
    if content is not None:
        try:
            error = pickle.loads(content)
        except Exception:  # its class is not to be had in this process
            error = None
    if not isinstance(error, BaseException):
        error = FailedRun(message, hint=f"(Its own {kind} could not be sent between processes.)")
    error.__cause__ = Traceback(text)
    return error


def _text(error: BaseException) -> str:
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        frames = frames.tb_next
    return texts.safe("".join(traceback.format_exception(type(error), error, frames)).rstrip())
