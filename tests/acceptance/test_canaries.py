"""A secret in every usual shape is driven into every place where a run leaves something.

Afterwards it is looked for, as it is and as it is usually encoded, in every file of the home folder
(the database among them), in what the API answers and in what the change stream carries. A control
runs the same without masking, and finds it in each place, so that the search itself is proved.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import websocket

from nbflow import settings
from nbflow.blocks import SecretStr
from nbflow.model import masking, template_context, wire
from nbflow.model.event_log import EventFilter
from nbflow.notifications import Webhook, acting
from nbflow.orchestration.orchestrator import Orchestrator
from tests import sinks

SECRET = "cAnary 7!/+ü\"'\\x"
TELLING = "cAnary"


def b64(before: str, text: str, after: str = "") -> str:
    return base64.b64encode(f"{before}{text}{after}".encode()).decode()


#: how a secret comes to stand in a text
SHAPES: dict[str, Callable[[str], str]] = {
    "plain": lambda s: s,
    "in a sentence": lambda s: f"the token is {s}, says he",
    "within a word": lambda s: f"x{s}x",
    "twice": lambda s: s + s,
    "over lines": lambda s: f"a\n{s}\nb",
    "in a key": lambda s: f"token={s}&x=1",
    "in a header": lambda s: f"Authorization: Bearer {s}",
    "in an address": lambda s: f"postgresql://me:{quote(s, safe='')}@host/db",
    "in a query": lambda s: f"https://host/?t={quote_plus(s)}",
    "in a path": lambda s: f"/a/{quote(s)}/b",
    "repr": repr,
    "repr of a list": lambda s: repr([1, s]),
    "repr of a dict": lambda s: repr({"token": s}),
    "repr of a tuple in a list": lambda s: repr([(s, None)]),
    "json": json.dumps,
    "json with letters": lambda s: json.dumps({"t": s}, ensure_ascii=False),
    "json in a list": lambda s: json.dumps([[s]]),
    "as a key of json": lambda s: json.dumps({s: 1}),
    "a line of csv": lambda s: f"1,{s},2",
    "in a table": lambda s: f"| a | {s} |",
    "in html": lambda s: f"<b>{s}</b>",
    "base64": lambda s: b64("", s),
    "base64 after one": lambda s: b64("x", s, "y"),
    "base64 after two": lambda s: b64("xy", s, "zzz"),
    "base64 of basic": lambda s: b64("user:", s),
    "base64 for urls": lambda s: base64.urlsafe_b64encode(f"u:{s}".encode()).decode(),
    "hexadecimal": lambda s: s.encode().hex(),
    "HEXADECIMAL": lambda s: s.encode().hex().upper(),
    "after a long text": lambda s: "y" * 5_000 + s,
    "with colours": lambda s: f"\x1b[31m{s}\x1b[0m",
}
#: what it looks like where it is found, besides
FORMS = {
    SECRET, repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1], quote(SECRET, safe=""), quote(SECRET),
    quote_plus(SECRET), SECRET.encode().hex(), SECRET.encode().hex().upper(), TELLING,
    *(b64("x" * n, SECRET)[(0, 2, 3)[n] : (0, 2, 3)[n] + 12] for n in range(3)),
}  # fmt: skip

#: the sinks, each with a mark so that the control can tell that it was reached
FLOW = """
import json, os, sys
from typing import Any
from pydantic import SecretStr
from nbflow import flow, get_run_logger, task
from nbflow.artifacts import create_markdown_artifact, create_table_artifact
from nbflow.model import masking
from nbflow.states import Completed
if os.environ.get("CONTROL"):
    masking._know = lambda secrets: None
shapes = json.loads(sys.argv[1])
secret = sys.argv[2]

class Telling:
    def __init__(self, text): self.text = text
    def __repr__(self): return "sink-preview " + self.text
    def __reduce__(self): return (int, (0,))

@task
def shown(text):
    return Telling(text)

@task(task_run_name="sink-task-name {at}")
def named(at):
    return Completed(message="sink-task-message " + at)

@task
def fails(text):
    raise ValueError("sink-error " + text)

@task(log_prints=True)
def prints(text):
    print("sink-print " + text)
    get_run_logger().warning("sink-log %s", text)

@flow(flow_run_name="sink-run-name {text}")
def child(text: str):
    return Completed(message="sink-state-message " + text)

@flow(name="canaries", log_prints=True)
def outer(token: SecretStr, texts: list[str], deep: Any):
    print("sink-parameter ", len(texts))
    whole = [text.removeprefix("sink-parameter ") for text in texts]
    cut = [text[:5] + text[5:][-115:] for text in whole]  # names, previews and cells end early
    for at, text in enumerate(dict.fromkeys(whole + cut)):
        shown(text)
        named(text, return_state=True)
        prints(text)
        fails(text, return_state=True)
        child(text[-200:], return_state=True)
        said = "sink-description " + text
        create_markdown_artifact("sink-markdown " + text, key=f"m{at}", description=said)
        create_table_artifact([{"table": "sink-table " + text, text[5:][-60:]: 1}], key=f"t{at}")
        try:
            raise RuntimeError("sink-traceback " + text)
        except RuntimeError:
            get_run_logger().exception("it failed")

deep = {"sink-deep " + s: [s] for s in shapes}
outer(SecretStr(secret), ["sink-parameter " + s for s in shapes], deep)
"""
NOTEBOOK = """
import json, os, sys
from nbflow import connect
from nbflow.model import masking
if os.environ.get("CONTROL"):
    masking._listeners.clear()
connect.connect()
secret = bytes.fromhex({secret!r}).decode()
if not os.environ.get("CONTROL"):
    masking.register_secret(secret)
shapes = [bytes.fromhex(s).decode() for s in {shapes!r}]
for shape in shapes:
    print("sink-stream", shape)
    for cut in (1, len(shape) // 2):
        sys.stdout.write("sink-split " + shape[:cut]); sys.stdout.flush()
        sys.stdout.write(shape[cut:] + "\\n"); sys.stdout.flush()
    display({{"text/html": "sink-html " + shape, "application/json": {{"sink-json": [shape]}},
             "text/plain": "x"}}, raw=True)
    print("sink-stderr", shape, file=sys.stderr)
"""
SINKS = [
    "sink-preview", "sink-task-name", "sink-task-message", "sink-error", "sink-print", "sink-log",
    "sink-run-name", "sink-state-message", "sink-parameter", "sink-deep", "sink-markdown",
    "sink-description", "sink-table", "sink-traceback",
]  # fmt: skip
#: every shape in every sink, by the mark both leave: `sink-log #07# …`
PRODUCT = [(sink, n) for sink in SINKS for n in range(len(SHAPES))]
OUTPUTS = ["sink-stream", "sink-split", "sink-html", "sink-json", "sink-stderr", "sink-raised"]


def drive(home: Path, *, control: bool, more: str = "", **environment: str) -> str:
    """Run the flow with every shape, and more; give what it wrote to the terminal."""
    shapes = [f"#{n:02}# {shape(SECRET)}" for n, shape in enumerate(SHAPES.values())]
    script = home.parent / "canaries.py"
    script.write_text(FLOW + more)
    env = {**os.environ, "NBFLOW_HOME": str(home), **environment}
    env |= {"CONTROL": "1"} if control else {}
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(shapes), SECRET],
        env=env, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def everything(home: Path, orchestrator: Orchestrator) -> dict[str, str]:
    """Give all that is kept and told, by place."""
    found = {
        str(path.relative_to(home)): path.read_bytes().decode("utf-8", "replace")
        for path in home.rglob("*")
        if path.is_file()
    }
    events = orchestrator.changes(0, limit=1_000).events
    found["the stream"] = json.dumps(wire.jsonable(events), ensure_ascii=False)
    for run in orchestrator.list_flow_runs(limit=200).rows:
        parts: list[Any] = [orchestrator.read_flow_run(run.id), orchestrator.list_states(run.id)]
        parts += [orchestrator.list_task_runs(run.id), orchestrator.list_logs(run.id).rows]
        found[f"the API on {run.id}"] = json.dumps(wire.jsonable(parts), ensure_ascii=False)
    return found


def leaks(places: dict[str, str]) -> list[tuple[str, str, str]]:
    """Give where a secret stands: the place, the form, and what is around it."""
    return [
        (place, form, text[max(text.find(form) - 60, 0) : text.find(form) + 20])
        for place, text in places.items()
        for form in FORMS
        if form in text
    ]


def segments(text: str, sink: str, n: int) -> list[str]:
    """Give what stands after the mark of a shape in a sink, up to the next mark."""
    return re.findall(rf"{sink}\W{{1,12}}#{n:02}#(.*?)(?=sink-|#\d\d#|\Z)", text, re.DOTALL)


def test_thirty_shapes_in_fourteen_sinks_of_a_flow_leave_nothing(
    home: Path, orchestrator: Orchestrator
) -> None:
    assert len(SHAPES) == 30
    assert len(SINKS) == 14
    terminal = drive(home, control=False)
    places = {**everything(home, orchestrator), "the terminal": terminal}
    assert leaks(places) == []
    text = "\n".join(places.values())
    assert [one for one in PRODUCT if not segments(text, *one)] == []  # each was driven through
    assert sum(text.count(masking.MASK) for text in places.values()) > 30 * 14


def test_the_control_without_masking_finds_it_in_every_sink(
    home: Path, orchestrator: Orchestrator
) -> None:
    terminal = drive(home, control=True)
    places = {**everything(home, orchestrator), "the terminal": terminal}
    text = "\n".join(places.values())
    unseen = [
        (sink, [*SHAPES][n])
        for sink, n in PRODUCT
        if not any(form in part for part in segments(text, sink, n) for form in FORMS)
    ]
    assert not unseen, str(unseen)


@pytest.mark.parametrize("control", [False, True])
def test_thirty_shapes_in_what_cells_put_out_leave_nothing(
    home: Path, orchestrator: Orchestrator, tmp_path: Path, control: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from nbformat.v4 import new_code_cell, new_notebook, writes

    from nbflow.cli.flow_run import executed_notebook
    from nbflow.model.runs import NewFlowRun
    from nbflow.notebook import exports
    from nbflow.notebook.running import run_now
    from nbflow.store import owners

    if control:
        monkeypatch.setenv("CONTROL", "1")
    shapes = [shape(SECRET).encode().hex() for shape in SHAPES.values()]
    source = NOTEBOOK.format(secret=SECRET[::-1].encode().hex(), shapes=[s[::-1] for s in shapes])
    source = source.replace("bytes.fromhex(s)", "bytes.fromhex(s[::-1])")
    source = source.replace(").decode()\nif", ").decode()[::-1]\nif")
    cells = [source, "kept = [secret]", "raise ValueError('sink-raised ' + kept[0])"]
    made = new_notebook(
        cells=[new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}},
    )
    path = tmp_path / "nb.ipynb"
    path.write_text(writes(made))
    new = NewFlowRun(
        "nb", kind="notebook", path=str(path), kernel_name="python3", owner=owners.current()
    )
    run = orchestrator.create_flow_run(new)
    state = run_now(orchestrator, run.id, 1)
    assert state.name == "Failed"
    executed = executed_notebook(orchestrator.read_flow_run(run.id))
    assert executed is not None
    told = {"html": exports.write(executed, "html", tmp_path / "exported.html").read_text()}
    told["executed"] = executed.read_text()
    places = {**everything(home, orchestrator), **told}
    text = "\n".join(places.values())
    if control:
        assert [one for one in told if TELLING not in told[one]] == []
        for sink in OUTPUTS:
            at = [i for i in range(len(text)) if text.startswith(sink, i)]
            assert any(TELLING in text[i : i + 6_000] for i in at), sink
        return
    assert leaks(places) == []
    for sink in OUTPUTS:
        assert f"{sink}" in text
    assert text.count(masking.MASK) > 30 * len(OUTPUTS)


# -- over the wire ----------------------------------------------------------------------------
#: what a flow does besides where a server is: an event of each shape, and a block
TOLD = """
from nbflow.blocks import JSON, Secret
from nbflow.events import emit_event
control = bool(os.environ.get("CONTROL"))
for shape in shapes:
    labels = {"nbflow.resource.id": "canary", "said": "sink-label " + shape[-120:]}
    emit_event("canary.told", labels, payload={"sink-payload": shape})
(JSON(value={"sink-block": secret}) if control else Secret(value=secret)).save("canary")
"""
#: commands whose output is read, in one process
COMMANDS = """
import json, sys
from nbflow.cli.main import run
for words in json.loads(sys.argv[1]):
    print(">", *words, run(words), flush=True)
"""
AUTOMATION = {
    "name": "canaries",
    "trigger": {"type": "event", "expect": ["canary.told"], "for_each": ["said"]},
    "actions": [{"type": "do-nothing"}],
}


#: faces on which the control must find it
TELLING_FACES = [
    "the stream", "the terminal", "commands", "errors", "flow-runs", "task-runs", "logs",
    "artifacts", "results", "events", "events/feed", "changes", "blocks",
    "automations/canaries/firings",
]  # fmt: skip


class Asked:
    """What a live server answers to whoever may read, by face."""

    def __init__(self, served: Any) -> None:
        self.served = served
        self.api = f"{served.url}nbflow/api/"
        self.door = {"NBFLOW_API_URL": served.url, "NBFLOW_API_TOKEN": served.token}
        self.faces: dict[str, str] = {}

    def ask(self, verb: str, route: str, body: Any = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.served.token}"}
        headers |= {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.api + route, data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")

    def read(self, route: str) -> Any:
        """Read a route that is there, as one of the faces; give its JSON, if it is some."""
        status, text = self.ask("GET", route)
        assert status == 200, (route, status, text)
        self.faces[route.partition("?")[0]] = text
        with suppress(ValueError):
            return json.loads(text)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the change stream meanwhile, with all it can be asked to tell of."""
        heard: list[str] = []
        stream = websocket.create_connection(
            f"ws{self.api[4:]}changes/stream", timeout=60,
            header=[f"Authorization: token {self.served.token}"],
        )  # fmt: skip
        for noun in ("artifacts", "events"):
            stream.send(json.dumps({"type": "watch", "noun": noun}))

        def listen() -> None:
            while heard[-1:] != [""]:
                heard.append(stream.recv())
                last = json.loads(heard[-1] or "{}")
                for event in last.get("events", ()):
                    if event["noun"] == "flow-runs" and event["kind"] == "created":
                        watch = {"type": "watch", "flow_run_id": event["resource_id"]}
                        stream.send(json.dumps(watch))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield
        finally:
            stream.send_close()
            thread.join(60)
            self.faces["the stream"] = "\n".join(heard)

    def look(self, *, control: bool) -> None:
        """Read every face once."""
        rid = self.read("flow-runs?flow_name=canaries&limit=1")["rows"][0]["id"]
        child = self.read("flow-runs?flow_name=child&limit=200")["rows"][0]["id"]
        for part in ("", "/states", "/task-runs", "/logs?limit=1000", "/logs/download", "/graph",
                     "/artifacts", "/explain", "/progress"):  # fmt: skip
            self.read(f"flow-runs/{rid}{part}")
        self.read(f"flow-runs/{child}/states")
        tasks = self.read("task-runs?limit=200")["rows"]
        self.read(f"task-runs/{tasks[0]['id']}")
        for artifact in self.read("artifacts?limit=200")["rows"][:2]:
            self.read(f"artifacts/{artifact['id']}")
            self.read(f"artifacts/{artifact['id']}/download")
        for result in self.read(f"results?flow_run_id={rid}&limit=200")["rows"][:2]:
            self.read(f"results/{result['key']}")
        for route in ("logs?limit=1000", "events?limit=200", "events/feed", "changes?limit=1000",
                      "flows", "flows/canaries", "blocks", "block-types", "automations",
                      "automations/canaries", "automations/canaries/firings?limit=200",
                      "automations/canaries/standing", "deployments", "variables"):  # fmt: skip
            self.read(route)
        kind = "json" if control else "secret"
        self.read(f"blocks/{kind}%2Fcanary")
        commands = [
            ["flow-run", "ls"], ["flow-run", "inspect", rid], ["flow-run", "logs", rid],
            ["task-run", "ls", "--flow-run", rid], ["artifact", "ls"], ["event", "ls"],
            ["block", "inspect", f"{kind}/canary"], ["automation", "inspect", "canaries"],
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, json.dumps(commands)], capture_output=True,
            text=True, timeout=110, check=True, env={**os.environ, **self.door},
        )  # fmt: skip
        self.faces["commands"] = done.stdout + done.stderr
        wrong = [
            ("blocks", {"type_slug": kind, "name": "other", "data": {"value": [{"x": 1}, SECRET]}}),
            ("blocks", {"type_slug": kind, "name": "canary", "data": {"value": SECRET}}),
            ("blocks", {"type_slug": "secret", "name": "b", "data": {"value": SECRET, "no": 1}}),
        ]
        self.faces["errors"] = "\n".join(str(self.ask("POST", *said)) for said in wrong)
        self.faces["server log"] = self.served.log.read_text()


def looked(folder: Path, serving: Any, wait_for: Any, *, control: bool) -> dict[str, str]:
    """Start a server, run the flow against it, and read every face once."""
    with serving(folder, NBFLOW_WORKER="0") as served:
        asked = Asked(served)
        status, said = asked.ask("POST", "automations", AUTOMATION)
        assert status == 201, said
        with asked.listening():
            out = drive(folder / "elsewhere", control=control, more=TOLD, **asked.door)
            firings = "automations/canaries/firings?limit=200"
            wait_for(lambda: asked.read(firings)["rows"], seconds=60, what="a firing")
        asked.faces["the terminal"] = out
        asked.look(control=control)
    return asked.faces


def test_a_live_server_tells_no_secret_on_any_of_its_faces(
    home: Path, tmp_path: Path, serving: Any, wait_for: Any
) -> None:
    faces = looked(tmp_path, serving, wait_for, control=False)
    assert leaks(faces) == []
    for sink in (*SINKS, "sink-label", "sink-payload"):  # each was reached
        assert any(sink in text for text in faces.values()), sink


def test_the_control_without_masking_finds_it_on_every_face(
    home: Path, tmp_path: Path, serving: Any, wait_for: Any
) -> None:
    faces = looked(tmp_path, serving, wait_for, control=True)
    for face in TELLING_FACES:
        assert TELLING in faces[face], face


# -- what leaves the machine ------------------------------------------------------------------
@pytest.mark.parametrize("control", [False, True])
def test_thirty_shapes_in_what_a_webhook_is_sent_leave_nothing(
    home: Path, orchestrator: Orchestrator, control: bool
) -> None:
    drive(home, control=control, more=TOLD)
    events = orchestrator.list_events(EventFilter(event=("canary.told",)), limit=200).rows
    assert len(events) == len(SHAPES)
    payload = {"said": "sink-body {{ event.payload | tojson }} {{ event.resource | tojson }}"}
    with (
        sinks.web() as sink,
        settings.temporary(outgoing_http=True, outgoing_hosts=f"127.0.0.1:{sink.port}"),
    ):
        Webhook(url=SecretStr(sink.url)).save("sink")
        action = {"type": "call-webhook", "block": "webhook/sink", "payload": payload}
        for one in events:
            context = template_context.build(one, {})
            done = acting.act({"id": one.id, "action": action, "context": context})
            assert done["state"] == "done", done
        bodies = [got.body.decode() for got in sink.got]
    assert len(bodies) == len(SHAPES)
    assert all("sink-body" in body and "sink-payload" in body for body in bodies)
    if control:
        assert all(any(form in json.loads(body)["said"] for form in FORMS) for body in bodies)
    else:
        assert leaks({str(n): body for n, body in enumerate(bodies)}) == []
