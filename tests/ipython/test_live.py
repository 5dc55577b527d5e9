"""A run seen while it runs: what a front end is sent, how often, and what stays."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HTML, TEXT = "text/html", "text/plain"
RUN = "application/vnd.nbflow.run.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"

#: 1.2 seconds that are not spent in one place
LASTS = "import threading\nfor _ in range(12):\n    threading.Event().wait(0.1)\n"


@pytest.fixture(scope="module")
def lab_kernel(
    kernel_type: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A kernel that a front end with widgets has started."""
    home: Path = tmp_path_factory.mktemp("home")
    kernel = kernel_type(home, JPY_SESSION_NAME=str(home / "nb.ipynb"))
    assert kernel.run("%load_ext nbflow").ok
    yield kernel
    kernel.shut_down()


def views(reply: Any) -> list[dict[str, Any]]:
    """Give the views the widget was sent, the first included."""
    states = [content["data"].get("state", {}) for content in reply.of("comm_open", "comm_msg")]
    return [state["view"] for state in states if "view" in state]


def test_a_quick_task_is_shown_at_once_and_never_as_a_widget(lab_kernel: Any) -> None:
    reply = lab_kernel.run("%%task quick\nprint('x')")
    kinds = [m["msg_type"] for m in reply.messages]
    assert kinds[2:-1] == ["display_data", "stream", "update_display_data"]
    first, last = reply.of("display_data", "update_display_data")
    assert first["data"][TEXT].startswith("▸ Running · quick")
    assert last["data"][TEXT].startswith("✓ Completed · quick")
    assert set(last["data"]) == {RUN, HTML, TEXT}


def test_a_long_task_becomes_a_widget_and_ends_as_text(lab_kernel: Any) -> None:
    reply = lab_kernel.run(f"%%task long\n{LASTS}")
    first, live, last = reply.of("display_data", "update_display_data")
    assert WIDGET in live["data"]
    assert {HTML, TEXT} < set(live["data"])
    assert set(last["data"]) == {RUN, HTML, TEXT}
    assert {c["transient"]["display_id"] for c in (first, live, last)} == {
        first["transient"]["display_id"]
    }
    kinds = [m["msg_type"] for m in reply.messages if m["msg_type"] != "status"]
    assert kinds[-2:] == ["update_display_data", "comm_close"]


def test_updates_are_capped_and_say_how_long(lab_kernel: Any) -> None:
    reply = lab_kernel.run(f"%%task ticking\n{LASTS}")
    seen = views(reply)
    seconds = reply.displays[-1][RUN]["run"]["seconds"]
    assert 2 <= len(seen) <= seconds / 0.2
    assert [view["head"]["word"] for view in seen] == ["Running"] * len(seen)
    assert len({view["head"]["details"][0] for view in seen}) == len(seen)


def test_a_flow_lists_its_tasks_while_they_run(lab_kernel: Any) -> None:
    reply = lab_kernel.run(
        "%%flow listed\nfrom nbflow import task\nimport threading\n@task\ndef nap(n):\n"
        "    threading.Event().wait(0.5)\n    assert n < 2\nnap(0)\nnap(1)\nnap(2)"
    )
    assert reply.status == "error"
    words = [[task["word"] for task in view["tasks"]] for view in views(reply)]
    assert ["Completed", "Running"] in words
    text = reply.displays[-1][TEXT].splitlines()
    assert [line.split()[1] for line in text] == ["Failed", "Completed", "Completed", "Failed"]


def test_a_retry_is_seen(lab_kernel: Any) -> None:
    lab_kernel.run("tries = 0")
    code = f"%%task retried --retries 1 --retry-delay 2\n{LASTS}tries += 1\nassert tries == 2"
    reply = lab_kernel.run(code)
    words = [view["head"]["word"] for view in views(reply)]
    assert list(dict.fromkeys(words)) == ["Running", "Awaiting retry", "Retrying"]
    assert reply.displays[-1][TEXT].endswith("attempt 2")


def test_user_code_that_captures_output_does_not_capture_the_view(lab_kernel: Any) -> None:
    lasts = textwrap.indent(LASTS, "    ")
    reply = lab_kernel.run(
        "%%task capturing\nfrom IPython.utils.capture import capture_output\n"
        f"with capture_output() as kept:\n{lasts}len(kept.outputs)"
    )
    assert reply.results == ["0"]
    assert len(views(reply)) > 1


def test_a_captured_cell_keeps_its_view_to_itself(lab_kernel: Any) -> None:
    reply = lab_kernel.run(f"%%capture kept\n%%task kept_task\n{LASTS}")
    assert reply.displays == []
    assert "kept_task" in lab_kernel.value("kept.outputs[0].data['text/plain']")


def test_without_anywidget_the_end_is_still_shown(lab_kernel: Any) -> None:
    lab_kernel.run(
        "import sys\nfrom nbflow.widgets import front\nfront.widget_class.cache_clear()\n"
        "had = sys.modules.pop('anywidget', None)\nsys.modules['anywidget'] = None"
    )
    try:
        reply = lab_kernel.run(f"%%task plain\n{LASTS}")
        assert views(reply) == []
        assert reply.displays[-1][TEXT].startswith("✓ Completed · plain")
        assert reply.text("stderr") == ""
    finally:
        lab_kernel.run("sys.modules['anywidget'] = had\nfront.widget_class.cache_clear()")


def test_what_a_user_named_is_sent_as_text(lab_kernel: Any) -> None:
    reply = lab_kernel.run(f"%%task\n# <img src=x onerror=alert(1)>\n{LASTS}")
    assert views(reply)[0]["head"]["name"] == "<img src=x onerror=alert(1)>"
    assert "<img" not in reply.displays[-1][HTML]


def test_a_flow_shows_its_log_and_its_graph(lab_kernel: Any) -> None:
    reply = lab_kernel.run(
        "%%flow graphed\nfrom nbflow import get_run_logger, task\nimport threading\n@task\n"
        "def one():\n    return 1\n@task\ndef two(n):\n    threading.Event().wait(1.5)\n"
        "get_run_logger().info('\\x1b[31mbegun\\x1b[0m')\ntwo(one.submit())"
    )
    assert reply.ok
    assert views(reply)[-1]["log"].endswith("INFO    begun")
    states = [content["data"].get("state", {}) for content in reply.of("comm_open", "comm_msg")]
    graph = [state["graph"] for state in states if state.get("graph")][-1]
    assert [node["label"] for node in graph["nodes"]] == ["one-0", "two-0"]
    assert graph["edges"] == [[0, 1]]
    saved = reply.displays[-1][HTML]
    assert "data:image/svg+xml;base64," in saved
    assert "begun" in saved
