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


#: what only a call, or an option that asks for it, loads
LATER = (
    "nbflow.engine.run",
    "nbflow.futures",
    "nbflow.context",
    "nbflow.connect",
    "nbflow.logging",
    "nbflow.results",
    "nbflow.serializers",
    "nbflow.cache_policies",
    "nbflow.model.diagrams",
    "nbflow.model.schedules",
)


def test_decorating_functions_loads_little_of_nbflow():
    code = f"""
import sys
from nbflow import flow, task
@task(retries=2, tags=["a"], log_prints=True)
def one(x: int) -> int: ...
@flow(name="all", flow_run_name="all-{{n}}")
def every(n: int): ...
print([m for m in {LATER!r} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_flow_without_tasks_loads_no_schedules_and_no_other_databases(home):
    code = """
import sys
from nbflow import flow
@flow
def empty(): ...
empty()
names = ("pydantic", "alembic", "httpx", "nbflow.model.cron", "nbflow.model.rrules",
         "sqlalchemy.dialects.postgresql")
print([m for m in names if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
