"""One traceback, and it speaks of the user's code."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import traceback

import pytest

from nbflow import flow, task


def test_a_traceback_leads_from_the_call_to_the_line_that_raised(orchestrator):
    @task
    def divide(x):
        return 1 / x

    @flow
    def report():
        return divide(0)

    with pytest.raises(ZeroDivisionError) as caught:
        report()
    frames = traceback.extract_tb(caught.value.__traceback__)
    mine = [frame.name for frame in frames if frame.filename == __file__]
    assert mine[1:] == ["report", "divide"]
    assert caught.value.__cause__ is None
    hidden = [t for t in caught.traceback if "/nbflow/" in str(t.path) and not t.ishidden(None)]
    assert hidden == []


def test_the_log_keeps_the_traceback_and_the_console_only_its_line(orchestrator, home):
    script = """
        from nbflow import flow, task

        @task
        def divide(x):
            return 1 / x

        @flow
        def report():
            return divide.submit(0)

        report()
    """
    script = textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    (run,) = orchestrator.list_flow_runs().rows
    of_task, of_flow = orchestrator.list_logs(run.id).rows
    assert "in divide" in of_task.message
    assert "nbflow/engine" not in of_task.message + of_flow.message
