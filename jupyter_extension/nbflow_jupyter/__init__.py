"""The Jupyter face of nbflow: a server extension and a prebuilt JupyterLab extension."""

from __future__ import annotations


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "nbflow-lab"}]
