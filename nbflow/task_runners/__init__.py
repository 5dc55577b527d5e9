"""Where `.submit` runs tasks. Each runner is one file, imported when it is named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {"ThreadPoolTaskRunner": "nbflow.task_runners.threads"}

__all__ = ["ThreadPoolTaskRunner"]

if TYPE_CHECKING:
    from nbflow.task_runners.threads import ThreadPoolTaskRunner as ThreadPoolTaskRunner


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'nbflow.task_runners' has no attribute {name!r}")
    return getattr(import_module(home), name)
