"""Widgets over a real store, in a real kernel: what a front end is sent, and what stays saved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from nbflow.model import states
from nbflow.model.artifacts import Artifact
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun, TaskRun, advance
from nbflow.orchestration.orchestrator import Orchestrator

HTML, TEXT = "text/html", "text/plain"
WIDGET = "application/vnd.jupyter.widget-view+json"
HOSTILE = "<img src=x onerror=alert(1)>"


class Front:
    """A front end with widgets: what it is shown by a kernel, until something is so."""

    def __init__(self, home: Path) -> None:
        import os

        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NBFLOW_", "JPY_SESSION"))}
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(
            env=kept | {
                "NBFLOW_HOME": str(home), "IPYTHONDIR": str(home / "ipython"),
                "JPY_SESSION_NAME": str(home / "nb.ipynb"),
            },
            cwd=str(home),
        )  # fmt: skip
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> None:
        """Run a cell; what it shows is left to be seen."""
        self.client.execute(code)
        assert self.client.get_shell_msg(timeout=60)["content"]["status"] == "ok"

    def until(self, so: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Give what was shown and sent, up to a message that is so."""
        seen: list[dict[str, Any]] = []
        while not seen or not so(seen[-1]):
            seen.append(self.client.get_iopub_msg(timeout=60))
        return seen

    def tell(self, widget: str, content: Any) -> None:
        """Send a widget a message of its page."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": widget, "data": data})
        self.client.shell_channel.send(message)

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def store(place: Path) -> Iterator[Orchestrator]:
    found = Orchestrator(f"sqlite:///{place / 'nbflow.sqlite'}")
    yield found
    found.close()


@pytest.fixture(scope="module")
def front(store: Orchestrator, place: Path) -> Iterator[Front]:
    front = Front(place)
    front.run("from nbflow import widgets")
    yield front
    front.stop()


def begun(store: Orchestrator, name: str) -> FlowRun:
    made = store.create_flow_run(NewFlowRun(name))
    store.propose(made.id, states.Running())
    return store.read_flow_run(made.id)


def a_task(run: FlowRun, name: str, at: int, *upstream: str) -> TaskRun:
    pending = states.Pending()
    made = TaskRun(f"{run.id[:-2]}{at:02x}", run.id, name, name, "task", pending, pending.at,
                   position=at, upstream=upstream)  # fmt: skip
    return advance(made, states.Running())


def data(message: dict[str, Any]) -> dict[str, Any]:
    return message["content"].get("data", {})


def sent(messages: list[dict[str, Any]], trait: str = "view") -> list[dict[str, Any]]:
    """Give what a widget was sent of a trait, the first included."""
    states = [data(m).get("state", {}) for m in messages if m["msg_type"].startswith("comm_")]
    return [state[trait] for state in states if trait in state]


def displays(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = ("display_data", "update_display_data")
    return [data(m) for m in messages if m["msg_type"] in kinds]


def shows(word: str) -> Callable[[dict[str, Any]], bool]:
    """Say whether a widget is sent a run's head with this word."""
    return lambda m: data(m).get("state", {}).get("view", {}).get("head", {}).get("word") == word


def is_end(message: dict[str, Any]) -> bool:
    return message["msg_type"] == "comm_close"


def test_a_run_of_another_process_is_seen_live_and_its_end_is_saved(
    front: Front, store: Orchestrator, inert: Callable[[str], None]
) -> None:
    run = begun(store, HOSTILE)
    front.run(f"widgets.run({run.id!r})")
    first = front.until(lambda m: WIDGET in data(m))
    assert {HTML, TEXT} < set(displays(first)[-1])
    one, two = a_task(run, "one", 0), a_task(run, HOSTILE, 1)
    line = LogEntry(run.id, run.created_at, 20, "\x1b[31mred\x1b[0m <b>x</b>")
    store.record(Batch(task_runs=(one, two), logs=(line,)))
    live = front.until(lambda m: len(data(m).get("state", {}).get("view", {}).get("tasks", ())) > 1)
    view = sent(live)[-1]
    assert [task["name"] for task in view["tasks"]] == ["one", HOSTILE]
    assert view["log"].endswith("red <b>x</b>")
    done = advance(one, states.Completed())
    after = advance(a_task(run, "after", 2, one.id), states.Failed(message=HOSTILE))
    store.record(Batch(task_runs=(done, after)))
    store.propose(run.id, states.Failed(message=HOSTILE))
    ended = front.until(is_end)
    saved = displays(ended)[-1]
    assert set(saved) == {"application/vnd.nbflow.run.v1+json", HTML, TEXT}
    assert saved[TEXT].startswith(f"✗ Failed · {HOSTILE} ({run.name})")
    assert "data:image/svg+xml" in saved[HTML]
    assert "red &lt;b&gt;x" in saved[HTML]
    inert(saved[HTML])


def test_the_graph_of_a_run_can_be_seen_alone(front: Front, store: Orchestrator) -> None:
    run = begun(store, "graphed")
    one = a_task(run, "one", 0)
    store.record(Batch(task_runs=(one, a_task(run, "two", 1, one.id))))
    front.run(f"widgets.graph({run.id!r})")
    graph = sent(front.until(lambda m: WIDGET in data(m)))[0]["graph"]
    assert [node["label"] for node in graph["nodes"]] == ["one", "two"]
    assert graph["edges"] == [[0, 1]]
    store.propose(run.id, states.Completed())
    saved = displays(front.until(is_end))[-1]
    assert saved[TEXT].splitlines()[1:] == [
        "  ▸ one · Running", "  ▸ two · Running <- one",
    ]  # fmt: skip


def test_an_ended_run_is_shown_as_it_is_saved(front: Front, store: Orchestrator) -> None:
    run = begun(store, "over")
    store.propose(run.id, states.Completed())
    front.run(f"widgets.run({run.id!r})")
    (shown,) = displays(front.until(lambda m: m["msg_type"] == "display_data"))
    assert WIDGET not in shown
    assert shown[TEXT].startswith("✓ Completed · over")


def test_a_table_of_runs_follows_the_store(front: Front, store: Orchestrator) -> None:
    front.run("table = widgets.runs(search='tabled'); display(table)")
    first = front.until(lambda m: WIDGET in data(m))
    assert sent(first)[-1]["said"] == "There are no runs."
    run = begun(store, "tabled <b>")

    def is_there(word: str) -> Callable[[dict[str, Any]], bool]:
        return lambda m: any(
            row["word"] == word for row in data(m).get("state", {}).get("view", {}).get("rows", ())
        )

    (row,) = sent(front.until(is_there("Running")))[-1]["rows"]
    assert (row["id"], row["flow"]) == (run.id, "tabled <b>")
    store.propose(run.id, states.Failed(message="no"))
    front.until(is_there("Failed"))
    front.run("table.close()")
    saved = displays(front.until(is_end))[-1]
    assert "✗ Failed" in saved[TEXT]
    assert "tabled &lt;b&gt;" in saved[HTML]


def test_nothing_is_sent_to_a_widget_that_nobody_sees_and_its_end_is_saved(
    front: Front, store: Orchestrator
) -> None:
    run = begun(store, "hidden")
    front.run(f"widgets.run({run.id!r})")
    first = front.until(lambda m: WIDGET in data(m))
    widget = displays(first)[-1][WIDGET]["model_id"]
    for nonsense in ({"view": 1, "seen": True}, {"seen": "x"}, "x", {"view": "v" * 999}):
        front.tell(widget, nonsense)
    front.tell(widget, {"view": "v", "seen": False})
    front.run("1")
    store.record(Batch(task_runs=(a_task(run, "one", 0),)))
    store.propose(run.id, states.Completed())
    rest = front.until(is_end)
    assert sent(rest) == []
    assert displays(rest)[-1][TEXT].startswith("✓ Completed · hidden")


def test_a_run_deleted_while_it_is_shown_stays_as_it_was(front: Front, store: Orchestrator) -> None:
    run = begun(store, "gone")
    front.run(f"widgets.run({run.id!r})")
    front.until(lambda m: WIDGET in data(m))
    store.force_state(run.id, states.Cancelled())
    store.delete_flow_run(run.id)
    saved = displays(front.until(is_end))[-1]
    assert "gone" in saved[TEXT]


def test_updates_come_at_most_ten_a_second(front: Front, store: Orchestrator) -> None:
    run = begun(store, "busy")
    front.run(f"widgets.run({run.id!r})")
    front.until(lambda m: WIDGET in data(m))
    rest = threading.Event()
    tasks = [a_task(run, f"t{n}", n) for n in range(100)]
    for task in tasks:  # about a second, with a hundred commits
        store.record(Batch(task_runs=(task,)))
        rest.wait(0.01)
    took = (states.Running().at - tasks[0].state.at).total_seconds()
    store.propose(run.id, states.Completed())
    updates = [m for m in front.until(is_end) if m["msg_type"] == "comm_msg"]
    assert len(updates) <= 10 * took + 2


def test_an_artifact_is_shown_anew_with_each_version(front: Front, store: Orchestrator) -> None:
    front.run("shown = widgets.artifact('report'); display(shown)")
    first = displays(front.until(lambda m: m["msg_type"] == "display_data"))
    assert first[0][TEXT] == "There is no artifact report yet."
    store.record(Batch(artifacts=(Artifact("markdown", "# One", "report"),)))
    front.until(lambda m: data(m).get(TEXT) == "# One")
    store.record(Batch(artifacts=(Artifact("markdown", "# Two", "report"),)))
    front.until(lambda m: data(m).get(TEXT) == "# Two")
    front.run("shown.close()")


def test_the_magic_that_lists_runs_shows_the_table(front: Front, store: Orchestrator) -> None:
    begun(store, "listed by magic")
    front.run("%load_ext nbflow")
    front.run("%nbflow flow-run ls --search magic --state running")
    (first,) = sent(front.until(lambda m: WIDGET in data(m)))
    assert [row["flow"] for row in first["rows"]] == ["listed by magic"]
    front.run("%nbflow flow-run ls --search magic --output json")
    printed = front.until(lambda m: m["msg_type"] == "stream")[-1]
    assert '"flow_name": "listed by magic"' in printed["content"]["text"]
