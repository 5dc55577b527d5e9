"""A real kernel with nbflow loaded, asked cell by cell, and the store it writes to."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from nbflow.model.backend import RunFilter
from nbflow.model.ids import uuid7
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.orchestration.orchestrator import Orchestrator

Message = dict[str, Any]
_GATE = """
import os, threading
while not os.path.exists({path!r}):
    threading.Event().wait(0.01)
"""
HTML, TEXT = "text/html", "text/plain"
RUN = "application/vnd.nbflow.run.v1+json"


@dataclass
class Reply:
    """What came of a cell: the reply's content, and all it put out, in order."""

    content: dict[str, Any]
    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.content["status"]

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the contents of messages of some kinds."""
        return [m["content"] for m in self.messages if m["msg_type"] in kinds]

    def text(self, name: str = "stdout") -> str:
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)

    @property
    def results(self) -> list[str]:
        return [c["data"][TEXT] for c in self.of("execute_result")]

    @property
    def displays(self) -> list[dict[str, Any]]:
        """Give what is on display in the end, as a saved notebook has it."""
        shown: dict[str, dict[str, Any]] = {}
        for number, content in enumerate(self.of("display_data", "update_display_data")):
            shown[content["transient"].get("display_id", str(number))] = content["data"]
        return list(shown.values())

    @property
    def errors(self) -> list[str]:
        return ["\n".join(c["traceback"]) for c in self.of("error")]


class Kernel:
    """A kernel started for a test.

    Args:
        home: nbflow's home folder; the kernel's own.
        env: more environment variables.
    """

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        foreign = ("NBFLOW_", "JPY_SESSION")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self._env = kept | {"NBFLOW_HOME": str(home), "IPYTHONDIR": str(home / "ipython"), **env}
        try:
            self._start()
        except RuntimeError:  # a port was taken between the choice of it and its use
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=True)
            self._start()

    def _start(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(
            env=self._env, extra_arguments=["--colors=NoColor"], cwd=str(self.home)
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=90)

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid  # type: ignore[union-attr]

    def run(
        self,
        code: str,
        *,
        on_message: Callable[[Message], None] = lambda _: None,
        cell_id: str | None = None,
    ) -> Reply:
        """Run a cell to its end; `cell_id` as JupyterLab sends it.

        An error aborts nothing: on a busy machine that would take the next cell with it.
        """
        self.client.session.metadata = {} if cell_id is None else {"cellId": cell_id}
        messages: list[Message] = []

        def hear(message: Message) -> None:
            messages.append(message)
            on_message(message)

        reply = self.client.execute_interactive(
            code, stop_on_error=False, output_hook=hear, timeout=60
        )
        return Reply(reply["content"], messages)

    def run_all(self, *cells: str) -> list[str]:
        """Send cells at once, as Run All does; give the status of each.

        A kernel aborts what has arrived when a cell fails; on a busy machine that takes a moment.
        """
        self._abort_for(0.5)
        gate = self.home / f"gate-{uuid7()}"
        self.client.execute(_GATE.format(path=str(gate)))  # nothing runs before all was sent
        sent = [self.client.execute(cell) for cell in cells]
        self._until_read()
        gate.touch()
        replies: dict[str, str] = {}
        while not replies.keys() >= set(sent):
            message = self.client.get_shell_msg(timeout=60)
            replies[message["parent_header"]["msg_id"]] = message["content"]["status"]
        self._abort_for(0.0)
        return [replies[msg_id] for msg_id in sent]

    def _until_read(self) -> None:
        """Wait until the kernel has read all that was sent: what is for nobody it refuses at once.

        A kernel without subshells answers nothing as long as a cell runs; it is given a second.
        """
        asked = self.client.session.msg("kernel_info_request")
        asked["header"]["subshell_id"] = "nobody"
        self.client.shell_channel.send(asked)
        mine = False
        with suppress(queue.Empty):
            while not mine:
                answer = self.client.get_shell_msg(timeout=1)
                mine = answer["parent_header"]["msg_id"] == asked["header"]["msg_id"]

    def _abort_for(self, seconds: float) -> None:
        """Say how long after an error requests are aborted; asked again while this one is, too."""
        code = f"get_ipython().kernel.stop_on_error_timeout = {seconds}"
        status = "aborted"
        while status == "aborted":
            reply = self.client.execute(code, silent=True, reply=True, timeout=60)
            status = reply["content"]["status"]

    def value(self, expression: str) -> str:
        """Give the repr of an expression in the kernel."""
        request = {"value": expression}
        reply = self.client.execute("", user_expressions=request, silent=True, reply=True)
        return reply["content"]["user_expressions"]["value"]["data"][TEXT]

    def shut_down(self) -> None:
        """End it as a front end does, asked first."""
        self.client.stop_channels()
        self.manager.shutdown_kernel()

    def store(self) -> Orchestrator:
        return Orchestrator(f"sqlite:///{self.home / 'nbflow.sqlite'}")


class Records:
    """What the store knows; each look waits until it is there."""

    def __init__(self, kernel: Kernel, wait_for: Callable[..., Any]) -> None:
        self.kernel, self.wait_for = kernel, wait_for
        self.orchestrator = kernel.store()

    def flow_runs(self, name: str | None = None) -> tuple[FlowRun, ...]:
        where = RunFilter(flow_name=name, sessions=True)
        return self.orchestrator.list_flow_runs(where).rows

    def flow_run(self, name: str) -> FlowRun:
        """Give the latest run of a flow, once it has ended."""

        def look() -> FlowRun | None:
            found = self.flow_runs(name)
            return found[0] if found and found[0].state.is_final() else None

        return self.wait_for(look, what=f"the end of {name}")

    @property
    def session(self) -> FlowRun:
        (found,) = [run for run in self.flow_runs() if run.kind == "session"]
        return found

    def task_runs(self, name: str, *, of: FlowRun | None = None, count: int = 1) -> list[TaskRun]:
        """Give the ended task runs of a name, once there are so many."""

        def look() -> list[TaskRun] | None:
            rows = self.orchestrator.list_task_runs((of or self.session).id)
            found = [row for row in rows if row.name == name and row.state.is_final()]
            return found if len(found) >= count else None

        found = self.wait_for(look, what=f"{count} ended task runs {name}")
        assert len(found) == count
        return found

    def task_run(self, name: str, *, of: FlowRun | None = None) -> TaskRun:
        """Give the one ended task run of a name."""
        return self.task_runs(name, of=of)[0]


@pytest.fixture
def kernel_class() -> type[Kernel]:
    """For a test that wants a kernel of its own: `kernel_class(home, **environment)`."""
    return Kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the tests of a file, which give their cells names of their own."""
    kernel = Kernel(tmp_path_factory.mktemp("home"))
    assert kernel.run("%load_ext nbflow").ok
    yield kernel
    kernel.shut_down()


@pytest.fixture
def records(kernel: Kernel, wait_for: Callable[..., Any]) -> Iterator[Records]:
    """What the kernel's store knows."""
    records = Records(kernel, wait_for)
    yield records
    records.orchestrator.close()


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Start a kernel that this test ends, or that is killed after it."""
    started: list[Kernel] = []

    def start(**env: str) -> Kernel:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        started.append(Kernel(home, **env))
        assert started[-1].run("%load_ext nbflow").messages
        return started[-1]

    yield start
    for kernel in started:
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=True)
        kernel.manager.cleanup_resources()


@pytest.fixture
def records_of(wait_for: Callable[..., Any]) -> Iterator[Callable[[Kernel], Records]]:
    """Look into the store of a kernel, during or after its life."""
    opened: list[Records] = []

    def look(kernel: Kernel) -> Records:
        opened.append(Records(kernel, wait_for))
        return opened[-1]

    yield look
    for records in opened:
        records.orchestrator.close()


@pytest.fixture(scope="session")
def kernel_type() -> type[Kernel]:
    """The class, for kernels that differ from `kernel`."""
    return Kernel
