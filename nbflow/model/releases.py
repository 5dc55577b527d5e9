"""Which versions of nbflow work with each other: those of one minor release."""

from __future__ import annotations

from nbflow.exceptions import Conflict


def check(theirs: str, ours: str, *, who: str) -> None:
    """Check that a process of another version may work with this one; "" says nothing.

    Raises Conflict.
    """
    if not theirs or theirs.split(".")[:2] == ours.split(".")[:2]:
        return
    raise Conflict(
        f"{who} runs nbflow {theirs[:40]}; this server runs {ours}.",
        code="worker.version",
        field="version",
        hint=f"Install nbflow {'.'.join(ours.split('.')[:2])} there (pip install nbflow=={ours}).",
    )
