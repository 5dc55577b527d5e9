"""Worker processes: what starts in them, what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from nbflow import flow, get_run_logger, quote, task
from nbflow.exceptions import CrashedRun, InvalidInput
from nbflow.logging import handlers
from nbflow.task_runners import ProcessPoolTaskRunner

pytestmark = pytest.mark.usefixtures("home")


@task
def pid():
    return os.getpid()


def test_processes_are_used_again_and_end_with_the_flow():
    @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
    def around():
        return quote({future.result() for future in [pid.submit() for _ in range(20)]})

    pids = around()
    assert 1 <= len(pids) <= 2
    assert not any(psutil.pid_exists(one) for one in pids)


def test_nothing_is_started_for_a_flow_that_submits_nothing():
    before = len(psutil.Process().children(recursive=True))

    @flow(task_runner=ProcessPoolTaskRunner)
    def around():
        pid()
        return len(psutil.Process().children(recursive=True))

    assert around() == before


def test_an_initializer_is_called_once_in_each_process():
    def begin(word):
        os.environ["BEGUN"] = os.environ.get("BEGUN", "") + word

    @task
    def begun():
        return os.environ["BEGUN"]

    @flow(task_runner=ProcessPoolTaskRunner(2, initializer=begin, initargs=("x",)))
    def around():
        return quote([future.result() for future in [begun.submit() for _ in range(10)]])

    assert around() == ["x"] * 10


def test_an_initializer_that_raises_crashes_the_tasks_and_says_so():
    def begin():
        raise RuntimeError("no licence")

    @flow(task_runner=ProcessPoolTaskRunner(1, initializer=begin))
    def around():
        with pytest.raises(CrashedRun, match="The initializer raised RuntimeError: no licence"):
            pid.submit().result()

    around()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_processes_is_refused(wrong):
    with pytest.raises(InvalidInput, match="max_workers"):
        ProcessPoolTaskRunner(wrong)


def test_a_runner_of_ones_own_is_closed_by_with():
    with ProcessPoolTaskRunner(1) as runner:
        assert runner.close()


def test_a_process_killed_while_it_has_nothing_to_do_is_replaced(wait_for):
    @flow(task_runner=ProcessPoolTaskRunner(1))
    def around():
        first = pid.submit().result()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: os.waitid(os.P_PID, first, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        return first, pid.submit().result()

    first, second = around()
    assert first != second


def test_exit_in_a_task_is_said(orchestrator):
    @task
    def leaves(how):
        (sys.exit if how else os._exit)(3)

    @flow(task_runner=ProcessPoolTaskRunner(1))
    def around():
        with pytest.raises(CrashedRun, match=r"sys.exit\(3\) was called"):
            leaves.submit(True).result()
        with pytest.raises(CrashedRun, match="ended itself with exit code 3"):
            leaves.submit(False).result()

    around()


@pytest.mark.parametrize("executed", [True, False])
def test_a_line_is_echoed_unless_the_notebook_shows_it_anyway(monkeypatch, capfd, executed):
    monkeypatch.setattr(handlers, "of_executed_notebook", executed)

    @task
    def talk():
        get_run_logger().info("from the worker")

    @flow(task_runner=ProcessPoolTaskRunner(1))
    def around():
        talk.submit().wait()

    around()
    assert ("from the worker" in capfd.readouterr().err) != executed


def test_processes_end_with_a_parent_that_is_killed(tmp_path, wait_for, home):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from nbflow import flow, task
            from nbflow.task_runners import ProcessPoolTaskRunner

            @task
            def long(path):
                open(path, "w").write(str(os.getpid()))
                time.sleep(60)

            @flow(task_runner=ProcessPoolTaskRunner(1))
            def around():
                long.submit(sys.argv[1]).wait()

            around()
            """
        )
    )
    said = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, str(script), str(said)])
    worker = int(wait_for(lambda: said.exists() and said.read_text(), seconds=60))
    parent.kill()
    parent.wait()
    wait_for(
        lambda: (
            not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
        ),
        what="the end of the worker",
    )


def test_functions_of_a_script_and_of_its_modules_work(tmp_path, home):
    (tmp_path / "beside.py").write_text(
        textwrap.dedent(
            """
            import threading
            from nbflow import task

            lock = threading.Lock()  # what uses it travels by name

            @task
            def guarded(x):
                with lock:
                    return x + 1
            """
        )
    )
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import beside
            from dataclasses import dataclass
            from nbflow import flow, task
            from nbflow.task_runners import ProcessPoolTaskRunner

            class Wrong(Exception):
                pass

            @dataclass
            class Pair:
                one: int
                two: int

            @task
            def swap(pair):
                if pair.one < 0:
                    raise Wrong(pair.one)
                return Pair(pair.two, pair.one)

            @flow(task_runner=ProcessPoolTaskRunner(1))
            def around():
                assert swap.submit(Pair(1, 2)).result() == Pair(2, 1)
                try:
                    swap.submit(Pair(-1, 2)).result()
                except Wrong as error:
                    assert error.args == (-1,)
                return beside.guarded.with_options(name="other").submit(1).result()

            print(around())
            """
        )
    )
    out = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert out.stdout.strip() == "2", out.stderr
