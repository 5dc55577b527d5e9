"""Telling the process that executes this notebook which texts are secrets: it masks them.

A secret is opened in the kernel, and only there; what cells put out is written by the executor. So
the kernel says each one on the channel of its outputs, before any output that could hold it. The
message is between the two processes and is never kept.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from nbflow.model import masking, told_secrets


def begin() -> None:
    """Tell what is known and what follows, where a run executes this kernel."""
    if os.environ.get("NBFLOW_FLOW_RUN_ID") and "ipykernel" in sys.modules:
        masking.listen(_tell)


def _tell(secrets: frozenset[str]) -> None:
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        kernel.session.send(
            kernel.iopub_socket,
            told_secrets.MESSAGE,
            told_secrets.content(secrets),
            parent=shell.parent_header or {},
            ident=told_secrets.MESSAGE.encode(),
        )
