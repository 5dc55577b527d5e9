"""What becomes of a line: kept, echoed, masked, never lost at exit, never a deadlock."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from nbflow import flow, get_run_logger, settings, task
from nbflow.exceptions import InvalidInput
from nbflow.logging import handlers
from nbflow.model import masking

LIBRARY = "a_library.deep"


def run(backend):
    return backend.list_flow_runs().rows[0]


def lines(backend):
    return [entry.message for entry in backend.list_logs(run(backend).id).rows]


@pytest.fixture
def extra():
    """Lines of a library are kept; afterwards its logger is as it was."""
    with settings.temporary(logging_extra_loggers=f" {LIBRARY} , other"):
        yield logging.getLogger(LIBRARY)
    handlers.set_up()
    assert logging.getLogger(LIBRARY).handlers == []


def test_lines_of_named_libraries_are_kept_while_a_run_is_around(orchestrator, extra):
    @flow
    def outer():
        extra.getChild("part").info("read %d rows", 3)
        logging.getLogger("a_library.else").warning("not asked for")

    outer()
    extra.info("outside")
    assert lines(orchestrator) == ["read 3 rows"]


def test_a_level_is_heeded_from_the_next_run_on(orchestrator):
    @flow
    def outer():
        get_run_logger().debug("fine")

    with settings.temporary(logging_level="debug"):
        outer()
        assert lines(orchestrator) == ["fine"]
    handlers.set_up()
    assert logging.getLogger("nbflow").level == logging.INFO


def test_a_level_that_is_none_is_refused_before_the_run_begins(orchestrator):
    @flow
    def outer():
        raise AssertionError

    with (
        settings.temporary(logging_level="LOUD"),
        pytest.raises(InvalidInput, match="no logging level 'LOUD'") as caught,
    ):
        outer()
    assert caught.value.field == "NBFLOW_LOGGING_LEVEL"
    assert orchestrator.list_flow_runs().rows == ()


def test_what_is_too_much_for_the_log_goes_to_a_file_and_is_said_once(orchestrator, home):
    @flow
    def outer():
        for number in range(10):
            get_run_logger().info("%d %s", number, "x" * 98)

    with settings.temporary(log_run_bytes=500):
        outer()
    handlers.set_up()
    kept = lines(orchestrator)
    path = home / "runs" / run(orchestrator).id / "1" / "log.txt"
    assert [line[0] for line in kept[:5]] == list("01234")
    assert kept[5:] == [f"This run has logged 500 bytes; what follows is only in {path}."]
    written = path.read_text().splitlines()
    assert [line.split(": ")[1][0] for line in written] == list("56789")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_is_masked_in_the_log_and_on_the_screen(orchestrator, capsys, monkeypatch):
    echoing = [handlers._recording, handlers._echo]
    monkeypatch.setattr(logging.getLogger("nbflow"), "handlers", echoing)
    monkeypatch.setattr(handlers, "_ours", echoing)
    monkeypatch.setattr(logging.getLogger("nbflow"), "propagate", False)

    @flow(log_prints=True)
    def outer():
        get_run_logger().info("the password is %s", "correct-horse")
        print("again: correct-horse")
        try:
            raise ValueError("correct-horse")
        except ValueError:
            get_run_logger().exception("failed with correct-horse")

    with masking.forgetting():
        masking.register_secret("correct-horse")
        outer()
    assert "horse" not in " ".join(lines(orchestrator))
    assert len(lines(orchestrator)) == 3
    echoed = capsys.readouterr().err
    assert "the password is ********" in echoed
    assert "horse" not in echoed.replace('"correct-horse"', "").replace("ValueError(", "")


def test_prints_are_lines_only_inside_the_run(orchestrator, capsys):
    @task
    def prints():
        print("a", 1, sep="-", end="; ")
        print("to a file", file=open(os.devnull, "w"))  # noqa: SIM115
        print("to the screen", file=sys.stderr, flush=True)

    @flow(log_prints=True)
    def outer():
        prints.submit().result()
        print()

    print("before")
    outer()
    print("after")
    assert lines(orchestrator) == ["a-1;", "to the screen", ""]
    assert capsys.readouterr().out.split() == ["before", "after"]


def test_what_print_refuses_is_refused_in_a_run_too(orchestrator):
    @flow(log_prints=True)
    def outer():
        print("a", sep=3)

    with pytest.raises(TypeError, match="sep must be None or a string"):
        outer()


def script(home, code, **environment):
    env = {**os.environ, "NBFLOW_HOME": str(home), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60
    )


def test_lines_are_echoed_in_order_also_to_a_pipe(home):
    code = """
from nbflow import flow, get_run_logger
@flow(flow_run_name="echoing")
def f():
    for n in range(500):
        get_run_logger().info("line %d", n)
    raise ValueError("at last")
f()
"""
    done = script(home, code)
    shown = [line for line in done.stderr.splitlines() if "| echoing - line" in line]
    assert [line.rpartition(" ")[2] for line in shown] == [str(n) for n in range(500)]
    assert done.stderr.index("line 499") < done.stderr.index("Traceback")
    assert done.stderr.count("Traceback") == 1


def test_lines_logged_while_the_interpreter_ends_arrive(orchestrator, home):
    code = """
import atexit, sys
from nbflow import flow, get_run_logger
@flow
def f():
    logger = get_run_logger()
    atexit.register(logger.info, "from atexit")
    logger.info("before the end")
    sys.exit(3)
f()
"""
    done = script(home, code)
    assert done.returncode == 3
    assert "from atexit" in done.stderr
    assert lines(orchestrator)[0] == "before the end"


def test_a_forked_child_logs_for_the_run(orchestrator, home):
    code = """
import multiprocessing, os
from nbflow import flow, get_run_logger
@flow
def f():
    logger = get_run_logger()
    logger.info("parent")
    child = multiprocessing.get_context("fork").Process(target=logger.info, args=("child",))
    child.start()
    child.join()
    harsh = os.fork()
    if not harsh:
        logger.info("harsh")
        os._exit(0)
    os.waitpid(harsh, 0)
    logger.info("parent again")
f()
"""
    done = script(home, code)
    assert done.returncode == 0, done.stderr
    assert lines(orchestrator) == ["parent", "child", "harsh", "parent again"]
    assert done.stderr.count("- parent\n") == 1


def test_logging_in_a_signal_handler_never_blocks(home):
    code = """
import signal, os
from nbflow import flow, get_run_logger
@flow
def f():
    logger = get_run_logger()
    count = []
    def heard(*_):
        logger.info("signalled")
        count.append(1)
    signal.signal(signal.SIGALRM, heard)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    while len(count) < 200:
        logger.info("working")
    signal.setitimer(signal.ITIMER_REAL, 0)
f()
print("done")
"""
    done = script(home, code)
    assert done.stdout == "done\n", done.stderr[-2000:]
    assert done.returncode == 0
