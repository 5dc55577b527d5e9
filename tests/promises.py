"""How long something may take: as promised where it runs alone, a minute beside other tests."""

from __future__ import annotations

import os

FULL = "NBFLOW_FAULTS_FULL" in os.environ


def promised(seconds: float) -> float:
    """Give the seconds promised where a machine does nothing else (`make faults`), else 60."""
    return seconds if FULL else 60.0
