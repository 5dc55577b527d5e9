"""`nbflow server start`: a Jupyter Server without a front end, with nbflow in it."""

from __future__ import annotations

import os
import sys

from nbflow.cli.parsing import argument, takes

#: nobody looks at this server, so it loads no page to look at
EXTENSIONS = {"nbflow": True, "jupyterlab": False, "notebook": False, "nbclassic": False}


@takes(
    argument("--port", type=int, default=None, help="the port (Jupyter's choice when left out)"),
    argument("--ip", default="127.0.0.1", help="the address it listens on (default: %(default)s)"),
    argument("--no-browser", action="store_true", help="open no browser (it never does)"),
    argument("--root-dir", default=None, help="the folder it serves (default: this one)"),
    argument("jupyter", nargs="*", metavar="-- …",
             help="options handed to Jupyter Server as they are"),
)  # fmt: skip
def start(
    *, port: int | None, ip: str, no_browser: bool, root_dir: str | None, jupyter: list[str]
) -> None:
    """Become a Jupyter Server that schedules, keeps one worker, answers the API."""
    options = [
        f"--ServerApp.jpserver_extensions={EXTENSIONS}",
        f"--ServerApp.ip={ip}",
        "--ServerApp.open_browser=False",
    ]
    if port is not None:
        options.append(f"--ServerApp.port={port}")
    if root_dir is not None:
        options.append(f"--ServerApp.root_dir={root_dir}")
    sys.stdout.flush()
    # The process becomes the server, so that signals and the exit code are its own.
    os.execv(sys.executable, [sys.executable, "-m", "jupyter_server", *options, *jupyter])
