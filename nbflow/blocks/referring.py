"""What a parameter that refers to a block becomes where the code runs."""

from __future__ import annotations

from typing import Any

from nbflow.blocks.core import Block


def value_of(reference: str) -> Any:
    """Give the value of a block, named `slug/name` or by its id; of one without a value, itself.

    Its secrets are masked in all this process tells from now on. Raises NotFound, Conflict (its key
    is lost).
    """
    block = Block.load_from_ref(reference)
    get = getattr(block, "get", None)
    return get() if callable(get) else block
