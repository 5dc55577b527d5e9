"""The Jupyter protocol, spoken for one notebook run: ask cell by cell, listen, write it down.

`CellClient` is nbclient's NotebookClient with its own way to run a cell: each message is handed to
the cell that caused it (also when it comes late), and a kernel's death or a request to stop ends
the waiting at once. Outputs go to the journal and are not kept in memory. What a reply means is
decided in `outcomes`; the sockets are `wire`'s, the process itself is `kernel`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nbclient import NotebookClient

from nbflow import settings
from nbflow.kernels.provisioner import manager_for
from nbflow.model import cell_reports, told_secrets
from nbflow.model.cell_reports import CellReport
from nbflow.notebook import kernel_side, outcomes
from nbflow.notebook.kernel import KernelProcess, settle
from nbflow.notebook.messages import Huge, Message, Reader
from nbflow.notebook.stopping import Stop
from nbflow.notebook.wire import Frames, Wire
from nbflow.store.journaling import Journal

_log = logging.getLogger("nbflow.notebook")

#: how long a subscription may take before the kernel is asked again
_SUBSCRIBE_SECONDS = 0.1
#: ports are chosen before a kernel binds them, and may be another's by then: it is started again
_CHANCES, _TAKEN = 3, "Address already in use"
#: how long a kernel may take to begin a cell it was sent
_BEGIN_SECONDS = 0.5
#: how long the output of a finished cell may be silent before it is taken as whole
_SILENCE_SECONDS = 4.0
#: the same for a kernel that is dead: what it sent is in our own socket already
_DEAD_SILENCE_SECONDS = 0.1

#: outputs that may be thrown away once a cell has put out too much
_CAPPED = frozenset({"stream", "display_data", "execute_result"})


class NotStarted(Exception):
    """The kernel did not come to answer: it died, took too long, or the run was stopped."""


class Unheard(Exception):
    """What the kernel sends can no longer be heard, so nobody knows what its cells show."""


@dataclass
class _Request:
    """Something asked of the kernel: for which cell, and what has come back on iopub."""

    idle: asyncio.Future[None]
    begun: asyncio.Future[None]
    reply: asyncio.Future[Message]
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
        all_text: also what is too much to be kept.
        on_report: called with (cell id, what the kernel says of the cell).
        lasting: the kernel may be kept when the run has ended.
    """

    def __init__(
        self,
        nb: Any,
        *,
        journal: Journal,
        stop: Stop,
        on_text: Callable[[str, str, str], None],
        all_text: bool = False,
        on_report: Callable[[str, CellReport], None],
        lasting: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(nb, **options)
        self.lasting = lasting
        self.journal = journal
        self.stop = stop
        self.on_text = on_text
        self.all_text = all_text
        self.on_report = on_report
        #: why outputs can no longer be kept; the run must not go on
        self.fault: Exception | None = None
        self.process: KernelProcess
        self._wire: Wire | None = None
        self._replies: Reader
        self._news: Reader
        self._requests: dict[str, _Request] = {}
        self._heard = 0
        self._in_widgets = 0
        self._changed_models: set[str] = set()

    # -- the kernel ---------------------------------------------------------------------------
    @asynccontextmanager
    async def kernel(self, *, cwd: str | None, env: Mapping[str, str]) -> AsyncIterator[None]:
        """Start the kernel, and end it in any case. Raises NotStarted."""
        self.journal.on_pending = self._flush_soon
        for chance in range(_CHANCES):
            self._wire = None
            self._requests.clear()
            # nbclient's widgets look for it
            self.km = manager_for(self.kernel_name, lasting=self.lasting)
            self.process = KernelProcess(self.km, self.stop)
            with self.stop.heard_by(self.process.hear_stop):
                try:
                    if not await self._began(cwd=cwd, env=env, last=chance + 1 == _CHANCES):
                        continue
                    yield
                    return
                finally:
                    await self._end()

    async def _began(self, *, cwd: str | None, env: Mapping[str, str], last: bool) -> bool:
        """Start the kernel; False: its ports were taken by another before it had them."""
        try:
            await self._start(cwd=cwd, env=env)
            self._connect()
            await self._subscribe()
        except NotStarted:
            if last or not (self.process.dead.done() and self.process.wrote(_TAKEN)):
                raise
            return False
        self.process.answered()
        if self._is_ipykernel():
            self._ask("execute_request", _execution(kernel_side.PREPARE, silent=True))
        return True

    async def _end(self) -> None:
        hung_up = self._wire.hung_up if self._wire else None
        await self.process.end(self.stop.goodbye_seconds(), hung_up)
        if self._wire is not None:
            self._wire.close()

    def _connect(self) -> None:
        wire: Any = Wire(
            self.process.manager.get_connection_info(),
            on_reply=self._take_reply,
            on_news=self._take_news,
            on_broken=self._deaf,
        )
        self.kc = self._wire = wire  # nbclient's widgets send through `kc`
        self._replies = Reader(wire.session)
        self._news = Reader(
            wire.session, largest=self.journal.cell_limit, unwanted=self._is_too_much
        )

    async def _start(self, *, cwd: str | None, env: Mapping[str, str]) -> None:
        try:
            await self.process.start(cwd=cwd, env=env, arguments=self._arguments())
        except OSError as error:
            raise NotStarted(str(error)) from error

    def _arguments(self) -> list[str]:
        """Keep what a run executes out of the user's IPython history."""
        in_memory = f"--HistoryManager.hist_file={self.ipython_hist_file}"
        return [in_memory] if self._is_ipykernel() else []

    def _is_ipykernel(self) -> bool:
        return "ipykernel" in " ".join(self.process.manager.kernel_spec.argv)

    async def _subscribe(self) -> None:
        """Ask until the answer is heard on both channels: from then on no output can be missed."""
        deadline = asyncio.get_running_loop().time() + self.startup_timeout
        while True:
            request = self._ask("kernel_info_request", {})
            await self._first(request.reply, deadline - asyncio.get_running_loop().time())
            if not request.reply.done():
                raise NotStarted(self._why_not())
            await asyncio.wait({request.idle}, timeout=_SUBSCRIBE_SECONDS)
            if any(asked.idle.done() for asked in self._requests.values()):
                language = request.reply.result()["language_info"]
                self.journal.metadata({"language_info": language})
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
        source: str | None = None,
        seconds: float | None = None,
        task_run_id: str | None = None,
    ) -> Ran:
        """Run a code cell to its end, or the kernel's, or until it is out of time or to stop.

        Args:
            source: what is run in place of the cell's own source.
            seconds: the longest it may take.
        """
        code = cell["source"] if source is None else source
        request = self._ask(
            "execute_request", _execution(code), cell["id"], nbflow_task_run_id=task_run_id
        )
        cut_short = await self._first(request.reply, seconds)
        killed = bool(cut_short) and await self._interrupt(request)
        await self._whole(request)
        for name, text in self.journal.let_go(cell["id"]):
            self.on_text(cell["id"], name, text)
        self._write_widgets()
        answer = request.reply.result() if request.reply.done() else None
        return Ran(answer, request.stamps, request.execution_count, cut_short, killed)

    async def run_silently(self, code: str, *, seconds: float | None = None) -> Ran:
        """Run code that is no cell and shows nothing, as `run_cell` does."""
        request = self._ask("execute_request", _execution(code, silent=True))
        cut_short = await self._first(request.reply, seconds)
        killed = bool(cut_short) and await self._interrupt(request)
        answer = request.reply.result() if request.reply.done() else None
        return Ran(answer, {}, None, cut_short, killed)

    async def rest(self, seconds: float) -> None:
        """Wait, less long when the run is asked to stop or the kernel dies."""
        waited = {self.process.stopping, self.process.dead}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _ask(
        self, kind: str, content: Message, cell_id: str | None = None, **said: Any
    ) -> _Request:
        assert self._wire is not None
        metadata = {"cellId": cell_id, **said} if cell_id else None  # `cellId`: as JupyterLab does
        message = self._wire.session.msg(kind, content, metadata=metadata)
        new = asyncio.get_running_loop().create_future
        request = self._requests[message["msg_id"]] = _Request(new(), new(), new(), cell_id)
        self._wire.send(message)
        return request

    async def _first(self, reply: asyncio.Future[Message], seconds: float | None) -> str:
        """Wait for the reply or the kernel's death; else give why the waiting was cut short."""
        process = self.process
        waited = {reply, process.dead, process.stopping}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if reply.done() or process.dead.done():
            return ""
        return "stop" if process.stopping.done() else "timeout"

    async def _interrupt(self, request: _Request) -> bool:
        """End a cell before its time. True: its kernel had to be killed."""
        # a kernel that has not begun the cell would take no notice of an interrupt, and begin it
        begun = {request.begun, request.reply, self.process.dead}
        await asyncio.wait(begun, timeout=_BEGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return await self.process.interrupt(request.reply)

    async def _whole(self, request: _Request) -> None:
        """Wait until all output of a finished cell has come: `idle` says so, or silence does."""
        process, reply = self.process, request.reply
        while not (request.idle.done() and reply.done()):
            before = (self._heard, reply.done(), process.dead.done())
            silence = _DEAD_SILENCE_SECONDS if process.dead.done() else _SILENCE_SECONDS
            news = {f for f in (request.idle, reply, process.dead) if not f.done()}
            await asyncio.wait(news, timeout=silence, return_when=asyncio.FIRST_COMPLETED)
            if before == (self._heard, reply.done(), process.dead.done()):
                return

    # -- listening ----------------------------------------------------------------------------
    def _take_reply(self, frames: Frames) -> None:
        message = self._read(self._replies, frames)
        request = self._requests.get(message["parent_header"].get("msg_id")) if message else None
        if message is None or request is None:
            return
        request.stamps["shell.execute_reply"] = message["header"].get("date", "")
        if not request.reply.done():
            request.reply.set_result(message["content"])

    def _take_news(self, frames: Frames) -> None:
        message = self._read(self._news, frames)
        self._heard += 1
        request = self._requests.get(message["parent_header"].get("msg_id")) if message else None
        if message is None or request is None:
            return
        try:
            self._take(message, request)
        except Exception as error:  # never fall silent: the run would wait, and lose output
            self._break(error)

    def _read(self, reader: Reader, frames: Frames) -> Message | None:
        try:
            return reader.read(frames)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            _log.warning("a message was ignored: %s", error)
            return None

    def _is_too_much(self, kind: str, request_id: str, size: int) -> bool:
        """Say whether a message need not be read: its cell has put out all that is kept."""
        request = self._requests.get(request_id)
        if kind not in _CAPPED or request is None or request.cell_id is None or self.all_text:
            return False
        if request_id in self.output_hook_stack or not self.journal.is_full(request.cell_id):
            return False
        self.journal.leave_out(request.cell_id, size)
        return True

    def _deaf(self, cause: Exception) -> None:
        """Break the run off: a cell whose output nobody heard must not end Completed without it."""
        error = Unheard(f"The kernel's outputs could no longer be heard: {cause}.")
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
        elif kind == told_secrets.MESSAGE:
            told_secrets.take(content)
        elif request.cell_id is None:
            return
        elif kind == cell_reports.MESSAGE:
            self.on_report(request.cell_id, cell_reports.of_content(content))
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
            self._take_widget_output(widgets[-1], message, display_id, cell_id)
        elif kind == "error" and outcomes.leaves(content):
            said = {
                "output_type": "stream",
                "name": "stdout",
                "text": f"{content['traceback'][0]}\n",
            }
            self.journal.output(cell_id, said)
        elif kind in _OUTPUTS:
            output = {"output_type": kind, **{key: content.get(key) for key in _OUTPUTS[kind]}}
            text = self.journal.output(cell_id, output, display_id=display_id)
            if text:
                self.on_text(cell_id, content["name"], text)

    def _take_widget_output(
        self, widget: Any, message: Message, display_id: str | None, cell_id: str
    ) -> None:
        """Show an output in its widget, which keeps all of it in memory, here and in the kernel."""
        content = message["content"]
        size = len(content.get("text", "")) or sum(
            len(str(v)) for v in content.get("data", {}).values()
        )
        if self._in_widgets + size > self.journal.cell_limit:
            self.journal.leave_out(cell_id, size)
            return
        self._in_widgets += size
        widget.output([], message, display_id, 0)

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


def _execution(code: str, *, silent: bool = False) -> Message:
    """Give the content of a request to run code."""
    return {
        "code": code,
        "silent": silent,
        "store_history": not silent,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }
