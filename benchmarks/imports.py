"""CPU that importing nbflow costs beyond bare Python."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import measure


def rows() -> Iterator[tuple[str, str]]:
    """Measure; give labels and figures."""
    bare = measure.python("pass").cpu
    yield "bare Python", f"{bare * 1e3:.0f} ms"
    for code in (
        "import nbflow",
        "from nbflow import flow, task",
        "import sqlalchemy",
        "import papermill",
    ):
        yield f"{code}", f"+{(measure.python(code).cpu - bare) * 1e3:.0f} ms"
