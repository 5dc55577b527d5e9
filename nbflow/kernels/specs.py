"""The kernelspecs of this machine, found without importing IPython, which costs more than a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager


def manager() -> KernelSpecManager:
    """Give what finds kernelspecs, in Jupyter's folders and IPython's old one."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import jupyter_path

    ipython = Path(os.environ.get("IPYTHONDIR") or "~/.ipython").expanduser()
    return KernelSpecManager(kernel_dirs=[*jupyter_path("kernels"), str(ipython / "kernels")])
