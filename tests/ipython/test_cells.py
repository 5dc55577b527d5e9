"""`%%task` and `%%flow` in a real kernel: a cell like any other, and its run is recorded."""

from __future__ import annotations

import re
from typing import Any

import pytest

HTML, TEXT = "text/html", "text/plain"
RUN = "application/vnd.nbflow.run.v1+json"


# -- the body ---------------------------------------------------------------------------------
def test_a_task_leaves_its_names_and_shows_its_last_expression(kernel: Any, records: Any) -> None:
    reply = kernel.run("%%task clean --tags daily,raw\nrows = [3, 1, 2]\nsorted(rows)")
    assert reply.results == ["[1, 2, 3]"]
    assert kernel.value("rows") == "[3, 1, 2]"
    assert kernel.run("_").results == ["[1, 2, 3]"]
    run = records.task_run("clean")
    assert (run.kind, run.key, run.state.name) == ("cell", "clean", "Completed")
    assert run.tags == ("daily", "raw")


def test_a_comment_on_line_one_is_the_magic(kernel: Any, records: Any) -> None:
    reply = kernel.run("# nbflow: task commented --tags c\nseven = 7\nseven")
    assert reply.results == ["7"]
    assert records.task_run("commented").tags == ("c",)


def test_a_body_may_await(kernel: Any, records: Any) -> None:
    reply = kernel.run(
        "%%task awaiting\nimport asyncio\nawait asyncio.sleep(0)\nasync def numbers():\n"
        "    yield 1\n    yield 2\nawaited = [n async for n in numbers()]\nawaited"
    )
    assert reply.results == ["[1, 2]"]
    assert kernel.value("awaited") == "[1, 2]"
    assert records.task_run("awaiting").state.name == "Completed"


def test_a_comment_cell_may_await(kernel: Any) -> None:
    code = "# nbflow: task awaiting_comment\nimport asyncio\nawait asyncio.sleep(0, 'slept')"
    assert kernel.run(code).results == ["'slept'"]


def test_a_semicolon_silences_the_last_expression(kernel: Any) -> None:
    assert kernel.run("%%task silent\n1 + 1;").results == []
    assert kernel.run("%%task silent_too\nimport asyncio\nawait asyncio.sleep(0, 1);").results == []


def test_a_body_has_shell_commands_and_line_magics(kernel: Any) -> None:
    reply = kernel.run("%%task shell\nfiles = !echo one\n!echo two\n%who_ls list\nfiles")
    assert "two" in reply.text()
    assert reply.results == ["['one']"]


def test_outputs_come_in_order(kernel: Any) -> None:
    reply = kernel.run(
        "%%task ordered\nfrom IPython.display import display\nprint('a')\ndisplay('b')\n"
        "print('c')\n'd'"
    )
    kinds = [message["msg_type"] for message in reply.messages]
    assert kinds[2:-1] == ["stream", "display_data", "stream", "execute_result", "display_data"]


@pytest.mark.parametrize("line", ["%%task timed_outside", "# nbflow: task timed_comment"])
def test_time_around_a_task(kernel: Any, records: Any, line: str) -> None:
    reply = kernel.run(f"%%time\n{line}\nt1 = 1\nt1")
    assert reply.results == ["1"]
    assert "Wall time" in reply.text()
    assert records.task_run(line.split()[-1]).state.name == "Completed"


def test_time_inside_a_task(kernel: Any, records: Any) -> None:
    reply = kernel.run("%%task timed_inside\n%%time\nt2 = 2\nt2")
    assert reply.results == ["2"]
    assert "Wall time" in reply.text()
    assert kernel.value("t2") == "2"
    assert records.task_run("timed_inside").state.name == "Completed"


def test_capture_around_a_task(kernel: Any) -> None:
    reply = kernel.run("%%capture caught\n%%task captured\nprint('hidden')")
    assert reply.text() == ""
    assert reply.displays == []
    assert kernel.value("caught.stdout") == "'hidden\\n'"


def test_capture_inside_a_task(kernel: Any) -> None:
    reply = kernel.run("%%task capturing\n%%capture caught2\nprint('hidden too')")
    assert reply.text() == ""
    assert kernel.value("caught2.stdout") == "'hidden too\\n'"


@pytest.mark.parametrize(
    ("name", "magics"),
    [
        ("swallowed", "%%capture caught\n%%task swallowed"),
        ("swallowing", "%%task swallowing\n%%capture caught"),
    ],
)
def test_capture_does_not_hide_that_a_task_failed(
    kernel: Any, records: Any, name: str, magics: str
) -> None:
    assert kernel.run_all(f"{magics}\nraise LookupError('lost')", "1") == ["error", "aborted"]
    assert records.task_run(name).state.message == "LookupError: lost"
    assert len(kernel.run(f"{magics}\nraise LookupError('lost')").errors) == 1


def test_what_ipython_displays_can_be_set(kernel: Any) -> None:
    config = "get_ipython().ast_node_interactivity = {!r}"
    try:
        kernel.run(config.format("all"))
        assert kernel.run("%%task every\n1\n2").results == ["1", "2"]
        kernel.run(config.format("last_expr_or_assign"))
        assert kernel.run("%%task assigned\nkept = 5").results == ["5"]
        kernel.run(config.format("none"))
        assert kernel.run("%%task nothing\n6").results == []
    finally:
        kernel.run(config.format("last_expr"))


def test_a_future_import_lasts_as_in_any_cell(kernel: Any) -> None:
    kernel.run("%%task future\nfrom __future__ import annotations")
    assert kernel.run("def f(x: Undefined): ...\nf.__annotations__").results == [
        "{'x': 'Undefined'}"
    ]


def test_names_and_options_are_taken_as_they_are_written(kernel: Any, records: Any) -> None:
    kernel.run("x = 'expanded'")
    kernel.run("%%task t-{x}-$x --tags {x}\n1")
    assert records.task_run("t-{x}-$x").tags == ("{x}",)


def test_a_cell_without_a_name_is_called_by_its_first_words(kernel: Any, records: Any) -> None:
    kernel.run("%%task\n# Count the rows of a/b\ncounted = 1")
    assert records.task_run("Count the rows of a/b").key == "Count the rows of a/b"


def test_running_a_cell_again_runs_it_again(kernel: Any, records: Any) -> None:
    kernel.run("calls = 0")
    for _ in range(2):
        assert kernel.run("%%task again\ncalls += 1").ok
    assert kernel.value("calls") == "2"
    assert len(records.task_runs("again", count=2)) == 2


def test_a_name_may_be_defined_anew(kernel: Any, records: Any) -> None:
    kernel.run("%%task defined\ndef f():\n    return 'old'\nf()")
    assert kernel.run("%%task defined\ndef f():\n    return 'new'\nf()").results == ["'new'"]
    assert len(records.task_runs("defined", count=2)) == 2


# -- failure ----------------------------------------------------------------------------------
def test_a_failing_task_stops_run_all(kernel: Any, records: Any) -> None:
    statuses = kernel.run_all("1", "%%task stops\n1 / 0", "never = 1")
    assert statuses == ["ok", "error", "aborted"]
    assert kernel.value("'never' in globals()") == "False"
    run = records.task_run("stops")
    assert (run.state.name, run.state.message) == ("Failed", "ZeroDivisionError: division by zero")


def test_a_failing_await_stops_run_all(kernel: Any, records: Any) -> None:
    cell = "%%task stops_too\nimport asyncio\nawait asyncio.sleep(0)\n1 / 0"
    assert kernel.run_all(cell, "never = 1") == ["error", "aborted"]
    assert records.task_run("stops_too").state.is_failed()


@pytest.mark.parametrize("before", ["", "import asyncio; await asyncio.sleep(0)\n"])
def test_there_is_one_traceback_and_it_is_the_users(kernel: Any, before: str) -> None:
    reply = kernel.run(f"%%task traced\n{before}def broken(x):\n    return 1 / x\nbroken(0)\n")
    (trace,) = reply.errors
    assert re.findall(r"^(Cell|File)", trace, re.MULTILINE) == ["Cell"] * 3
    line = 5 if before else 4
    assert f"----> {line} broken(0)" in trace
    assert f"----> {line - 1}     return 1 / x" in trace
    assert "nbflow" not in trace
    assert reply.text("stderr") == ""


def test_frames_of_nbflow_are_not_shown(kernel: Any) -> None:
    code = "from nbflow import task\n@task\ndef broken():\n    1 / 0\nbroken()"
    (trace,) = kernel.run(f"%%flow traced_flow\n{code}").errors
    assert "----> 5     1 / 0" in trace
    assert "nbflow/" not in trace


def test_an_error_keeps_its_cause(kernel: Any) -> None:
    body = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e"
    (trace,) = kernel.run(f"%%task chained\n{body}").errors
    assert "ZeroDivisionError" in trace
    assert "direct cause" in trace
    assert "KeyError: 'k'" in trace


@pytest.mark.parametrize("cell", ["%%task broken\nx = = 1", "# nbflow: task broken\nx = = 1"])
def test_a_syntax_error_is_shown_where_it_is_and_nothing_runs(kernel: Any, cell: str) -> None:
    reply = kernel.run(cell)
    (trace,) = reply.errors
    assert reply.content["ename"] == "SyntaxError"
    assert re.search(r"Cell In\[\d+\], line 2", trace)
    assert "nbflow" not in trace
    assert reply.displays == []


def test_an_error_may_be_caught_around_the_magic(kernel: Any) -> None:
    call = "get_ipython().run_cell_magic('task', 'caught', '1/0')"
    reply = kernel.run(f"try:\n    {call}\nexcept ZeroDivisionError:\n    print('caught')")
    assert reply.ok
    assert "caught" in reply.text()


@pytest.mark.parametrize("delay", ["", " --retry-delay 0.01", " --retry-delay 0.01,0.02"])
def test_a_task_is_tried_again(kernel: Any, records: Any, delay: str) -> None:
    name = f"tried{len(delay)}"
    kernel.run("tries = 0")
    reply = kernel.run(f"%%task {name} --retries 2{delay}\ntries += 1\nassert tries == 3\ntries")
    assert reply.results == ["3"]
    run = records.task_run(name)
    assert (run.state.name, run.attempt) == ("Completed", 3)
    states = [s for s in reply.text("stderr").splitlines() if "WARNING" in s]
    assert ["Attempt 1 of 3" in states[0], "Attempt 2 of 3" in states[1]] == [True, True]


def test_an_awaiting_task_is_tried_again(kernel: Any, records: Any) -> None:
    kernel.run("tries = 0\nimport asyncio")
    code = "%%task tried_async --retries 1\nawait asyncio.sleep(0)\ntries += 1\nassert tries == 2"
    assert kernel.run(code).ok
    assert records.task_run("tried_async").attempt == 2


# -- the line ---------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["task", "flow"])
def test_help_explains_and_runs_nothing(kernel: Any, kind: str) -> None:
    for body in ("", "ran = 1"):
        reply = kernel.run(f"%%{kind} --help\n{body}")
        assert reply.ok
        assert f"usage: %%{kind} [NAME]" in reply.text()
        assert "--retries N" in reply.text()
    assert kernel.value("'ran' in globals()") == "False"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%%task --cache values", "cache is 'values'; it must be none, or inputs and source."),
        ("%%task a b", "Unrecognized arguments: b."),
        ("%%task --retries 2 late", "Unrecognized arguments: late."),
        ("%%task a --retries two", "retries is 'two'; it must be 0 or more."),
        ("%%task a --retries -1", "retries is '-1'; it must be 0 or more."),
        ("%%task a --retries", "--retries needs a value: N."),
        ("%%task a --retry-delay 3", "--retry-delay does nothing without --retries."),
        ("%%task a --retries 1 --retry-delay nan", "must be seconds, 0 or more."),
        ("%%task a --tags x,x", "The tag 'x' is given twice."),
        ("%%task a/b", "The name 'a/b' contains '/'."),
        ("%%task a --ret 2", "There is no option --ret."),
        ("%%flow a --tags x", "--tags is not an option of a flow."),
        ("%%flow a --retry-delay 3", "--retry-delay does nothing without --retries."),
        ("# nbflow: task a --foo", "There is no option --foo."),
    ],
)
def test_a_wrong_line_is_an_error_in_one_line_and_nothing_runs(
    kernel: Any, line: str, said: str
) -> None:
    kernel.run("ran = False")
    reply = kernel.run(f"{line}\nran = True")
    (trace,) = reply.errors
    assert reply.content["ename"] == "MagicError"
    assert said in trace
    assert "\n" not in trace
    assert kernel.value("ran") == "False"


@pytest.mark.parametrize("cell", ["%%task empty", "%%flow empty\n", "# nbflow: task empty\n\n  "])
def test_an_empty_body_is_an_error(kernel: Any, cell: str) -> None:
    (trace,) = kernel.run(cell).errors
    assert trace.endswith("The cell has no code.")
    assert "\n" not in trace


# -- flows and tasks --------------------------------------------------------------------------
def test_tasks_called_in_a_flow_are_its_task_runs(kernel: Any, records: Any) -> None:
    reply = kernel.run(
        "%%flow totals\nfrom nbflow import task\n@task\ndef double(n):\n    return 2 * n\n"
        "total = sum([double(1), double.submit(2).result()])\ntotal"
    )
    assert reply.results == ["6"]
    run = records.flow_run("totals")
    assert (run.kind, run.state.name, run.parent_flow_run_id) == ("flow", "Completed", None)
    names = [task.name for task in records.orchestrator.list_task_runs(run.id)]
    assert names == ["double-0", "double-1"]
    text = reply.displays[-1][TEXT]
    assert text.splitlines()[0].startswith(f"✓ Completed · totals ({run.name}) · ")
    assert [line.split(" · ")[1] for line in text.splitlines()[1:]] == names


def test_a_flow_may_await(kernel: Any, records: Any) -> None:
    kernel.run("import asyncio\nfrom nbflow import task")
    wait = "@task\nasync def wait(n):\n    await asyncio.sleep(0)\n    return n"
    assert kernel.run(f"%%flow awaited_flow\n{wait}\nawait wait(4)").results == ["4"]
    run = records.flow_run("awaited_flow")
    assert records.task_run("wait-0", of=run).state.name == "Completed"


def test_a_failing_flow_fails_the_cell(kernel: Any, records: Any) -> None:
    assert kernel.run_all("%%flow fails\nraise ValueError('no')", "1") == ["error", "aborted"]
    assert records.flow_run("fails").state.message == "ValueError: no"


def test_a_flow_is_tried_again(kernel: Any, records: Any) -> None:
    kernel.run("tries = 0")
    assert kernel.run("%%flow tried_flow --retries 1\ntries += 1\nassert tries == 2").ok
    assert records.flow_run("tried_flow").attempt == 2


def test_a_flow_caches_and_undoes_as_any_other(kernel: Any, records: Any) -> None:
    kernel.run(
        "from nbflow import task, transaction\nfrom nbflow.cache_policies import INPUTS\n"
        "@task(cache_policy=INPUTS)\ndef kept(n):\n    return n\n"
        "@task(on_rollback=[lambda txn: None])\ndef undone():\n    pass"
    )
    assert kernel.run("%%flow caching\nkept(1)\nkept(1)").ok
    run = records.flow_run("caching")
    assert records.task_run("kept-1", of=run).state.name == "Cached"
    failing = "%%flow undoing\nwith transaction():\n    undone()\n    raise ValueError('no')"
    assert kernel.run_all(failing) == ["error"]
    undone = records.task_run("undone-0", of=records.flow_run("undoing"))
    assert undone.state.name == "RolledBack"


def test_a_task_cell_in_a_flow_belongs_to_the_flow(kernel: Any, records: Any) -> None:
    reply = kernel.run("%%flow outer\n%%task inner\ninside = 8\ninside")
    assert reply.results == ["8"]
    run = records.flow_run("outer")
    assert records.task_run("inner", of=run).kind == "cell"
    assert len(reply.displays) == 1


def test_a_task_called_in_a_cell_joins_the_session(kernel: Any, records: Any) -> None:
    code = "from nbflow import task\n@task\ndef alone():\n    return 1\nalone()"
    assert kernel.run(code).results == ["1"]
    assert records.task_run("alone-0").flow_run_id == records.session.id


def test_a_flow_called_in_a_cell_is_a_root_run(kernel: Any, records: Any) -> None:
    code = "from nbflow import flow\n@flow\ndef rooted():\n    return alone()\nrooted()"
    kernel.run("from nbflow import task\n@task\ndef alone():\n    return 1")
    assert kernel.run(code).results == ["1"]
    run = records.flow_run("rooted")
    assert run.parent_flow_run_id is None
    assert records.task_run("alone-0", of=run)


def test_a_failing_flow_function_shows_one_traceback(kernel: Any) -> None:
    reply = kernel.run("from nbflow import flow\n@flow\ndef failing():\n    1 / 0\nfailing()")
    assert len(reply.errors) == 1
    assert "Traceback" not in reply.text("stderr")
    assert "ZeroDivisionError" in reply.text("stderr")


def test_the_front_ends_cell_id_is_kept(kernel: Any, records: Any) -> None:
    content = {"code": "%%task\nidentified = 1", "silent": False, "store_history": True}
    message = kernel.client.session.msg("execute_request", content, metadata={"cellId": "abc-1"})
    kernel.client.shell_channel.send(message)
    kernel.client.get_shell_msg(timeout=60)
    run = records.task_run("identified = 1")
    assert (run.key, run.cell_id) == ("abc-1", "abc-1")


# -- display ----------------------------------------------------------------------------------
def test_a_completed_task_is_one_line(kernel: Any, records: Any) -> None:
    (shown,) = kernel.run("%%task one_line\npass").displays
    assert set(shown) == {RUN, HTML, TEXT}
    assert re.fullmatch(r"✓ Completed · one_line · \d+ ms", shown[TEXT])
    assert shown[RUN]["run"]["id"] == records.task_run("one_line").id
    assert "<script" not in shown[HTML]
    assert "one_line" in shown[HTML]


def test_a_failed_task_says_why(kernel: Any) -> None:
    (shown,) = kernel.run("%%task says_why\nraise ValueError('<b>bold</b>')").displays
    assert shown[TEXT].endswith("ValueError: <b>bold</b>")
    assert "&lt;b&gt;bold" in shown[HTML]


# -- the other magic --------------------------------------------------------------------------
def test_the_command_line_is_in_the_notebook(kernel: Any) -> None:
    reply = kernel.run("%nbflow version")
    assert reply.ok
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", reply.text())


def test_a_command_that_fails_is_an_error(kernel: Any) -> None:
    reply = kernel.run("%nbflow flow-run inspect nothing-of-that-name")
    assert reply.content["ename"] == "CommandFailed"
    assert reply.errors[0].startswith("%nbflow flow-run inspect: ")
    assert "nothing-of-that-name" in reply.errors[0]
    assert "\n" not in reply.errors[0]
    assert reply.text("stderr") == ""


def test_open_quotes_are_an_error(kernel: Any) -> None:
    assert "No closing quotation." in kernel.run("%nbflow flow-run inspect 'x").errors[0]


# -- loading ----------------------------------------------------------------------------------
def test_loading_again_changes_nothing(kernel: Any, records: Any) -> None:
    assert kernel.run("%reload_ext nbflow\n%reload_ext nbflow").ok
    assert kernel.run("import nbflow\nnbflow.load_ipython_extension(get_ipython())").ok
    reply = kernel.run("%%task reloaded --retries 1\nloads = 1\nloads")
    assert reply.results == ["1"]
    assert len(reply.displays) == 1
    assert records.task_run("reloaded").attempt == 1
    ours = "[t for t in get_ipython().input_transformers_cleanup if 'nbflow' in t.__module__]"
    count = f"len({ours})"
    assert kernel.value(count) == "1"


def test_unloading_takes_everything_out(kernel: Any) -> None:
    before = "len(get_ipython().input_transformers_cleanup)"
    count = int(kernel.value(before))
    try:
        assert kernel.run("%unload_ext nbflow").ok
        assert int(kernel.value(before)) == count - 1
        for cell in ("%%task x\n1", "%%flow x\n1", "%nbflow version"):
            assert "not found" in kernel.run(cell).text("stderr")
        assert kernel.run("# nbflow: task x\n2").results == ["2"]
    finally:
        assert kernel.run("%load_ext nbflow").ok
    assert kernel.run("%%task back\n3").results == ["3"]


def test_loading_says_nothing_and_adds_no_names(kernel: Any) -> None:
    kernel.run("names = set(globals())")
    reply = kernel.run("%reload_ext nbflow")
    assert reply.displays == []
    assert reply.text() == ""
    assert kernel.value("sorted(n for n in set(globals()) - names if not n.startswith('_'))") == (
        "['names']"
    )
