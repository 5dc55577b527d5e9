"""What is to be done with each cell of a notebook: decided before a kernel starts.

What a cell's metadata asks for, the process that executes it carries out, if it can without the
cell's variables (retries, timeout); whatever needs those (cache, condition, outputs) goes to the
kernel, as a line of `%%task`. What stands on a line the kernel carries out. Never both.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbflow.exceptions import InvalidNotebook
from nbflow.model import cell_options
from nbflow.model.cell_options import CellOptions
from nbflow.model.cell_reports import CellReport
from nbflow.model.states import State

_LINE_MAGIC = re.compile(r"^\s*%nbflow\b", re.MULTILINE)
_LOADS = re.compile(r"^\s*%(?:re)?load_ext\s+nbflow\b", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """How one cell is carried out.

    Attributes:
        source: what the kernel is sent.
        retries: how often a failed cell is run again by this process.
        retry_delays: seconds before each retry; the last repeats.
        seconds: how long one try may take; None: no limit of its own.
        needs_nbflow: the kernel must have nbflow loaded.
        state: a cell that is not run: how it ends at once; None: it is run.
        outputs: what such a cell shows (nbformat 4).
        execution_count: and under which number.
        report: and what its kernel told of it, when it was run.
        because: why a cell is run that had completed in an earlier attempt.
    """

    source: str
    retries: int = 0
    retry_delays: tuple[float, ...] = ()
    seconds: float | None = None
    needs_nbflow: bool = False
    state: State | None = None
    outputs: Sequence[Mapping[str, Any]] = field(default=())
    execution_count: int | None = None
    report: CellReport | None = None
    because: str = ""

    def delay(self, attempt: int) -> float | None:
        """Give the seconds between the nth attempt, from 1, and the next; None: there is none."""
        if attempt > self.retries:
            return None
        delays = self.retry_delays or (0.0,)
        return delays[min(attempt, len(delays)) - 1]


def of_notebook(cells: Sequence[Mapping[str, Any]], language: str | None) -> dict[str, Step]:
    """Give the step of each code cell, by id. Raises InvalidInput, InvalidNotebook."""
    return {c["id"]: _step(c, language) for c in cells if c["cell_type"] == "code"}


def _step(cell: Mapping[str, Any], language: str | None) -> Step:
    source = cell["source"]
    python = language in (None, "python", "ipython")
    if "nbflow" not in source and "%%" not in source and "nbflow" not in cell["metadata"]:
        return Step(source)
    asked, where = cell_options.of_cell(cell)
    if where != "metadata":
        needs = python and (where == "line" or _LINE_MAGIC.search(source) is not None)
        return Step(source, needs_nbflow=needs)
    if asked.kind == "task" and not needs_names(asked):
        named = python and cell_options.line_of(source) is not None
        return Step(
            source, asked.retries, asked.retry_delays, asked.timeout_seconds, needs_nbflow=named
        )
    if not python:
        raise InvalidNotebook(
            f"Cell {cell['id']} asks for what only a Python kernel can do.", code="cell.options",
            field="metadata.nbflow", hint="In other languages a cell has `retries` and `timeout`.",
        )  # fmt: skip
    return Step(_under_line(source, line(asked)), needs_nbflow=True)


def needs_names(asked: CellOptions) -> bool:
    """Say whether what is asked for can only be done where the cell's variables are."""
    return bool(asked.cache or asked.returns or asked.condition)


def line(asked: CellOptions) -> str:
    """Write options as the line that asks for the same."""
    words = [f"%%{asked.kind}", *([asked.name] if asked.name else [])]
    for flag, value in (
        ("retries", asked.retries or None),
        ("retry-delay", _listed(asked.retry_delays)),
        ("timeout", asked.timeout_seconds),
        ("cache", _listed(asked.cache)),
        ("ttl", asked.ttl_seconds),
        ("returns", _listed(asked.returns)),
        ("tags", _listed(asked.tags)),
        ("task-runner", asked.task_runner),
    ):
        words += [] if value is None else [f"--{flag}", shlex.quote(str(value))]
    words += ["--refresh"] if asked.refresh else []
    words += ["--if", repr(asked.condition)] if asked.condition else []
    if asked.params:
        words += ["--params", repr(" ".join(shlex.quote(f"{k}={v}") for k, v in asked.params))]
    return " ".join(words)


def _listed(values: Sequence[Any]) -> str | None:
    return ",".join(map(str, values)) or None


def _under_line(source: str, written: str) -> str:
    """Give a cell its line, in place of the one that only names it, or before all else."""
    lines = source.splitlines(keepends=True)
    for at, found in enumerate(lines):
        if cell_options.LINE.match(found.strip()):
            return "".join([*lines[:at], f"{written}\n", *lines[at + 1 :]])
        if found.strip() and not found.startswith("%%"):
            break
    return f"{written}\n{source}"


# -- nbflow in the kernel -------------------------------------------------------------------------
def to_load(steps: Mapping[str, Step]) -> str:
    """Give the expression that has nbflow ready before the first cell; empty: none needs it.

    A notebook that loads the extension itself, before it needs it, is only checked: else IPython
    would say in that cell that it had been loaded.
    """
    for step in steps.values():
        if step.needs_nbflow:
            return "get_ipython().extension_manager.load_extension('nbflow')"
        if _LOADS.search(step.source) and any(s.needs_nbflow for s in steps.values()):
            return "__import__('nbflow').load_ipython_extension and None"
    return ""
