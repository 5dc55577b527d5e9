"""The kernelspecs of this machine, found without importing IPython, which costs more than a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.model.deploying import KernelSpec

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager


def manager() -> KernelSpecManager:
    """Give what finds kernelspecs, in Jupyter's folders and IPython's old one."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import jupyter_path

    ipython = Path(os.environ.get("IPYTHONDIR") or "~/.ipython").expanduser()
    return KernelSpecManager(kernel_dirs=[*jupyter_path("kernels"), str(ipython / "kernels")])


def known() -> dict[str, KernelSpec]:
    """Give the kernels that can be started here, by name."""
    found = {name: item["spec"] for name, item in manager().get_all_specs().items()}
    return {
        name: KernelSpec(
            name=name,
            display_name=spec.get("display_name", name),
            language=spec.get("language", ""),
            argv=tuple(spec.get("argv", ())),
        )
        for name, spec in found.items()
    }
