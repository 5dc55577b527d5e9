"""What makes a run of a cell the same as an earlier one: `--cache inputs,source`.

How a key is looked up, and a value kept under it, is `engine.keeping`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow import digests
from nbflow.cache_policies import CachePolicy, Parts, Uncacheable
from nbflow.cell_outputs import Outputs
from nbflow.ipython.data import CellData, Namespace
from nbflow.logging.loggers import run_logger
from nbflow.model import cell_source


class CellPolicy(CachePolicy):
    """The policy of one run of a cell.

    Args:
        data: what the cell reads and leaves.
        asked: the parts of the key, of `cell_options.CACHE_PARTS`.
        namespace: the notebook's.
    """

    def __init__(self, data: CellData, asked: tuple[str, ...], namespace: Namespace) -> None:
        self._data = data
        self._asked = asked
        self._namespace = namespace
        self._before: Parts = {}

    def parts(
        self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any]
    ) -> Parts:
        """Give the digests of inputs and source. Raises Uncacheable, which is also said aloud."""
        try:
            return self._parts(task_ctx.task.key)
        except Uncacheable as error:
            run_logger(task_ctx).warning("The cell is not cached: %s.", error)
            raise

    def _parts(self, key: str) -> Parts:
        if self._data.code.unknown is not None:
            raise Uncacheable(f"what it reads cannot be known ({self._data.code.unknown})")
        data, sources = self._data.reached(self._namespace)
        found: Parts = {"outputs": digests.quick(*self._data.outputs)}
        if "inputs" in self._asked:
            self._before = {name: _digest(name, value) for name, value in data.items()}
            found |= {f"input {name}": value for name, value in self._before.items()}
        if "source" in self._asked:
            found |= {f"source of {name}": _digest(name, sources[name]) for name in sources}
            found["source"] = cell_source.digest(self._data.source)
        elif not self._before:
            raise Uncacheable("it reads no data to go by; add source: --cache inputs,source")
        else:
            found["task"] = digests.quick(key)
        return found

    def why_not(self, outputs: Outputs) -> str | None:
        """Say why what a run has left may not be restored in place of another run."""
        for name, kind in outputs.left_out.items():
            if name in self._data.outputs and name not in self._data.passing:
                return f"its output {name!r} ({kind}) cannot be stored"
        seen = {*self._data.outputs, *self._data.code.mutates, *self._data.code.binds}
        for name, before in self._before.items():
            if name not in seen and self._digest_now(name) != before:
                return f"it changed its input {name!r} unseen, by another name or in a function"
        return None

    def _digest_now(self, name: str) -> str | None:
        try:
            return digests.digest(self._namespace.get(name))
        except digests.Undigestable:
            return None

    def __repr__(self) -> str:
        return f"--cache {','.join(self._asked)}"


def _digest(name: str, value: Any) -> str:
    try:
        return digests.digest(value)
    except digests.Undigestable as error:
        raise Uncacheable(f"{name!r}, which it reads, cannot be compared ({error})") from None
