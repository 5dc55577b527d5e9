"""The block types that come with nbflow, as data: forms know them, and no class is imported.

`scripts/block_types.py` writes `shipped_blocks.json` from the classes; a test compares.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from nbflow.model.blocks import NewBlockSchema, NewBlockType

FILE = Path(__file__).with_suffix(".json")


@cache
def every() -> tuple[tuple[NewBlockType, NewBlockSchema], ...]:
    """Give each type with its present schema."""
    return tuple(map(_one, json.loads(FILE.read_text("utf-8"))))


def _one(said: dict[str, Any]) -> tuple[NewBlockType, NewBlockSchema]:
    schema = said["schema"]
    made = NewBlockSchema(
        said["type"]["slug"], schema["fields"], tuple(schema["capabilities"]), schema["version"]
    )
    return NewBlockType(**said["type"]), made
