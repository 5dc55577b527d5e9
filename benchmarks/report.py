"""A table of figures: how it is printed, and how it stands in `docs/benchmarks.md`."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Table:
    """What one benchmark found: a title, sentences on how it was measured, columns and rows."""

    title: str
    notes: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Give the table as plain text."""
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)
        return "\n".join([self.title, *(f"  {line.rstrip()}" for line in shown)])

    def markdown(self) -> str:
        """Give the table as a section of the report."""
        head = ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        body = ["| " + " | ".join(row) + " |" for row in self.rows]
        measured = f"*{datetime.now(UTC):%Y-%m-%d}*"
        return "\n".join([f"## {self.title}", "", *self.notes, measured, "", *head, *body, ""])


def verdict(value: float, budget: float) -> str:
    """Say whether a figure is within its budget."""
    return "holds" if value <= budget else "**falls short**"


def at_least(value: float, budget: float) -> str:
    """Say whether a ratio reaches its budget."""
    return "holds" if value >= budget else "**falls short**"


def write(tables: Iterable[Table], versions: str) -> None:
    """Write the report; sections that were not measured now stay as they were, with their date."""
    sections = _sections()
    for table in tables:
        sections[table.title] = table.markdown()
    head = f"""# Benchmarks

Written by `make bench`; Python {platform.python_version()}, {os.cpu_count()} processors,
{platform.system()}. Peers: {versions}

nbflow and its peers run in turn, in one invocation of a benchmark, each in fresh processes with a
home folder of its own; figures are medians. CPU is that of the whole process tree, unless said
otherwise. Compare figures of one section only, and ratios rather than figures.
"""
    REPORT.write_text("\n".join([head, *sections.values()]), encoding="utf-8")
    print(f"Written: {REPORT.relative_to(Path.cwd())}", file=sys.stderr)


def _sections() -> dict[str, str]:
    """Read the report's sections by title."""
    if not REPORT.exists():
        return {}
    _head, *found = re.split(r"^## ", REPORT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {text.partition("\n")[0]: f"## {text.rstrip()}\n" for text in found}
