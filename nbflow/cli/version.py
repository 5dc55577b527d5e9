"""`nbflow version`."""

from __future__ import annotations

import platform
from importlib import metadata

from nbflow import __version__
from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, takes


@takes(OUTPUT)
def version(*, output: str) -> None:
    """Show the version of nbflow, and of what it stands on."""
    if output == "text":
        print(__version__)
        return
    beneath = ("jupyter_server", "ipykernel", "papermill", "sqlalchemy")
    found = {name: metadata.version(name) for name in beneath}
    printing.as_json({"nbflow": __version__, "python": platform.python_version(), **found})
