"""`deploy --check`: start a notebook's kernel once, run what it imports, and list what is missing.

Nothing else of the notebook is run. `python -m nbflow.notebook.checking PATH` prints the answer as
JSON: so a server has it asked by a process of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbflow.exceptions import NbflowError
from nbflow.kernels import environments, specs
from nbflow.model import clock, deploying, import_cells, notebooks, texts
from nbflow.model.import_cells import Checked, Missing, Probe
from nbflow.model.wire import jsonable
from nbflow.notebook.files import read

_NO_MODULE = re.compile(r"No module named '([^']+)'")
#: how long all imports together may take, seconds
PATIENCE_SECONDS = 120


def check(path: str, *, kernel_name: str | None = None) -> Checked:
    """Run the imports of a notebook in its kernel, in the notebook's folder; tell what is missing.

    Args:
        path: the notebook's file; of `NB.ipynb:FLOW` the whole notebook is looked at.
        kernel_name: the notebook's own when left out.

    Raises InvalidNotebook, and InvalidInput for a kernel that is not here.
    """
    file, text = read(deploying.split(path)[0])
    nb = notebooks.parse(text, name=Path(file).name)
    kernels = specs.known()
    kernel = deploying.kernel_of(nb, kernel_name, kernels)
    probes = import_cells.probes(nb)
    began = clock.monotonic()
    try:
        errors = _errors(probes, kernel.name, Path(file).parent)
    except Exception as error:  # a kernel that does not start: which error depends on how
        problem = f"The kernel {kernel.name} cannot be asked: {texts.safe(str(error)) or 'it died'}"
        return Checked(file, kernel.name, 0, seconds=clock.monotonic() - began, problem=problem)
    python = environments.python_of(kernel.argv)
    missing = [_missing(p, e, python) for p, e in zip(probes, errors, strict=True) if e is not None]
    seconds = round(clock.monotonic() - began, 3)
    return Checked(file, kernel.name, len(probes), tuple(dict.fromkeys(missing)), seconds)


def _errors(probes: Sequence[Probe], kernel_name: str, folder: Path) -> list[str | None]:
    """Run each piece in one kernel; give its error as `Name: message`, or None."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    nb = new_notebook(cells=[new_code_cell(probe.code) for probe in probes])
    client = NotebookClient(
        nb, kernel_name=kernel_name, allow_errors=True, timeout=PATIENCE_SECONDS,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with client.setup_kernel(**silent):  # also of no cells: whether it starts belongs to the answer
        for index, cell in enumerate(nb.cells):
            client.execute_cell(cell, index)
    return [_error_of(cell) for cell in nb.cells]


def _error_of(cell: Any) -> str | None:
    for output in cell.get("outputs", ()):
        if output.get("output_type") == "error":
            return texts.safe(f"{output['ename']}: {output['evalue']}")
    return None


def _missing(probe: Probe, error: str, python: Sequence[str]) -> Missing:
    found = _NO_MODULE.search(error)
    module = found[1] if found else None
    hint = None
    if module is not None:
        command = " ".join(python) if python else "python"
        package = import_cells.package_of(module)
        hint = f"{command} -m pip install {package}, or put {module}.py beside the notebook"
    return Missing(probe.cell_id, probe.cell_index, probe.cell_name, module, error, hint)


def main(argv: list[str] | None = None) -> int:
    """Check one notebook and print what was found, or the error, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m nbflow.notebook.checking")
    parser.add_argument("path")
    parser.add_argument("--kernel", default=None)
    given = parser.parse_args(argv)
    try:
        answer: Any = jsonable(check(given.path, kernel_name=given.kernel))
    except NbflowError as error:
        answer = {"error": error.problem() | {"status": error.status}}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
