"""What a notebook needs of the environments it will run in, asked before it is deployed or run.

Of its kernel's: nbflow, if it has magics. Its interpreter is started for a moment, as the
kernelspec starts it; a kernelspec that does not say how it starts Python is not asked. Of this one:
nbconvert's exporters, and the programs some of them call.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import names, notebooks
from nbflow.model.deployments import NewDeployment

_LOOK = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('nbflow') else 3)"
_LACKS = 3
_PATIENCE_SECONDS = 30.0


def check(new: NewDeployment) -> None:
    """Refuse a notebook with magics whose kernel could not load nbflow, and unknown exports.

    Raises InvalidNotebook (`kernel.no_nbflow`) with the line that installs it, InvalidInput.
    """
    check_exports(new.options.get("exports", ()))
    python = python_of(new.kernel_argv)
    if not python or _is_this(python):
        return
    nb = notebooks.parse(new.content, name=Path(new.path).name)
    if notebooks.needs_nbflow(nb) and _lacks_nbflow(python, Path(new.path).parent):
        install = " ".join([*python, "-m pip install nbflow"])
        raise InvalidNotebook(
            f"{Path(new.path).name} needs nbflow in its kernel, and the environment of "
            f"{new.kernel_name!r} has none.",
            code="kernel.no_nbflow", field="kernel_name", hint=f"Install it there: {install}",
        )  # fmt: skip


def python_of(argv: Sequence[str]) -> list[str]:
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


def _lacks_nbflow(python: Sequence[str], folder: Path) -> bool:
    """Ask an interpreter, started where the kernel will be: it looks for modules there, too."""
    look = [*python, "-c", _LOOK]
    try:
        done = subprocess.run(
            look, cwd=folder, timeout=_PATIENCE_SECONDS, capture_output=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False  # it does not start now: that is another trouble, and its run will say so
    return done.returncode == _LACKS


# -- exports ------------------------------------------------------------------------------------

#: exporters that make nothing new, or need a template of their own
_NOT_OFFERED = frozenset({"custom", "notebook"})
#: what exporters call, and how one gets it
_PROGRAMS: dict[str, tuple[tuple[str, str], ...]] = {
    "pdf": (("pandoc", "pandoc"), ("xelatex", "LaTeX (texlive-xetex)")),
    "latex": (("pandoc", "pandoc"),),
    "rst": (("pandoc", "pandoc"),),
    "asciidoc": (("pandoc", "pandoc"),),
}
_MODULES = {
    "webpdf": ("playwright", "pip install nbconvert[webpdf]; playwright install chromium"),
    "qtpdf": ("PyQt5", "pip install nbconvert[qtpdf]"),
    "qtpng": ("PyQt5", "pip install nbconvert[qtpng]"),
}


def exporters() -> tuple[str, ...]:
    """Give the formats a notebook can be exported to here; nbconvert is not imported for it."""
    from importlib import metadata  # half of what this module would cost

    found = {point.name for point in metadata.entry_points(group="nbconvert.exporters")}
    return tuple(sorted(found - _NOT_OFFERED))


def check_exports(formats: Sequence[str]) -> None:
    """Refuse formats that cannot be made here. Raises InvalidInput."""
    for format in formats:
        if format not in (known := exporters()):
            raise InvalidInput(
                f"A notebook cannot be exported to {names.shown(format)}.",
                code="export.unknown", field="exports",
                hint=f"There are: {', '.join(known)}.",
            )  # fmt: skip
        for program, package in _PROGRAMS.get(format, ()):
            if shutil.which(program) is None:
                _lacking(format, program, f"Install {package}, or choose html.")
        module, install = _MODULES.get(format, ("", ""))
        if module and find_spec(module) is None:
            _lacking(format, module, f"{install}; or choose html.")


def _lacking(format: str, what: str, hint: str) -> NoReturn:
    raise InvalidInput(
        f"The export to {format} needs {what}, which is not here.",
        code="export.program", field="exports", hint=hint,
    )  # fmt: skip
