"""Blocks that start jobs elsewhere, as user code writes and uses them."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from nbflow.blocks import JobBlock, JobRun
from nbflow.orchestration.orchestrator import Orchestrator


class Calculation(JobRun):
    """A process that calculates."""

    def __init__(self, code: str) -> None:
        command = [sys.executable, "-c", f"print({code})"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.printed = ""

    def wait_for_completion(self) -> None:
        """Wait for the process."""
        self.printed, _ = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"it exited with code {self.process.returncode}")

    def fetch_result(self) -> int:
        """Give what it printed."""
        return int(self.printed)


class Calculator(JobBlock):
    """Calculates in another process."""

    code: str

    def trigger(self) -> Calculation:
        """Start the process."""
        return Calculation(self.code)


def test_a_job_is_triggered_waited_for_and_its_result_fetched(orchestrator: Orchestrator) -> None:
    Calculator(code="6 * 7").save("answer")
    (found,) = orchestrator.list_blocks(capability="trigger").rows
    assert found.label == "calculator/answer"
    run = Calculator.load("answer").trigger()
    run.wait_for_completion()
    assert run.fetch_result() == 42


def test_a_job_is_waited_for_inside_a_running_event_loop() -> None:
    async def ask() -> int:
        run = await Calculator(code="1 + 1").atrigger()
        await run.await_for_completion()
        return await run.afetch_result()

    assert asyncio.run(ask()) == 2
    failing = Calculator(code="1 / 0").trigger()
    with pytest.raises(RuntimeError, match="exited with code 1"):
        failing.wait_for_completion()


def test_there_are_no_jobs_of_the_interface_itself() -> None:
    with pytest.raises(TypeError, match="abstract"):
        JobBlock()  # pyright: ignore[reportAbstractUsage]
