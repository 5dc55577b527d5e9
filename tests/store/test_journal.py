from __future__ import annotations

import json
import random

import nbformat
import pytest

from nbflow import settings
from nbflow.exceptions import NotFound
from nbflow.model import clock, states
from nbflow.store import journal
from nbflow.store.journaling import Journal

HTML = {"text/html": "<b>table</b>", "text/plain": "table"}


def notebook(*cell_ids: str) -> dict:
    code = [nbformat.v4.new_code_cell("x", id=cell_id) for cell_id in cell_ids]
    cells = [nbformat.v4.new_markdown_cell("# title", id="title"), *code]
    return nbformat.v4.new_notebook(cells=cells)


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: str) -> dict:
    data = {k.replace("_", "/"): v for k, v in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def outputs(path, cell_id: str, state=None) -> list:
    cells = journal.read(path, state)["cells"]
    return next(c["outputs"] for c in cells if c["id"] == cell_id)


def texts(path, cell_id: str) -> str:
    return "".join(o["text"] for o in outputs(path, cell_id) if o["output_type"] == "stream")


def lines(path) -> list[dict]:
    return [json.loads(line) for line in (path / journal.JOURNAL).read_text().splitlines()]


@pytest.fixture
def writer(tmp_path):
    writer = Journal(tmp_path / "1", notebook("a", "b", "c"))
    yield writer
    writer.close()


def run_of_everything(writer: Journal) -> None:
    writer.start("a", clock.now())
    for text in ("one\n", "zwei — ünïcode 🎈\n", "\ud800 lone\n"):
        writer.output("a", stream(text))
        writer.flush()
    writer.output("a", stream("warn\n", "stderr"))
    writer.output("a", display(text_plain="v1"), display_id="d")
    writer.flush()
    writer.update("a", "d", {"text/plain": "v2"}, {})
    writer.end("a", states.Completed(), execution_count=1, execution={"iopub.status.busy": "t"})
    writer.metadata({"language_info": {"name": "python"}})
    writer.start("b", clock.now())
    writer.output("b", stream("gone"))
    writer.flush()
    writer.clear("b", wait=True)
    writer.output("b", {"output_type": "execute_result", "data": HTML, "metadata": {},
                        "execution_count": 2})  # fmt: skip
    writer.update("b", "d", {"text/plain": "v3"}, {})
    error = {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["E: no"]}
    writer.output("b", error)
    writer.end("b", states.Failed(message="E: no"), execution_count=2)
    writer.finish(states.Failed(message="cell 2"))


def test_the_executed_notebook_is_valid_and_says_what_happened(writer):
    run_of_everything(writer)
    path = journal.assemble(writer.path)
    made = nbformat.read(path, as_version=4)
    nbformat.validate(made)
    title, a, b, c = made.cells
    assert "nbflow" not in title.metadata
    assert [x.metadata.nbflow.state for x in (a, b, c)] == ["COMPLETED", "FAILED", "PENDING"]
    assert c.metadata.nbflow.state_name == "NotReady"
    assert "did not run" in c.metadata.nbflow.message.lower()
    assert [x.metadata.papermill.status for x in (a, b, c)] == ["completed", "failed", "pending"]
    assert [x.metadata.papermill.exception for x in (a, b, c)] == [False, True, None]
    assert a.metadata.execution == {"iopub.status.busy": "t"}
    assert a.metadata.papermill.duration >= 0
    assert made.metadata.nbflow.state == "FAILED"
    assert made.metadata.papermill.exception is True
    assert made.metadata.language_info.name == "python"
    assert [o.output_type for o in a.outputs] == ["stream", "stream", "display_data"]
    assert a.outputs[0].text.startswith("one\nzwei — ünïcode 🎈\n")
    assert a.outputs[2].data["text/plain"] == "v3"
    assert [o.output_type for o in b.outputs] == ["execute_result", "error"]
    assert (a.execution_count, b.execution_count, c.execution_count) == (1, 2, None)


def test_a_journal_cut_at_any_byte_tells_a_prefix(writer):
    run_of_everything(writer)
    whole = (writer.path / journal.JOURNAL).read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
    by_records = {}
    for end in [0, *ends]:
        (writer.path / journal.JOURNAL).write_bytes(whole[:end])
        by_records[end] = journal.replay(writer.path)
    for cut in range(len(whole) + 1):
        (writer.path / journal.JOURNAL).write_bytes(whole[:cut])
        expected = max(end for end in by_records if end <= cut)
        assert journal.replay(writer.path) == by_records[expected]


def test_random_outputs_cut_at_random_bytes_lose_at_most_the_torn_record(tmp_path):
    rng = random.Random(7)
    writer = Journal(tmp_path, notebook("a"))
    writer.start("a", clock.now())
    said = ""
    for _ in range(300):
        text = "".join(rng.choices('abc\n\\"é🎈', k=rng.randint(1, 40)))
        said += text
        writer.output("a", stream(text))
        if rng.random() < 0.4:
            writer.flush()
    writer.end("a", states.Completed())
    writer.close()
    whole = (tmp_path / journal.JOURNAL).read_bytes()
    for cut in rng.sample(range(len(whole)), 60):
        (tmp_path / journal.JOURNAL).write_bytes(whole[:cut])
        assert said.startswith(texts(tmp_path, "a"))
    (tmp_path / journal.JOURNAL).write_bytes(whole)
    assert texts(tmp_path, "a") == said


def test_a_reader_sees_the_notebook_while_it_is_written(writer):
    writer.start("a", clock.now())
    writer.output("a", stream("so far"))
    assert outputs(writer.path, "a") == []
    writer.flush()
    assert texts(writer.path, "a") == "so far"
    live = journal.read(writer.path)
    assert [c["metadata"]["nbflow"]["state"] for c in live["cells"][1:]] == [
        "RUNNING", "PENDING", "PENDING"]  # fmt: skip
    assert live["metadata"]["papermill"]["end_time"] is None


def test_a_dead_writers_notebook_is_closed_with_the_runs_state(writer):
    writer.start("a", clock.now())
    writer.output("a", stream("partial"))
    writer.flush()
    crashed = states.Crashed(message="The run's process was killed by signal 9.")
    made = nbformat.read(journal.assemble(writer.path, crashed), as_version=4)
    a, b = made.cells[1].metadata, made.cells[2].metadata
    assert a.nbflow.state == "CRASHED"
    assert "signal 9" in a.nbflow.message
    assert a.papermill.status == "failed"
    assert (b.nbflow.state, b.nbflow.state_name) == ("PENDING", "NotReady")
    assert made.metadata.nbflow.state == "CRASHED"
    assert made.metadata.papermill.exception is True


def test_a_cancelled_run_cancels_its_open_cell(writer):
    writer.start("a", clock.now())
    made = journal.replay(writer.path, states.Cancelled(message="Cancelled."))
    assert made["cells"][1]["metadata"]["nbflow"]["state"] == "CANCELLED"


def test_an_attempt_that_never_began_has_no_notebook(tmp_path):
    assert journal.assemble(tmp_path) is None
    with pytest.raises(NotFound, match="no notebook yet"):
        journal.read(tmp_path)


def test_options_in_the_source_metadata_stay_beside_the_facts(tmp_path):
    source = notebook("a")
    source["cells"][1]["metadata"] = {"nbflow": {"retries": 2}, "tags": ["keep"]}
    writer = Journal(tmp_path, source)
    writer.start("a", clock.now())
    cell = journal.replay(tmp_path)["cells"][1]
    writer.close()
    assert cell["metadata"]["nbflow"]["retries"] == 2
    assert cell["metadata"]["nbflow"]["state"] == "RUNNING"
    assert cell["metadata"]["tags"] == ["keep"]


def test_progress_bars_end_as_their_last_line(writer):
    writer.start("a", clock.now())
    for percent in range(101):
        writer.output("a", stream(f"\r{percent}%", "stderr"))
    writer.output("a", stream("\nnext\r\n", "stderr"))
    writer.end("a", states.Completed())
    assert texts(writer.path, "a") == "100%\nnext\r\n"


def test_what_is_replaced_before_it_is_written_never_reaches_the_disk(writer):
    writer.start("a", clock.now())
    writer.output("a", display(text_plain="0"), display_id="d")
    for step in range(100):
        writer.update("a", "d", {"text/plain": f"step {step}"}, {})
        writer.output("a", stream(f"frame {step}"))
        writer.clear("a", wait=True)
    writer.output("a", display(text_plain="end"))
    writer.end("a", states.Completed())
    assert len(lines(writer.path)) == 4
    assert outputs(writer.path, "a") == [display(text_plain="end")]


def test_every_place_a_display_is_shown_is_updated(writer):
    for cell_id in ("a", "b"):
        writer.start(cell_id, clock.now())
        writer.output(cell_id, display(text_plain="old"), display_id="d")
        writer.end(cell_id, states.Completed())
    writer.start("c", clock.now())
    writer.update("c", "d", {"text/plain": "new"}, {})
    writer.update("c", "never shown", {"text/plain": "x"}, {})
    writer.end("c", states.Completed())
    for cell_id in ("a", "b"):
        assert outputs(writer.path, cell_id)[0]["data"] == {"text/plain": "new"}


class TestLimits:
    @pytest.fixture(autouse=True)
    def limits(self):
        with settings.temporary(output_cell_bytes=1000, output_run_bytes=2500, output_count=20):
            yield

    @pytest.fixture
    def writer(self, tmp_path):
        writer = Journal(tmp_path / "1", notebook("a", "b", "c"))
        yield writer
        writer.close()

    def test_a_cells_streams_are_cut_with_a_marker(self, writer):
        writer.start("a", clock.now())
        for _ in range(50):
            writer.output("a", stream("x" * 99 + "\n"))
            writer.flush()
        assert writer.end("a", states.Completed()) == 4000
        out, marker = outputs(writer.path, "a")
        assert len(out["text"]) == 1000
        assert "[nbflow] Output limited to 0.001 MB per cell" in marker["text"]
        assert journal.read(writer.path)["cells"][1]["metadata"]["nbflow"]["left_out"] == 4000

    def test_a_display_that_does_not_fit_is_left_out_whole(self, writer):
        writer.start("a", clock.now())
        writer.output("a", display(image_png="x" * 1001))
        writer.output("a", stream("after"))
        assert writer.end("a", states.Completed()) == 1006
        assert [o["output_type"] for o in outputs(writer.path, "a")] == ["stream"]
        assert "limited" in texts(writer.path, "a")

    def test_the_error_is_kept_after_the_limit(self, writer):
        writer.start("a", clock.now())
        writer.output("a", stream("x" * 5000))
        long = {"output_type": "error", "ename": "E", "evalue": "v" * 200_000,
                "traceback": ["start", "t" * 200_000 + " the end"]}  # fmt: skip
        writer.output("a", long)
        writer.end("a", states.Failed())
        error = outputs(writer.path, "a")[-1]
        assert error["ename"] == "E"
        assert len(error["evalue"]) < 70_000
        assert error["traceback"][-1].endswith(" the end")
        assert sum(map(len, error["traceback"])) < 70_000

    def test_the_run_has_a_limit_too(self, writer):
        for cell_id in ("a", "b", "c"):
            writer.start(cell_id, clock.now())
            writer.output(cell_id, stream("x" * 990))
            writer.end(cell_id, states.Completed())
        assert texts(writer.path, "b") == "x" * 990
        assert texts(writer.path, "c").startswith("x" * 520 + "\n[nbflow] Output limited to 0.0025")
        assert "MB per run" in texts(writer.path, "c")

    def test_outputs_are_counted_as_a_reader_sees_them(self, writer):
        writer.start("a", clock.now())
        for _ in range(100):
            writer.output("a", stream("x"))
            writer.flush()
        for _ in range(30):
            writer.output("a", display(text_plain="p"))
        writer.end("a", states.Completed())
        kept = outputs(writer.path, "a")
        assert kept[0]["text"] == "x" * 100
        assert [o["output_type"] for o in kept].count("display_data") == 19
        assert "20 outputs per run" in kept[-1]["text"]

    def test_cleared_output_makes_room_again(self, writer):
        writer.start("a", clock.now())
        for frame in range(40):
            writer.clear("a", wait=True)
            writer.output("a", display(text_plain=f"frame {frame} " + "x" * 900))
            writer.flush()
        assert writer.end("a", states.Completed()) == 0
        (last,) = outputs(writer.path, "a")
        assert last["data"]["text/plain"].startswith("frame 39 ")
        assert (writer.path / journal.JOURNAL).stat().st_size < 5000

    def test_an_animation_past_its_limit_shows_its_last_frame(self, writer):
        writer.start("a", clock.now())
        writer.output("a", display(text_plain="x" * 500), display_id="d")
        for frame in range(40):
            writer.update("a", "d", {"text/plain": f"{frame} " + "x" * 500}, {})
            writer.flush()
        writer.end("a", states.Completed())
        (last,) = outputs(writer.path, "a")
        assert last["data"]["text/plain"].startswith("39 ")
        assert (writer.path / journal.JOURNAL).stat().st_size < 5000
