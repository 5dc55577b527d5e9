"""`%%task` and `%%flow`: a cell's body, run as a task run or a flow run, and shown while it runs.

How the body is compiled is in `body`; as what it runs, in `hosts`; what its line may say, in
`options`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, magics_class, no_var_expand

from nbflow import context
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.ipython import body, options, transform
from nbflow.ipython.body import Body
from nbflow.ipython.captured import Captured
from nbflow.ipython.deploying import Ran
from nbflow.model.cell_options import CellOptions, Kind
from nbflow.model.states import error_of

if TYPE_CHECKING:
    from nbflow.ipython.hosts import Host
    from nbflow.widgets.runview import RunView


@magics_class
class CellMagics(Magics):
    """The cell magics of nbflow."""

    def __init__(self, shell: Any, captured: Captured, ran: Ran) -> None:
        super().__init__(shell)
        self._captured = captured
        self._ran = ran

    @no_var_expand
    @cell_magic
    def task(self, line: str, cell: str) -> Coroutine[Any, Any, None] | None:
        """Run the cell as a task run. `%%task --help` shows what the line takes."""
        __tracebackhide__ = True
        return self._run("task", line, cell)

    @no_var_expand
    @cell_magic
    def flow(self, line: str, cell: str) -> Coroutine[Any, Any, None] | None:
        """Run the cell as a flow run. `%%flow --help` shows what the line takes."""
        __tracebackhide__ = True
        return self._run("flow", line, cell)

    def _run(self, kind: Kind, line: str, cell: str) -> Coroutine[Any, Any, None] | None:
        __tracebackhide__ = True
        transform.hear_no_more(self.shell)
        asked = options.read(kind, line, _metadata(self.shell))
        if asked.help:
            sys.stdout.write(options.usage(kind))
            return None
        if not cell.strip():
            raise options.wrong(kind, "The cell has no code.")
        compiled = body.compile_body(self.shell, cell)
        running = Running(self.shell, compiled, self._host(asked, cell, compiled))
        if compiled.awaits:
            return self._finish_async(running)
        return self._finish(running, running.run())

    def _host(self, asked: CellOptions, cell: str, compiled: Body) -> Host:
        if asked.kind == "task":
            return _task_host(self.shell, asked, cell)
        from nbflow.ipython import cell_flow  # it loads the engine

        shell: Any = self.shell
        before = [one.source for one in self._ran.before()]
        found = cell_flow.given(shell.user_ns, cell, before)
        host = cell_flow.host(shell, _name(asked, cell), asked, found)
        cell_flow.define(shell, cell, asked, found, awaits=compiled.awaits)
        return host

    async def _finish_async(self, running: Running) -> None:
        __tracebackhide__ = True
        self._finish(running, await running.arun())

    def _finish(self, running: Running, error: BaseException | None) -> None:
        """Let the cell end as its run did."""
        __tracebackhide__ = True
        compiled = running.body
        _define(running.host, awaits=compiled.awaits)
        if error is None:
            return
        self._captured.note(error)
        if compiled.capture and _has_shown(self.shell, error):
            return
        raise _shown_as_users(error, compiled)


class Running:
    """One running of a cell: its body, as what it runs, and what is seen of it."""

    def __init__(self, shell: Any, compiled: Body, host: Host) -> None:
        self.body = compiled
        self._shell = shell
        self.host = host
        self._view = _view(shell, host)
        host.begin = self._view.begin

    def run(self) -> BaseException | None:
        """Run a body that does not await; give the error it ended with."""
        try:
            return error_of(self.host.run(self._once))
        except BaseException as error:
            return error
        finally:
            self._view.end()

    async def arun(self) -> BaseException | None:
        """Run a body that awaits; give the error it ended with."""
        try:
            return error_of(await self.host.arun(self._aonce))
        except BaseException as error:
            return error
        finally:
            self._view.end()

    def _once(self) -> Any:
        __tracebackhide__ = True
        self._view.begin()
        return body.run(self._shell, self.body)

    async def _aonce(self) -> Any:
        __tracebackhide__ = True
        self._view.begin()
        return await body.run_async(self._shell, self.body)


def executed() -> bool:
    """Say whether this kernel executes a notebook's run."""
    return bool(os.environ.get("NBFLOW_FLOW_RUN_ID"))


def _task_host(shell: Any, asked: CellOptions, cell: str) -> Host:
    from nbflow.ipython import adopted, hosts  # they load the engine

    found = hosts.TaskCell(shell, _name(asked, cell), asked, cell, _metadata(shell).get("cellId"))
    try:
        if asked.cache or asked.returns:
            found.data.outputs  # noqa: B018 - it is asked for what there is
    except InvalidInput as error:
        raise options.wrong("task", error.message, error.hint) from None
    if executed() and context.here() is None:
        return adopted.Adopted(found)
    return hosts.AsTask(found)


def _define(host: Host, *, awaits: bool) -> None:
    """Bind the name of a task cell that has run."""
    from nbflow.ipython import defined, hosts

    if isinstance(host, hosts.AsTask):
        defined.define(host.cell, awaits=awaits)


def _name(asked: CellOptions, cell: str) -> str:
    from nbflow.model import notebooks

    return asked.name or notebooks.cell_name({"source": cell, "metadata": {}})


def _metadata(shell: Any) -> Mapping[str, Any]:
    """Give what the front end tells of the cell that runs: its id, and its own metadata."""
    request = getattr(shell, "parent_header", None) or {}
    return request.get("metadata") or {}


def _view(shell: Any, host: Host) -> RunView:
    from nbflow.widgets.front import shows_widgets
    from nbflow.widgets.runview import RunView

    if context.here() is not None:
        return RunView(shell.display_pub, host.look, when="never")  # it is seen in the flow's view
    return RunView(shell.display_pub, host.look, when="live" if shows_widgets(shell) else "end")


def _has_shown(shell: Any, error: BaseException) -> bool:
    result = shell.last_execution_result
    return error is getattr(result, "error_in_exec", None)


def _shown_as_users(error: BaseException, compiled: Body) -> BaseException:
    """Give an error with the user's part of its traceback; one of nbflow's own has none."""
    users = body.users_part(error, compiled)
    if users is None and isinstance(error, NbflowError):
        said = f"{type(error).__name__}: {error}"
        error.__dict__["_render_traceback_"] = lambda: [said]  # IPython then shows this line
    return error if users is None else error.with_traceback(users)
