"""The papermill engine `nbflow`: cells journaled as they run, instead of the file saved per cell.

papermill loads this module whenever it is imported itself, in whatever process: nothing heavy may
be imported here, and papermill only inside functions.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.model.runs import TaskRun
    from nbflow.model.states import State
    from nbflow.notebook.attempt import Attempt


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
    **options: Any,
) -> Any:
    """Execute without a run of nbflow's: nothing is recorded, outputs come back in the notebook.

    Raises what papermill's own engine does: DeadKernelError, CellTimeoutError, KeyboardInterrupt.
    """
    import nbformat
    from papermill.iorw import write_ipynb

    from nbflow.notebook.attempt import Attempt
    from nbflow.notebook.cells import CellRuns
    from nbflow.notebook.stopping import Stop
    from nbflow.store import journal

    stop = Stop()
    with tempfile.TemporaryDirectory() as folder, _progress(progress_bar) as on_cell:
        attempt = Attempt(
            Path(folder),
            CellRuns(on_cell=on_cell),
            stop,
            env=dict(os.environ),
            start_seconds=start_timeout,
            cell_seconds=execution_timeout,
            on_text=_echo(**options),
        )
        with stop.on_signals():
            state = attempt.run(nb, kernel_name)
        executed = nbformat.from_dict(journal.replay(Path(folder)))
    write_ipynb(executed, output_path)
    _raise_for(state)
    return executed


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

    cause = state.details.get("cause")
    if cause == "stopped":
        raise KeyboardInterrupt(state.message)
    if cause == "timeout":
        raise CellTimeoutError(state.message)
    if cause in ("kernel_died", "kernel.start_failed", "exit"):
        raise DeadKernelError(state.message)
