"""The Jupyter protocol, spoken for one notebook run: ask cell by cell, listen, write it down.

`CellClient` is nbclient's NotebookClient with its own way to run a cell: one listener for the whole
run hands each message to the cell that caused it (also when it comes late), and a kernel's death or
a request to stop ends the waiting at once. Outputs go to the journal and are not kept in memory.
What a reply means is decided in `outcomes`; the process itself is `kernel`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import zmq
from nbclient import NotebookClient

from nbflow import settings
from nbflow.notebook import messages, outcomes
from nbflow.notebook.kernel import KernelProcess, settle
from nbflow.notebook.messages import Huge, Message
from nbflow.notebook.stopping import Stop
from nbflow.store.journaling import Journal

_log = logging.getLogger("nbflow.notebook")

#: how long a subscription may take before the kernel is asked again
_SUBSCRIBE_SECONDS = 0.1
#: how long a kernel may take to begin a cell it was sent
_BEGIN_SECONDS = 0.5
#: how long the output of a finished cell may be silent before it is taken as whole
_SILENCE_SECONDS = 4.0
#: the same for a kernel that is dead: what it sent is in our own socket already
_DEAD_SILENCE_SECONDS = 0.1


#: the name of the asyncio task that hears what the kernel sends
LISTENER = "nbflow-iopub"


class NotStarted(Exception):
    """The kernel did not come to answer: it died, took too long, or the run was stopped."""


class Unheard(Exception):
    """What the kernel sends can no longer be heard, so nobody knows what its cells show."""


@dataclass
class _Request:
    """Something asked of the kernel: for which cell, and what has come back on iopub."""

    idle: asyncio.Future[None]
    begun: asyncio.Future[None]
    cell_id: str | None = None
    stamps: dict[str, str] = field(default_factory=dict)
    execution_count: int | None = None


@dataclass(frozen=True)
class Ran:
    """How running a cell ended.

    Attributes:
        reply: content of the kernel's `execute_reply`; None: the kernel ended first.
        stamps: times as JupyterLab keeps them in a cell's `metadata.execution`.
        cut_short: `stop` or `timeout` when the cell was ended before its time.
        killed: and it did not end on interrupt.
    """

    reply: Mapping[str, Any] | None
    stamps: Mapping[str, str]
    execution_count: int | None
    cut_short: str = ""
    killed: bool = False


class CellClient(NotebookClient):
    """Runs cells in one kernel.

    Args:
        nb: the notebook (a NotebookNode); read, never changed.
        journal: where outputs go.
        stop: the request to end.
        on_text: called with (cell id, stream name, text) for each piece of a stream.
    """

    def __init__(
        self,
        nb: Any,
        *,
        journal: Journal,
        stop: Stop,
        on_text: Callable[[str, str, str], None],
        **options: Any,
    ) -> None:
        super().__init__(nb, **options)
        self.journal = journal
        self.stop = stop
        self.on_text = on_text
        #: why outputs can no longer be kept; the run must not go on
        self.fault: Exception | None = None
        self.process: KernelProcess
        self._channels: Any = None
        self._requests: dict[str, _Request] = {}
        self._heard = 0
        self._changed_models: set[str] = set()

    # -- the kernel ---------------------------------------------------------------------------
    @asynccontextmanager
    async def kernel(self, *, cwd: str | None, env: Mapping[str, str]) -> AsyncIterator[None]:
        """Start the kernel, and end it in any case. Raises NotStarted."""
        self.process = KernelProcess(self.create_kernel_manager(), self.stop)
        self.journal.on_pending = self._flush_soon
        tasks: list[asyncio.Task[None]] = []
        with self.stop.heard_by(self.process.hear_stop):
            try:
                await self._start(cwd=cwd, env=env)
                self.kc = self._channels = self.process.manager.client()
                self._channels.start_channels(stdin=False, hb=False, control=False)
                listening = asyncio.create_task(self._listen(), name=LISTENER)
                listening.add_done_callback(self._deaf)
                tasks += [asyncio.ensure_future(self._until_hung_up()), listening]
                await self._subscribe()
                self.process.forget_words()
                yield
            finally:
                await self.process.end(self.stop.goodbye_seconds(), *tasks[:1])
                self._disconnect(tasks)

    async def _start(self, *, cwd: str | None, env: Mapping[str, str]) -> None:
        try:
            await self.process.start(cwd=cwd, env=env, arguments=self._arguments())
        except OSError as error:
            raise NotStarted(str(error)) from error

    def _arguments(self) -> list[str]:
        """Keep what a run executes out of the user's IPython history."""
        program = " ".join(self.process.manager.kernel_spec.argv)
        in_memory = f"--HistoryManager.hist_file={self.ipython_hist_file}"
        return [in_memory] if "ipykernel" in program else []

    async def _until_hung_up(self) -> None:
        socket = self._channels.iopub_channel.socket
        await socket.get_monitor_socket(zmq.EVENT_DISCONNECTED).recv_multipart()

    def _disconnect(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.remove_done_callback(self._deaf)
            task.cancel()
        if self._channels is not None:
            self._channels.stop_channels()

    async def _subscribe(self) -> None:
        """Ask until the answer is heard on both channels: from then on no output can be missed."""
        deadline = asyncio.get_running_loop().time() + self.startup_timeout
        while True:
            request_id, request = self._ask("kernel_info_request", {})
            reply = asyncio.ensure_future(self._reply(request_id))
            await self._first(reply, deadline - asyncio.get_running_loop().time())
            if not reply.done():
                reply.cancel()
                raise NotStarted(self._why_not())
            await asyncio.wait({request.idle}, timeout=_SUBSCRIBE_SECONDS)
            if any(asked.idle.done() for asked in self._requests.values()):
                self.journal.metadata({"language_info": reply.result()["language_info"]})
                return

    def _why_not(self) -> str:
        if self.process.dead.done():
            return outcomes.kernel_ended(self.process.exit_code)
        return f"no answer in {self.startup_timeout:g} s"

    # -- a cell -------------------------------------------------------------------------------
    async def run_cell(
        self,
        cell: Mapping[str, Any],
        *,
        seconds: float | None = None,
        task_run_id: str | None = None,
    ) -> Ran:
        """Run a code cell to its end, or the kernel's, or until it is out of time or to stop."""
        content = {
            "code": cell["source"],
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        request_id, request = self._ask(
            "execute_request", content, cell["id"], nbflow_task_run_id=task_run_id
        )
        reply = asyncio.ensure_future(self._reply(request_id))
        cut_short = await self._first(reply, seconds)
        killed = bool(cut_short) and await self._interrupt(reply, request)
        await self._whole(reply, request)
        if not reply.done():
            reply.cancel()
        self._write_widgets()
        answer = None if reply.cancelled() or not reply.done() else reply.result()
        return Ran(answer, request.stamps, request.execution_count, cut_short, killed)

    def _ask(
        self, kind: str, content: Message, cell_id: str | None = None, **said: str | None
    ) -> tuple[str, _Request]:
        metadata = {"cellId": cell_id, **said} if cell_id else None  # `cellId`: as JupyterLab does
        message = self._channels.session.msg(kind, content, metadata=metadata)
        loop = asyncio.get_running_loop()
        request = _Request(loop.create_future(), loop.create_future(), cell_id)
        self._requests[message["header"]["msg_id"]] = request
        self._channels.shell_channel.send(message)
        return message["header"]["msg_id"], request

    async def _reply(self, request_id: str) -> Message:
        while True:
            message: Message = await messages.receive(self._channels.shell_channel)
            if message["parent_header"].get("msg_id") == request_id:
                request = self._requests[request_id]
                request.stamps["shell.execute_reply"] = message["header"].get("date", "")
                return message["content"]

    async def _first(self, reply: asyncio.Future[Message], seconds: float | None) -> str:
        """Wait for the reply or the kernel's death; else give why the waiting was cut short."""
        process = self.process
        waited = {reply, process.dead, process.stopping}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if reply.done() or process.dead.done():
            return ""
        return "stop" if process.stopping.done() else "timeout"

    async def _interrupt(self, reply: asyncio.Future[Message], request: _Request) -> bool:
        """End a cell before its time. True: its kernel had to be killed."""
        # a kernel that has not begun the cell would take no notice of an interrupt, and begin it
        begun = {request.begun, reply, self.process.dead}
        await asyncio.wait(begun, timeout=_BEGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return await self.process.interrupt(reply)

    async def _whole(self, reply: asyncio.Future[Message], request: _Request) -> None:
        """Wait until all output of a finished cell has come: `idle` says so, or silence does."""
        process = self.process
        while not (request.idle.done() and reply.done()):
            before = (self._heard, reply.done(), process.dead.done())
            silence = _DEAD_SILENCE_SECONDS if process.dead.done() else _SILENCE_SECONDS
            news = {f for f in (request.idle, reply, process.dead) if not f.done()}
            await asyncio.wait(news, timeout=silence, return_when=asyncio.FIRST_COMPLETED)
            if before == (self._heard, reply.done(), process.dead.done()):
                return

    # -- listening ----------------------------------------------------------------------------
    async def _listen(self) -> None:
        channel = self._channels.iopub_channel
        while True:
            try:
                message = await messages.receive(channel, largest=self.journal.cell_limit)
            except ValueError as error:
                _log.warning("a message was ignored: %s", error)
                continue
            self._heard += 1
            request = self._requests.get(message["parent_header"].get("msg_id"))
            if request is None:
                continue
            try:
                self._take(message, request)
            except Exception as error:  # never fall silent: the run would wait, and lose output
                self._break(error)

    def _deaf(self, listening: asyncio.Task[None]) -> None:
        """Break the run off: a cell whose output nobody heard must not end Completed without it."""
        cause = None if listening.cancelled() else listening.exception()
        error = Unheard(f"The kernel's outputs could no longer be heard: {cause or 'cancelled'}.")
        error.__cause__ = cause
        self._break(error)

    def _take(self, message: Message, request: _Request) -> None:
        """Take in one message on behalf of the request that caused it."""
        kind, content = message["msg_type"], message["content"]
        sent = message["header"].get("date", "")
        if kind == "status":
            request.stamps[f"iopub.status.{content['execution_state']}"] = sent
            if content["execution_state"] == "idle":
                settle(request.idle)
        elif kind == "execute_input":
            request.stamps["iopub.execute_input"] = sent
            request.execution_count = content["execution_count"]
            settle(request.begun)
        elif kind.startswith("comm_"):
            self._take_comm(message)
        elif request.cell_id is None:
            return
        elif isinstance(content, Huge):
            self._take_huge(kind, content, request.cell_id)
        else:
            self._take_output(message, kind, content, request.cell_id)

    def _take_huge(self, kind: str, content: Huge, cell_id: str) -> None:
        """Take what fits of an output that is larger than a cell's limit: a stream's beginning."""
        kept = 0
        if kind == "stream":
            name, text = content.stream(self.journal.cell_limit)
            self.journal.output(cell_id, {"output_type": kind, "name": name, "text": text})
            kept = len(text)
        self.journal.leave_out(cell_id, len(content) - kept)

    def _take_output(self, message: Message, kind: str, content: Message, cell_id: str) -> None:
        widgets = self.output_hook_stack.get(message["parent_header"]["msg_id"])
        display_id = (content.get("transient") or {}).get("display_id")
        if kind == "clear_output":
            if widgets:
                widgets[-1].clear_output([], message, 0)
            else:
                self.journal.clear(cell_id, wait=bool(content.get("wait")))
        elif kind == "update_display_data":
            if display_id:
                self.journal.update(
                    cell_id, display_id, content["data"], content.get("metadata", {})
                )
        elif widgets:
            widgets[-1].output([], message, display_id, 0)
        elif kind in _OUTPUTS:
            output = {"output_type": kind, **{key: content.get(key) for key in _OUTPUTS[kind]}}
            self.journal.output(cell_id, output, display_id=display_id)
            if kind == "stream":
                self.on_text(cell_id, content["name"], content["text"])

    def _take_comm(self, message: Message) -> None:
        self.handle_comm_msg([], message, 0)
        if "state" in message["content"].get("data", {}):
            self._changed_models.add(message["content"]["comm_id"])

    def _write_widgets(self) -> None:
        """Journal the widgets that changed, so that a saved copy shows them as they were."""
        changed: Message = {}
        for model_id in self._changed_models:
            state = self.widget_state.get(model_id, {})
            if "_model_name" in state:
                changed[model_id] = self._serialize_widget_state(state)
                if self.widget_buffers.get(model_id):
                    changed[model_id]["buffers"] = list(self.widget_buffers[model_id].values())
        self._changed_models.clear()
        if changed:
            self.journal.widgets(changed)

    # -- the journal's clock ------------------------------------------------------------------
    def _flush_soon(self) -> None:
        asyncio.get_running_loop().call_later(settings.spool_seconds, self._flush)

    def _flush(self) -> None:
        try:
            self.journal.flush()
        except OSError as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        """Stop the run: its outputs can no longer be kept."""
        if self.fault is None:
            self.fault = error
            self.stop.ask("terminate")


#: what nbformat keeps of each kind of output message
_OUTPUTS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}
