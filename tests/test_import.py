"""Importing nbflow pulls in nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "tornado",
    "sqlalchemy",
    "pydantic",
    "IPython",
    "papermill",
    "nbformat",
    "httpx",
    "asyncio",
)


@pytest.mark.parametrize(
    "statement",
    [
        "import nbflow",
        "from nbflow import flow, task, tags, runtime, settings, State, get_run_logger",
        "import nbflow.artifacts, nbflow.futures, nbflow.task_runners, nbflow.testing",
    ],
)
def test_importing_pulls_in_nothing_heavy(statement):
    code = f"import sys; {statement}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    import nbflow

    for name in nbflow.__all__:
        assert getattr(nbflow, name) is not None
