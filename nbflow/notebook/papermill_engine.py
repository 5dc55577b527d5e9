"""The papermill engine `nbflow`: cells journaled as they run, instead of the file saved per cell.

papermill loads this module whenever it is imported itself, in whatever process: nothing heavy may
be imported here, and papermill only inside functions.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.model.backend import Backend
    from nbflow.model.runs import TaskRun
    from nbflow.model.states import State
    from nbflow.notebook.attempt import Attempt
    from nbflow.notebook.prepared import Prepared

    OnCell = Callable[[TaskRun], None]


class NbflowEngine:
    """What papermill calls for `engine_name="nbflow"` (entry point `papermill.engine`)."""

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """Give the kernel of a notebook, or `name`. Raises ValueError."""
        from papermill.utils import nb_kernel_name

        return nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """Give the language of a notebook, or `language`. Raises ValueError."""
        from papermill.utils import nb_language

        return nb_language(nb, language)

    @classmethod
    def execute_notebook(
        cls, nb: Any, kernel_name: str, *, attempt: Attempt | None = None, **options: Any
    ) -> Any:
        """Execute a prepared notebook; without an `attempt`, give it with what its cells put out.

        Args:
            nb: a NotebookNode, parameters injected.
            kernel_name: the kernelspec.
            attempt: the run it belongs to, which then keeps outputs and state, so that papermill
                gets an empty notebook back; left out where papermill is used by itself.
            options: papermill's own (`output_path`, `progress_bar`, `log_output`, …).
        """
        if attempt is None:
            return _execute_alone(nb, kernel_name, **options)
        from nbformat.v4 import new_notebook

        # papermill was given a notebook, and keeps all of it as its own "input path"
        nb.metadata.papermill.update(input_path=attempt.source, output_path=None)
        attempt.run(nb, kernel_name)
        return new_notebook()


def _execute_alone(
    nb: Any,
    kernel_name: str,
    *,
    output_path: str | None = None,
    progress_bar: Any = True,
    start_timeout: float = 60,
    execution_timeout: float | None = None,
    autosave_cell_every: float = 30,
    **options: Any,
) -> Any:
    """Execute what papermill was asked for; it is recorded where the store can be opened.

    Raises what papermill's own engine does: DeadKernelError, CellTimeoutError, KeyboardInterrupt.
    """
    from papermill.iorw import write_ipynb
    from papermill.log import logger

    from nbflow.notebook.prepared import Prepared, open_store

    prepared = Prepared(nb, kernel_name, start_timeout, execution_timeout, _echo(**options))
    backend, problem = open_store()
    with ExitStack() as stack:
        on_cell = stack.enter_context(_progress(progress_bar))
        saving = _Saving(output_path, autosave_cell_every, on_cell)
        if backend is None:
            logger.warning("nbflow does not record this run: %s", problem)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            state = _run_unrecorded(prepared, folder, saving)
        else:
            state = _run_recorded(prepared, backend, saving)
        executed = saving.executed(state)
    write_ipynb(executed, output_path)
    _raise_for(state)
    if not state.is_completed():
        logger.error(state.message)
    return executed


def _run_recorded(prepared: Prepared, backend: Backend, saving: _Saving) -> State:
    from nbflow.notebook import running
    from nbflow.notebook.prepared import create_run
    from nbflow.store import journal

    run = create_run(backend, prepared.nb, prepared.kernel_name)
    saving.folder = journal.folder(f"runs/{run.id}/1")
    return running.run_now(backend, run.id, 1, on_cell=saving, opened=prepared)


def _run_unrecorded(prepared: Prepared, folder: Path, saving: _Saving) -> State:
    from nbflow.notebook.attempt import Attempt
    from nbflow.notebook.cells import CellRuns
    from nbflow.notebook.stopping import Stop

    saving.folder = folder
    stop = Stop()
    attempt = Attempt(folder, CellRuns(on_cell=saving), stop, env=dict(os.environ))
    with stop.on_signals():
        prepared.execute(attempt)
    assert attempt.state is not None
    return attempt.state


class _Saving:
    """Saves the notebook as far as it has run, after a cell, at most every so many seconds.

    Attributes:
        folder: the attempt's.
    """

    def __init__(self, output_path: str | None, every: float, on_cell: OnCell | None) -> None:
        self.folder: Path
        self._output_path = output_path
        self._every = every
        self._on_cell = on_cell
        self._saved_at = 0.0

    def __call__(self, run: TaskRun) -> None:
        """Take in a cell as it now is."""
        from nbflow.model import clock

        if self._on_cell is not None:
            self._on_cell(run)
        if self._output_path is None or not self._every or not run.state.is_final():
            return
        now = clock.monotonic()
        if now - self._saved_at >= self._every:
            self._saved_at = now
            self._save()

    def executed(self, state: State) -> Any:
        """Give the executed notebook. Raises InvalidNotebook when the run never came to it."""
        import nbformat

        from nbflow.exceptions import InvalidNotebook, NotFound
        from nbflow.store import journal

        try:
            return nbformat.from_dict(journal.read(self.folder, state))
        except NotFound:
            code = state.details.get("cause", "notebook.invalid")
            raise InvalidNotebook(state.message, code=code) from None

    def _save(self) -> None:
        import nbformat
        from papermill.iorw import write_ipynb

        from nbflow.store import journal

        write_ipynb(nbformat.from_dict(journal.read(self.folder)), self._output_path)


@contextmanager
def _progress(wanted: Any) -> Iterator[Callable[[TaskRun], None] | None]:
    """Show papermill's progress bar, as `progress_bar` asks."""
    if not wanted:
        yield None
        return
    from tqdm.auto import tqdm

    options: dict[str, Any] = {"unit": "cell", "desc": "Executing"} | (
        wanted if isinstance(wanted, dict) else {}
    )
    with tqdm(total=0, **options) as bar:

        def on_cell(run: TaskRun) -> None:
            if run.state.is_final():
                bar.update(1)
            elif run.state.name == "Pending":
                bar.total += 1
                bar.refresh()

        yield on_cell


def _echo(
    *, log_output: bool = False, stdout_file: Any = None, stderr_file: Any = None, **_: Any
) -> Callable[[str, str, str], None] | None:
    """Copy what cells print to papermill's log and files, as its options ask."""
    if not (log_output or stdout_file or stderr_file):
        return None
    from papermill.log import logger

    files = {"stdout": stdout_file, "stderr": stderr_file}

    def echo(_cell_id: str, stream: str, text: str) -> None:
        if log_output:
            logger.log(logging.WARNING if stream == "stderr" else logging.INFO, text)
        file = files.get(stream)
        if file is not None:
            file.write(text)
            file.flush()

    return echo


def _raise_for(state: State) -> None:
    """Raise what papermill's callers expect; an exception in a cell papermill itself finds."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    from nbflow.exceptions import InvalidNotebook

    cause = state.details.get("cause")
    if cause == "stopped":
        raise KeyboardInterrupt(state.message)
    if cause == "timeout":
        raise CellTimeoutError(state.message)
    if state.is_crashed() or cause == "exit":
        raise DeadKernelError(state.message)
    if state.is_failed() and cause != "exception":
        raise InvalidNotebook(state.message, code=str(cause))
