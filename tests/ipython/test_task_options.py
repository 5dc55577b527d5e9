"""What a `%%task` line asks for, in a real kernel: a cache, a condition, a time limit."""

from __future__ import annotations

from typing import Any

import pytest

HTML, TEXT = "text/html", "text/plain"


def note(reply: Any) -> str:
    """Give the last part of the view's line: why it was or was not cached."""
    return reply.displays[-1][TEXT].split(" · ")[-1]


# -- the cache --------------------------------------------------------------------------------
def test_a_hit_restores_outputs_displays_streams_and_the_last_expression(
    kernel: Any, records: Any
) -> None:
    kernel.run("rows, runs = [1, 2], 0")
    cell = (
        "%%task sums --cache inputs,source\nimport math\n"
        "from IPython.display import HTML, display\ndef half(x):\n    return x / 2\n"
        "print('adding')\n"
        "display(HTML('<b>sum</b>'))\n"
        "print('on the side', file=__import__('sys').stderr)\n"
        "total = sum(rows)\nhalves = [half(total)]\n{'total': total}"
    )
    first = kernel.run(cell)
    assert note(first) == "Not cached: this is the first call."
    kernel.run("for name in ('total', 'halves', 'half', 'math'):\n    del globals()[name]")
    again = kernel.run(cell)
    assert note(again).startswith("Cached: task run ")
    assert again.displays[-1][TEXT].startswith("✓ Cached · sums")
    assert (again.text(), again.text("stderr")) == ("adding\n", "on the side\n")
    assert again.displays[0] == first.displays[0]
    assert again.results == first.results == ["{'total': 3}"]
    assert kernel.value("(total, halves, half(4), math.pi > 3)") == "(3, [1.5], 2.0, True)"
    assert kernel.run("_").results == ["{'total': 3}"]
    states = [run.state.name for run in records.task_runs("sums", count=2)]
    assert states == ["Completed", "Cached"]


def test_a_hit_shows_the_figures_again(kernel: Any) -> None:
    kernel.run("%matplotlib inline\nimport matplotlib.pyplot as plt")
    cell = "%%task plotted --cache source\nplt.plot([1, 2]);"
    first, again = kernel.run(cell), kernel.run(cell)
    assert note(again).startswith("Cached")
    assert again.displays[0]["image/png"] == first.displays[0]["image/png"]
    assert len(first.displays) == len(again.displays) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("numbers.append(4)", "Not cached: input numbers changed."),
        ("alias[0] = 9", "Not cached: input numbers changed."),
        ("def twice(x):\n    return x + x", "Not cached: source of twice changed."),
        ("factor = 3", "Not cached: input factor changed."),
    ],
)
def test_a_miss_says_what_changed(kernel: Any, change: str, said: str) -> None:
    kernel.run(
        "numbers = [1, 2]\nalias = numbers\nfactor = 2\ndef scaled(x):\n    return x * factor\n"
        "def twice(x):\n    return scaled(x)"
    )
    cell = "%%task doubled --cache inputs,source\ndoubled_ = [twice(n) for n in numbers]"
    kernel.run(cell)
    assert note(kernel.run(cell)).startswith("Cached")
    kernel.run(change)
    assert note(kernel.run(cell)).startswith(said.rstrip("."))


def test_comments_and_formatting_are_no_source_but_code_is(kernel: Any) -> None:
    kernel.run("%%task shaped --cache source\nshape = [1,2]")
    assert note(kernel.run("%%task shaped --cache source\n# two\nshape = [1, 2]  # x")).startswith(
        "Cached"
    )
    assert note(kernel.run("%%task shaped --cache source\nshape = [1, 3]")) == (
        "Not cached: source changed."
    )


def test_refresh_and_ttl(kernel: Any) -> None:
    kernel.run("calls = []")
    cell = (
        "%%task counted --cache source{}\ncalls.append(1) if False else None\nimport random\nr = 1"
    )
    kernel.run(cell.format(""))
    assert note(kernel.run(cell.format(" --refresh"))) == "Not cached: refresh was asked."
    assert note(kernel.run(cell.format(" --refresh --ttl 0.001s")))
    assert "expired" in note(kernel.run(cell.format(" --ttl 0.001")))


def test_without_a_cache_nothing_is_stored(kernel: Any, records: Any) -> None:
    kernel.run("%%task unstored\nbig = [1]")
    assert records.task_run("unstored").result_key is None


@pytest.mark.parametrize(
    ("before", "body", "said"),
    [
        ("", "import threading\nlock = threading.Lock()", "its output 'lock' (_thread.lock)"),
        ("import threading\nguard = threading.Lock()", "seen = guard", "'guard', which it reads"),
        ("box = [1]", "hidden = [box]\nhidden[0].append(2)\nhidden = 1", ""),
        ("from os.path import *", "from math import *\nroot = sqrt(4)", "cannot be known"),
        ("", "alone = 1", "it reads no data to go by"),
    ],
)
def test_what_cannot_be_cached_runs_with_a_warning(
    kernel: Any, before: str, body: str, said: str
) -> None:
    kernel.run(before)
    asked = "inputs" if "alone" in body else "inputs,source"
    cell = f"%%task uncacheable --cache {asked}\n{body}"
    for _ in range(2):
        reply = kernel.run(cell)
        assert reply.ok
        assert "The cell is not cached: " in reply.text("stderr") or not said
        assert said in note(reply)
        assert not note(reply).startswith("Cached")


def test_an_input_changed_unseen_makes_the_cell_uncached(kernel: Any) -> None:
    kernel.run("shared = [1]\ndef sneak(n):\n    globals()['shared'].append(n)\n    return n")
    for _ in range(2):
        reply = kernel.run("%%task sneaky --cache inputs,source\nkept = [sneak(1), len(shared)]")
        assert "it changed its input 'shared' unseen" in reply.text("stderr")
        assert note(reply).startswith("Not cached: it changed its input 'shared' unseen")


def test_an_awaiting_cell_is_cached_too(kernel: Any) -> None:
    cell = "%%task slept --cache source\nimport asyncio\nslept = await asyncio.sleep(0, 5)\nslept"
    assert kernel.run(cell).results == ["5"]
    kernel.run("del slept")
    again = kernel.run(cell)
    assert again.results == ["5"]
    assert note(again).startswith("Cached")
    assert kernel.value("slept") == "5"


def test_returns_restricts_what_is_kept(kernel: Any) -> None:
    cell = "%%task restricted --cache source --returns one\none, two = 1, 2"
    kernel.run(cell)
    kernel.run("del one, two")
    assert note(kernel.run(cell)).startswith("Cached")
    assert kernel.value("(one, 'two' in globals())") == "(1, False)"


def test_returns_names_what_the_cell_has(kernel: Any) -> None:
    (said,) = kernel.run("%%task r --returns totl\ntotal = 1").errors
    assert said.startswith("%%task: --returns names 'totl', which the cell neither assigns nor")
    assert "Did you mean 'total'?" in said


def test_a_notebooks_own_class_comes_back_as_it_is(kernel: Any) -> None:
    kernel.run("class Point:\n    x = 1")
    cell = "%%task pointed --cache source\npoint = Point()"
    kernel.run(cell)
    kernel.run("del point")
    kernel.run(cell)
    assert kernel.value("isinstance(point, Point)") == "True"


# -- conditions -------------------------------------------------------------------------------
def test_a_false_condition_skips_the_cell_and_run_all_goes_on(kernel: Any, records: Any) -> None:
    kernel.run("n, kept_as_it_was = 1, 'before'")
    cell = "%%task conditional --if n > 3\nkept_as_it_was = 'after'"
    assert kernel.run_all(cell, "1") == ["ok", "ok"]
    assert kernel.value("kept_as_it_was") == "'before'"
    run = records.task_run("conditional")
    assert (run.state.name, run.state.message) == ("Skipped", "--if n > 3 is false.")
    reply = kernel.run(cell)
    assert reply.displays[-1][TEXT].startswith("✓ Skipped · conditional")
    kernel.run("n = 4")
    kernel.run(cell)
    assert kernel.value("kept_as_it_was") == "'after'"


@pytest.mark.parametrize("body", ["1", "import asyncio\nawait asyncio.sleep(0)"])
def test_a_condition_that_fails_fails_the_cell(kernel: Any, records: Any, body: str) -> None:
    name = f"no_condition{len(body)}"
    cell = f"%%task {name} --retries 3 --if nowhere > 3\n{body}"
    assert kernel.run_all(cell, "1") == ["error", "aborted"]
    run = records.task_run(name)
    assert (run.state.name, run.attempt) == ("Failed", 1)
    assert "--if nowhere > 3: NameError: name 'nowhere' is not defined" in run.state.message


# -- time limits ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    ["import time\ntime.sleep(60)", "while True: pass", "import asyncio\nawait asyncio.sleep(60)"],
)
def test_a_cell_out_of_time_is_ended_and_the_kernel_lives(
    kernel: Any, records: Any, body: str
) -> None:
    name = f"limited{len(body)}"
    reply = kernel.run(f"%%task {name} --timeout 0.2 --retries 1\n{body}")
    assert reply.content["ename"] == "TimedOutRun"
    (said,) = reply.errors
    assert said == "TimedOutRun: It took longer than 0.2 s."
    run = records.task_run(name)
    assert (run.state.name, run.attempt) == ("TimedOut", 2)
    assert kernel.run("'alive'").results == ["'alive'"]


# -- the cell's metadata ----------------------------------------------------------------------
def run_with_metadata(kernel: Any, code: str, **asked: Any) -> dict[str, Any]:
    """Run a cell as JupyterLab does: with the cell's metadata in the request."""
    content = {"code": code, "silent": False, "store_history": True, "stop_on_error": False}
    metadata = {"cellId": "abc-9", "nbflow": asked}
    message = kernel.client.session.msg("execute_request", content, metadata=metadata)
    kernel.client.shell_channel.send(message)
    while True:
        reply = kernel.client.get_shell_msg(timeout=60)
        if reply["parent_header"]["msg_id"] == message["header"]["msg_id"]:
            return reply["content"]


def test_metadata_counts_where_the_line_asks_for_nothing(kernel: Any, records: Any) -> None:
    kernel.run("tries = 0")
    body = "tries += 1\nassert tries == 2"
    assert run_with_metadata(kernel, f"%%task by_meta\n{body}", retries=1)["status"] == "ok"
    assert records.task_run("by_meta").attempt == 2
    kernel.run("tries = 0")
    cell = f"%%task by_line --timeout 9\n{body}"
    assert run_with_metadata(kernel, cell, retries=1)["status"] == "error"
    said = run_with_metadata(kernel, f"%%task bad_meta\n{body}", retrys=1)["evalue"]
    assert "There is no option retrys." in said


@pytest.mark.parametrize("before", ["", "import asyncio\nawait asyncio.sleep(0)\n", "!true\n"])
def test_metadata_makes_an_ordinary_cell_a_task(kernel: Any, records: Any, before: str) -> None:
    kernel.run("tries = 0")
    name = f"ordinary{len(before)}"
    cell = f"{before}tries += 1\nassert tries == 3"
    assert run_with_metadata(kernel, cell, retries=2, name=name)["status"] == "ok"
    assert records.task_run(name).attempt == 3
    assert run_with_metadata(kernel, "tries", name="only named")["status"] == "ok"
    assert run_with_metadata(kernel, cell, retries="many")["ename"] == "MagicError"
    assert run_with_metadata(kernel, "%%time\ntries = 0", retries=1)["status"] == "ok"


# -- resources --------------------------------------------------------------------------------
def test_what_a_with_statement_opens_does_not_hinder_a_cache(kernel: Any, tmp_path: Any) -> None:
    cell = (
        f"%%task opened --cache source\nimport threading\nwith open({str(tmp_path / 'x')!r}, 'w')"
        " as file, threading.Lock() as held:\n    written = file.write('abc')"
    )
    kernel.run(cell)
    kernel.run("del written")
    assert note(kernel.run(cell)).startswith("Cached")
    assert kernel.value("written") == "3"


def test_two_cells_of_one_name_are_told(kernel: Any) -> None:
    def run(cell_id: str) -> str:
        content = {"code": "%%task twins\n1", "silent": False, "store_history": True}
        message = kernel.client.session.msg(
            "execute_request", content, metadata={"cellId": cell_id}
        )
        said = ""
        kernel.client.shell_channel.send(message)
        while True:
            heard = kernel.client.get_iopub_msg(timeout=60)
            if heard["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            said += heard["content"].get("text", "")
            if heard["content"].get("execution_state") == "idle":
                kernel.client.get_shell_msg(timeout=60)
                return said

    assert run("one") == run("one") == ""
    assert "another cell was the task twins" in run("two")
