"""Text from user code on its way to the store: see `model.texts`, where it is made safe."""

from __future__ import annotations

from nbflow.model.texts import of_error, safe

__all__ = ["of_error", "safe"]
