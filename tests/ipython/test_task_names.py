"""`NAME` after `%%task NAME`: a Task that runs the cell with other inputs and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_call_gives_the_one_output_and_changes_nothing(kernel: Any, records: Any) -> None:
    kernel.run("rows, unit = [3, 1, 2], 'km'\ndef shown(n):\n    return f'{n} {unit}'")
    kernel.run("%%task top\nlongest = max(rows)\nlabel = shown(longest)\nlabel")
    assert kernel.run("top").results == ["<Task 'top'(rows) -> longest, label>"]
    assert kernel.run("top(rows=[7, 5])").results == ["top(longest=7, label='7 km')"]
    assert kernel.run("top(rows=[7, 5]).label").results == ["'7 km'"]
    assert kernel.value("(longest, label, rows)") == "(3, '3 km', [3, 1, 2])"
    assert kernel.run("top.with_options(name='best', retries=1)().longest").results == ["3"]
    assert records.task_run("best-2").state.name == "Completed"


def test_submit_and_map(kernel: Any) -> None:
    kernel.run("base, n = [10], 1")
    kernel.run("%%task plus\nsum_ = base[0] + n")
    assert kernel.run("plus.submit(n=5).result()").results == ["15"]
    assert kernel.run("plus.map(n=[1, 2]).result()").results == ["[11, 12]"]
    assert kernel.run(
        "from nbflow import flow\n@flow\ndef f():\n    return plus(n=7)\nf()"
    ).results == ["17"]


def test_without_outputs_it_gives_the_last_expression(kernel: Any) -> None:
    kernel.run("word = 'a'")
    kernel.run("%%task upper\nword.upper()")
    assert kernel.run("upper(word='b')").results == ["'B'"]


def test_what_the_body_changes_is_a_copy(kernel: Any) -> None:
    kernel.run("grown = [1]")
    kernel.run("%%task grow\ngrown.append(len(grown))")
    assert kernel.value("grown") == "[1, 1]"
    assert kernel.run("grow()").results == ["[1, 1, 2]"]
    assert kernel.value("grown") == "[1, 1]"


def test_an_awaiting_cell_is_an_async_task(kernel: Any) -> None:
    kernel.run("pause = 0")
    kernel.run("%%task waited\nimport asyncio\ngot = await asyncio.sleep(pause, 'slept')")
    assert kernel.run("await waited(pause=0.001)").results == ["'slept'"]
    assert kernel.run("waited.submit().result()").results == ["'slept'"]


def test_shell_commands_and_magics_see_the_inputs_of_the_call(kernel: Any) -> None:
    kernel.run("who = 'me'")
    kernel.run("%%task greet\n%%time\nsaid = !echo hello {who}\ngreeting = list(said)")
    assert kernel.run("greet(who='you').greeting").results == ["['hello you']"]
    assert kernel.value("greeting") == "['hello me']"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("scaled(factr=2)", "The task scaled has no input 'factr'. Did you mean 'factor'?"),
        ("scaled.submit(z=2)", "The task scaled has no input 'z'. It has factor, number."),
        ("scaled.map(z=[2])", "The task scaled has no input 'z'."),
    ],
)
def test_an_unknown_input_is_refused_before_anything_runs(
    kernel: Any, call: str, said: str
) -> None:
    kernel.run("factor, number = 2, 3")
    kernel.run("%%task scaled\nproduct = factor * number")
    reply = kernel.run(call)
    assert reply.content["ename"] == "InvalidInput"
    assert said in reply.content["evalue"]


def test_a_missing_input_is_named(kernel: Any) -> None:
    kernel.run("there = 1")
    kernel.run("%%task needs\nneeded = there + 1")
    kernel.run("del there")
    assert "needs the input 'there'" in kernel.run("needs()").content["evalue"]
    assert kernel.run("needs(there=5)").results == ["6"]


def test_a_failing_call_shows_the_cells_line(kernel: Any) -> None:
    kernel.run("divisor = 1")
    kernel.run("%%task divided\nok = 1\nquotient = 1 / divisor")
    (trace,) = kernel.run("divided(divisor=0)").errors
    assert "----> 3 quotient = 1 / divisor" in trace
    assert "nbflow/" not in trace


def test_a_variable_is_not_replaced_and_it_is_said(kernel: Any) -> None:
    reply = kernel.run("%%task clean\nclean = [1]")
    assert reply.text("stderr") == (
        "nbflow: clean stays what it is, a list; rename the task to call it.\n"
    )
    assert kernel.value("clean") == "[1]"
    assert kernel.run("%%task anew\n1").text("stderr") == ""
    assert kernel.run("%%task anew\n2").text("stderr") == ""


def test_a_name_that_is_no_variables_defines_nothing(kernel: Any) -> None:
    assert kernel.run("%%task load-data\nx1 = 1").ok
    assert kernel.run("%%task class\nx1 = 1").ok
    assert kernel.run("%%task\nx1 = 1").text("stderr") == ""


_PROCESSES = """
from nbflow import flow
from nbflow.task_runners import ProcessPoolTaskRunner
@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def far():
    return {name}.submit(size=4).result()
far()
"""


def test_it_runs_in_another_process_or_says_why_not(kernel: Any) -> None:
    kernel.run(
        "import math, os\nsize, here = 2, os.getpid()\ndef root(n):\n    return math.sqrt(n)"
    )
    kernel.run("%%task rooted\nrooted_ = root(size)\naway = os.getpid() != here")
    assert kernel.run(_PROCESSES.format(name="rooted")).results == [
        "rooted(rooted_=2.0, away=True)"
    ]
    kernel.run("%%task shelled\nlines = !echo {size}")
    said = kernel.run(_PROCESSES.format(name="shelled")).content["evalue"]
    assert "uses IPython's own syntax" in said
