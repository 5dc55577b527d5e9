"""Whether a kernel's environment has nbflow, asked before a notebook that needs it is deployed.

Its interpreter is started for a moment, as the kernelspec starts it; a kernelspec that does not say
how it starts Python is not asked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nbflow.exceptions import InvalidNotebook
from nbflow.model import notebooks
from nbflow.model.deployments import NewDeployment

_LOOK = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('nbflow') else 3)"
_LACKS = 3
_PATIENCE_SECONDS = 30.0


def check(new: NewDeployment) -> None:
    """Refuse a notebook with magics whose kernel could not load nbflow.

    Raises InvalidNotebook (`kernel.no_nbflow`) with the line that installs it.
    """
    python = _python(new.kernel_argv)
    if not python or _is_this(python):
        return
    nb = notebooks.parse(new.content, name=Path(new.path).name)
    if notebooks.needs_nbflow(nb) and _lacks_nbflow(python):
        install = " ".join([*python, "-m pip install nbflow"])
        raise InvalidNotebook(
            f"{Path(new.path).name} needs nbflow in its kernel, and the environment of "
            f"{new.kernel_name!r} has none.",
            code="kernel.no_nbflow", field="kernel_name", hint=f"Install it there: {install}",
        )  # fmt: skip


def _python(argv: Sequence[str]) -> list[str]:
    """Give what starts the kernel's Python; empty: the kernelspec does not tell."""
    words = list(argv)
    at = words.index("-m") if "-m" in words else 0
    return words[:at] if words[at + 1 : at + 2] == ["ipykernel_launcher"] else []


def _is_this(python: Sequence[str]) -> bool:
    # Not by what links point to: a virtual environment's interpreter is a link to another one.
    if len(python) > 1:
        return False
    plain = re.fullmatch(r"python(?:3(?:\.\d+)?)?", python[0])  # jupyter_client takes its own
    return bool(plain) or os.path.abspath(python[0]) == os.path.abspath(sys.executable)


def _lacks_nbflow(python: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            [*python, "-c", _LOOK], timeout=_PATIENCE_SECONDS, capture_output=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False  # it does not start now: that is another trouble, and its run will say so
    return done.returncode == _LACKS
