"""`%%flow NAME` in a real kernel: its parameters, `--params`, and NAME called with others."""

from __future__ import annotations

from typing import Any

import pytest

DEFINED = """
import datetime
from nbflow import task
limit: int = 3
day = "2024-05-01"
start: datetime.date = "2024-05-01"
extra = limit + 1
rows = [1, 2]
rows.append(3)
"""
BODY = "@task\ndef double(n):\n    return 2 * n\ntotal = double(limit)\nday, start, total + extra"


@pytest.fixture(autouse=True)
def _defined(kernel: Any) -> None:
    assert kernel.run(DEFINED).ok


def test_names_bound_to_a_literal_are_the_parameters(kernel: Any, records: Any) -> None:
    assert kernel.run(f"%%flow report\n{BODY}\nrows").ok
    schema = "{n: p.get('default') for n, p in report.parameters['properties'].items()}"
    assert kernel.value(schema) == "{'day': '2024-05-01', 'limit': 3, 'start': '2024-05-01'}"
    assert kernel.value("str(report.signature).partition('start')[0]") == (
        "\"(*, day: str = '2024-05-01', limit: int = 3, \""
    )
    assert records.flow_run("report").parameters == {
        "day": "2024-05-01", "limit": 3, "start": "2024-05-01",
    }  # fmt: skip


def test_a_call_runs_it_with_others_and_changes_nothing(kernel: Any, records: Any) -> None:
    kernel.run(f"%%flow called\n{BODY}")
    reply = kernel.run("called(limit=10, day='x')[::2], limit, total")
    assert reply.results == ["(('x', 24), 3, 6)"]
    run = records.flow_run("called")
    assert (run.parameters["limit"], run.parameters["day"]) == (10, "x")
    assert records.task_run("double-0", of=run).state.is_completed()


def test_what_is_no_parameter_is_read_when_it_is_called(kernel: Any) -> None:
    kernel.run("%%flow reading\nextra, limit")
    kernel.run("extra = 100")
    assert kernel.run("reading(limit=1)").results == ["(100, 1)"]


def test_an_argument_is_coerced_as_that_of_any_flow(kernel: Any) -> None:
    kernel.run("%%flow coerced\nlimit, start")
    assert kernel.run("coerced(limit='7', start='2025-01-02')").results == [
        "(7, datetime.date(2025, 1, 2))"
    ]
    assert kernel.run("coerced(limit='many')").content["ename"] == "ParameterTypeError"
    assert kernel.run("coerced(lmit=1)").content["ename"] == "ParameterBindError"


def test_params_on_the_line_count_for_this_run(kernel: Any, records: Any) -> None:
    line = "%%flow given --params limit=40 day='two words' start=2025-02-03 --retries 1"
    reply = kernel.run(f"{line}\n{BODY}")
    assert reply.results == ["('two words', datetime.date(2025, 2, 3), 84)"]
    assert kernel.run("limit, day, total").results == ["(3, '2024-05-01', 80)"]
    assert records.flow_run("given").parameters["limit"] == 40


def test_what_the_body_binds_anew_stays(kernel: Any) -> None:
    kernel.run("%%flow rebinding --params limit=40\nlimit = limit + 1")
    assert kernel.value("limit") == "41"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--params limit=x", "Parameter 'limit' takes a whole number, not 'x'."),
        ("--params limt=1", "the flow has no parameter 'limt'. Did you mean 'limit'?"),
        ("--params extra=1", "the flow has no parameter 'extra'."),
        ("--params limit", "'limit' is not NAME=VALUE."),
        ("--task-runner nowhere", "There is no task runner 'nowhere'."),
        ("--timeout soon", "timeout is 'soon'"),
    ],
)
def test_a_wrong_line_is_told_and_nothing_runs(kernel: Any, line: str, said: str) -> None:
    reply = kernel.run(f"%%flow wrong {line}\nran = limit, extra")
    assert reply.content["ename"] == "MagicError"
    assert said in reply.errors[0]
    assert kernel.value("'ran' in globals() or 'wrong' in globals()") == "False"


def test_a_flow_of_a_cell_may_await(kernel: Any) -> None:
    kernel.run("%%flow awaiting\nimport asyncio\nawait asyncio.sleep(0, limit)")
    assert kernel.run("await awaiting(limit=8)").results == ["8"]


def test_shell_commands_and_magics_see_the_copy(kernel: Any) -> None:
    kernel.run("%%flow shell\nfiles = !echo {day}\n%time limit\nfiles")
    assert kernel.run("shell(day='other'), files").results == ["(['other'], ['2024-05-01'])"]


def test_a_time_limit_ends_it(kernel: Any, records: Any) -> None:
    reply = kernel.run("%%flow slow --timeout 300ms\nimport time\ntime.sleep(60)")
    assert "300ms" in reply.errors[0]
    reply = kernel.run("%%flow slow --timeout 0.3s\nimport time\ntime.sleep(60)")
    assert reply.content["ename"] == "TimedOutRun"
    assert records.flow_run("slow").state.name == "TimedOut"


@pytest.mark.parametrize("runner", ["threads", "sequential"])
def test_its_tasks_are_submitted_where_it_says(kernel: Any, runner: str) -> None:
    code = (
        f"%%flow submitted --task-runner {runner}\nimport threading\n@task\ndef where():\n"
        "    return threading.current_thread() is threading.main_thread()\n"
        "where.submit().result()"
    )
    assert kernel.run(code).results == [str(runner == "sequential")]


def test_a_delay_before_a_retry_is_kept(kernel: Any, records: Any) -> None:
    kernel.run("tries = 0")
    code = "%%flow delayed --retries 2 --retry-delay 0.01,0.02\ntries += 1\nassert tries == 3"
    assert kernel.run(code).ok
    assert records.flow_run("delayed").attempt == 3


def test_a_name_that_was_data_is_told(kernel: Any) -> None:
    reply = kernel.run("%%flow rows\nlimit")
    assert reply.text("stderr") == "nbflow: rows was a list; now it is the flow.\n"
    assert kernel.run("%%flow rows\nlimit").text("stderr") == ""


def test_a_name_that_is_no_variables_binds_nothing(kernel: Any) -> None:
    assert kernel.run("%%flow daily report-1\nlimit").content["ename"] == "MagicError"
    assert kernel.run("%%flow daily-report\nlimit").results == ["3"]
    assert kernel.run("%%flow class\nlimit").results == ["3"]
