"""Parameters given by reference: a saved block in place of a value that is nobody else's to read.

`{"$ref": {"block_document_slug": "secret/api-key"}}`, or `block_document_id`. The reference is what
is stored, shown and written into the notebook; the value is looked up where the code runs.
"""

from __future__ import annotations

from typing import Any

from nbflow.model.shapes import is_mapping

_KEYS = ("block_document_slug", "block_document_id")
_LONGEST = 600


def of(value: Any) -> str | None:
    """Give the block a parameter's value refers to, `slug/name` or an id; None: it is a value."""
    if not is_mapping(value) or set(value) != {"$ref"} or not is_mapping(value["$ref"]):
        return None
    inside = value["$ref"]
    if len(inside) != 1 or not set(inside) <= set(_KEYS):
        return None
    (found,) = inside.values()
    return found if isinstance(found, str) and 0 < len(found) <= _LONGEST else None
