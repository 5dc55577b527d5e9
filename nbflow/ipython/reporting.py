"""Telling the process that executes this notebook how a cell stands (`model.cell_reports`)."""

from __future__ import annotations

import os
from typing import Any

from nbflow.model import texts
from nbflow.model.cell_reports import MESSAGE, CellReport


def send(shell: Any, report: CellReport) -> None:
    """Send a report, where a run executes this kernel; only its executor takes notice of it."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not os.environ.get("NBFLOW_FLOW_RUN_ID"):
        return
    content = report.content() | {"message": texts.safe(report.message)}
    kernel.session.send(
        kernel.iopub_socket,
        MESSAGE,
        content,
        parent=getattr(shell, "parent_header", None) or {},
        ident=MESSAGE.encode(),
    )
