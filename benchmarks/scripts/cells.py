"""Execute a notebook with one engine; print what the call itself cost this process, as JSON.

`cells.py papermill|nbclient|nbflow NOTEBOOK OUTPUT`. Imports and the kernel's own CPU are left out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def papermill(notebook: str, output: str) -> Callable[[], object]:
    """Execute as papermill does by default."""
    import papermill as pm

    options = {"kernel_name": "python3", "progress_bar": False}
    return lambda: pm.execute_notebook(notebook, output, **options)


def nbclient(notebook: str, output: str) -> Callable[[], object]:
    """Execute in memory and write the notebook once."""
    import nbformat
    from nbclient import NotebookClient

    def work() -> None:
        nb = nbformat.read(notebook, as_version=4)
        NotebookClient(nb, kernel_name="python3", timeout=None).execute()
        nbformat.write(nb, output)

    return work


def nbflow(notebook: str, output: str) -> Callable[[], object]:
    """Execute as a recorded run, each cell safe against kill -9."""
    from nbflow.notebook import running

    running.lighten()
    import papermill  # noqa: F401 - imports are not what is measured

    from nbflow import connect
    from nbflow.model.runs import NewFlowRun
    from nbflow.store import owners

    backend = connect.connect()
    new = NewFlowRun("cells", kind="notebook", path=notebook, owner=owners.current())
    run = backend.create_flow_run(new)
    return lambda: running.run_now(backend, run.id, run.attempt)


def main(engine: str, notebook: str, output: str) -> None:
    """Execute; print seconds."""
    work = {"papermill": papermill, "nbclient": nbclient, "nbflow": nbflow}[engine](
        notebook, output
    )
    cpu, wall = time.process_time(), time.perf_counter()
    ended = work()
    said = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    state = getattr(ended, "name", "Completed")
    if state != "Completed":
        sys.exit(f"{Path(notebook).name}: {state}. {getattr(ended, 'message', '')}")
    print(json.dumps(said))


main(*sys.argv[1:])
