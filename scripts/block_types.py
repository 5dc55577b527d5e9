"""Write the block types that come with nbflow as data: `python scripts/block_types.py`."""

from __future__ import annotations

import json
from dataclasses import asdict

from nbflow.blocks import registry
from nbflow.model import shipped_blocks


def text() -> str:
    """Give the file's content, made from the classes."""
    told = [
        {"type": asdict(made.block_type()), "schema": _without_type(asdict(made.block_schema()))}
        for made in sorted(registry.shipped(), key=lambda one: one.get_block_type_slug())
    ]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _without_type(schema: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in schema.items() if name != "type_slug"}


if __name__ == "__main__":
    shipped_blocks.FILE.write_text(text(), encoding="utf-8")
