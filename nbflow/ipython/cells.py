"""`%%task` and `%%flow`: a cell's body, run as a task run or a flow run, and shown while it runs.

How the body is compiled is in `body`; as what it runs, in `hosts`; what its line may say, in
`options`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, magics_class, no_var_expand

from nbflow import context
from nbflow.exceptions import NbflowError
from nbflow.ipython import body, options
from nbflow.ipython.body import Body
from nbflow.ipython.captured import Captured
from nbflow.ipython.options import Kind, Options
from nbflow.model.states import error_of

if TYPE_CHECKING:
    from nbflow.ipython.hosts import Host
    from nbflow.widgets.runview import RunView


@magics_class
class CellMagics(Magics):
    """The cell magics of nbflow."""

    def __init__(self, shell: Any, captured: Captured) -> None:
        super().__init__(shell)
        self._captured = captured

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
        asked = options.read(kind, line)
        if asked.help:
            sys.stdout.write(options.usage(kind))
            return None
        if not cell.strip():
            raise options.wrong(kind, "The cell has no code.")
        compiled = body.compile_body(self.shell, cell)
        running = Running(self.shell, compiled, _host(self.shell, kind, asked, cell))
        if compiled.awaits:
            return self._finish_async(running)
        return self._finish(compiled, running.run())

    async def _finish_async(self, running: Running) -> None:
        __tracebackhide__ = True
        self._finish(running.body, await running.arun())

    def _finish(self, compiled: Body, error: BaseException | None) -> None:
        """Let the cell end as its run did."""
        __tracebackhide__ = True
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
        self._host = host
        self._view = _view(shell, host)

    def run(self) -> BaseException | None:
        """Run a body that does not await; give the error it ended with."""
        try:
            return error_of(self._host.run(self._once))
        except BaseException as error:
            return error
        finally:
            self._view.end()

    async def arun(self) -> BaseException | None:
        """Run a body that awaits; give the error it ended with."""
        try:
            return error_of(await self._host.arun(self._aonce))
        except BaseException as error:
            return error
        finally:
            self._view.end()

    def _once(self) -> None:
        __tracebackhide__ = True
        self._view.begin()
        body.run(self._shell, self.body)

    async def _aonce(self) -> None:
        __tracebackhide__ = True
        self._view.begin()
        await body.run_async(self._shell, self.body)


def executed() -> bool:
    """Say whether this kernel executes a notebook's run."""
    return bool(os.environ.get("NBFLOW_FLOW_RUN_ID"))


def _host(shell: Any, kind: Kind, asked: Options, cell: str) -> Host:
    from nbflow.ipython import adopted, hosts  # they load the engine
    from nbflow.model import notebooks

    name = asked.name or notebooks.cell_name({"source": cell, "metadata": {}})
    if kind == "flow":
        return hosts.AsFlow(name, asked)
    if executed() and context.here() is None:
        return adopted.Adopted(name, asked)
    return hosts.AsTask(name, asked, cell_id=_cell_id(shell))


def _cell_id(shell: Any) -> str | None:
    """Give the id of the cell that runs, where the front end sends it."""
    request = getattr(shell, "parent_header", None) or {}
    return request.get("metadata", {}).get("cellId")


def _view(shell: Any, host: Host) -> RunView:
    from nbflow.widgets.runview import RunView

    if context.here() is not None:
        return RunView(shell.display_pub, host.look, when="never")  # it is seen in the flow's view
    return RunView(shell.display_pub, host.look, when="live" if _shows_widgets(shell) else "end")


def _shows_widgets(shell: Any) -> bool:
    """Say whether somebody looks, through a front end that shows widgets."""
    told = os.environ.get("JPY_SESSION_NAME") or "__vsc_ipynb_file__" in shell.user_ns
    return bool(told) and hasattr(shell, "kernel") and not executed()


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
