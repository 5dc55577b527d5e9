"""`nbflow config autoload`: whether every kernel begins with nbflow loaded.

That is a start-up file in IPython's default profile; nothing else is configured here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes
from nbflow.exceptions import Conflict

_NAME = "50-nbflow.py"
_MARK = "# nbflow: written by `nbflow config autoload on`; `nbflow config autoload off` removes it."
#: run in the user's namespace of every kernel: it leaves no name there, and never fails
_STARTUP = f"""{_MARK}


def _nbflow_autoload():
    import os
    import sys
    from importlib.util import find_spec

    if "NBFLOW_FLOW_RUN_ID" in os.environ or find_spec("nbflow") is None:
        return
    try:
        get_ipython().extension_manager.load_extension("nbflow")
    except Exception as error:
        print(f"nbflow could not be loaded: {{type(error).__name__}}: {{error}}", file=sys.stderr)


_nbflow_autoload()
del _nbflow_autoload
"""


@takes(
    argument("switch", nargs="?", choices=("on", "off", "status"), default="status",
             metavar="on|off|status", help="what to do (default: status)"),
    OUTPUT,
)  # fmt: skip
def autoload(*, switch: str, output: str) -> None:
    """Load nbflow in every interactive kernel, or no longer, or say which."""
    path = _startup_file()
    ours = _is_ours(path)
    if switch == "on":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_STARTUP, encoding="utf-8")
    elif switch == "off" and ours:
        path.unlink()
    on = switch == "on" or (switch == "status" and ours)
    if output == "json":
        found: dict[str, Any] = {"autoload": on, "path": str(path)}
        printing.as_json(found)
    elif on:
        print(f"Kernels begin with nbflow loaded ({path}).")
    else:
        print("Kernels begin without nbflow; `%load_ext nbflow` loads it.")


def _startup_file() -> Path:
    from IPython.paths import get_ipython_dir

    return Path(get_ipython_dir()) / "profile_default" / "startup" / _NAME


def _is_ours(path: Path) -> bool:
    """Say whether the file is there. Raises Conflict for somebody else's of that name."""
    try:
        ours = path.read_text(encoding="utf-8").startswith(_MARK)
    except FileNotFoundError:
        return False
    if ours:
        return True
    raise Conflict(
        f"{path} was not written by nbflow.", code="config.foreign_file", field="switch",
        hint="Move it away, or load nbflow in it: %load_ext nbflow.",
    )  # fmt: skip
