"""A run's life: told once as steps, driven synchronously or on an event loop, and recorded.

Tasks and flows come here as data; this package never imports `nbflow.tasks` or `nbflow.flows`.
Decorating a function needs little of it, so the rest is imported with the first call.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow.engine import again, entrypoints, plans, run, streaming

__all__ = ["again", "entrypoints", "plans", "run", "streaming"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"{__name__} has no attribute {name!r}")
