"""Blocks that are not what their type takes, and types that are none (rows 301 to 319)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nbflow.blocks import Block
from nbflow.cli import agent
from nbflow.model.block_secrets import reference
from nbflow.model.blocks import BlockChange, NewBlock, NewBlockSchema, NewBlockType
from nbflow.model.masking import MASK
from tests.bad_input.conftest import GONE


def saved(row: int, what: str, type: str, name: str, data: Any, code: str, **said: Any) -> Any:
    """A row of a block as it is said to each face."""
    words = ["block", "create", type, name]
    for key, value in data.items() if isinstance(data, dict) else ():
        words += ["--set", f"{key}={_text(value)}"]
    return {
        "row": row,
        "what": what,
        "rest": ("POST", "blocks", {"type_slug": type, "name": name, "data": data}),
        "cli": words,
        "python": lambda backend: backend.save_block(NewBlock(type, name, data)),
        "code": code,
        **said,
    }


def _text(value: Any) -> str:
    return json.dumps(value)


def opened(row: int, what: str, name: str, code: str, **said: Any) -> Any:
    """A row of a secret that cannot be opened."""
    return {
        "row": row,
        "what": what,
        "rest": ("POST", f"blocks/secret%2F{name}/open", {}),
        "cli": ["secret", "get", name],
        "python": lambda backend: backend.open_block(f"secret/{name}"),
        "status": 409,
        "code": code,
        **said,
    }


ROWS = [
    saved(301, "no such type", "secrt", "x", {"value": "y"}, "block_type.not_found",
          status=404, field="type_slug", hint="secret"),
    saved(302, "capitals", "string", "Name", {"value": "y"}, "block.name", field="name"),
    saved(302, "a path", "string", "../x", {"value": "y"}, "block.name", field="name"),
    saved(303, "missing field", "string", "x", {}, "block.missing", field="data.value"),
    saved(304, "unknown field", "string", "x", {"value": "y", "vlaue": "y"}, "block.unknown",
          field="data.vlaue", hint="value"),
    saved(305, "wrong type", "string", "x", {"value": 5}, "block.invalid", field="data.value",
          hint="string"),
    saved(305, "a port out of range", "sqlalchemy-credentials", "x", {"port": 70000},
          "block.invalid", field="data.port"),
    saved(306, "a reference to nothing", "json", "x", {"value": reference(GONE)},
          "block.reference", field="data.value"),
    saved(307, "the mask for a secret that is not there", "secret", "x", {"value": MASK},
          "block.mask", field="data.value"),
    saved(308, "a secret too short to mask", "secret", "x", {"value": "abc"}, "secret.short",
          field="data.value"),
    saved(309, "one that is there", "secret", "kept", {"value": "opensesame"}, "block.exists",
          status=409, field="name", hint="overwrite"),
    {
        "row": 310,
        "what": "a schema that is none",
        "rest": ("POST", "block-types/secret/schemas",
                 {"type_slug": "secret", "fields": {"properties": []}}),
        "python": lambda backend: backend.register_block_schema(
            NewBlockSchema("secret", {"properties": []})
        ),
        "code": "block_schema.fields",
        "field": "fields",
    },
    {
        "row": 311,
        "what": "a logo that is a script",
        "rest": ("POST", "block-types",
                 {"slug": "x", "name": "x", "logo_url": "javascript:alert(1)"}),
        "python": lambda backend: backend.register_block_type(
            NewBlockType("x", "x", logo_url="javascript:alert(1)")
        ),
        "code": "block_type.url",
        "field": "logo_url",
    },
    {
        "row": 312,
        "what": "a shipped type deleted",
        "rest": ("DELETE", "block-types/secret"),
        "cli": ["block", "type", "delete", "secret"],
        "python": lambda backend: backend.delete_block_type("secret"),
        "status": 409,
        "code": "block_type.protected",
        "field": "slug",
    },
    {
        "row": 312,
        "what": "an edit of nothing",
        "rest": ("PATCH", f"blocks/{GONE}", {"data": {"value": "y"}}),
        "cli": ["block", "inspect", f"secret/{GONE}"],
        "python": lambda backend: backend.update_block(GONE, BlockChange({"value": "y"})),
        "status": 404,
        "code": "block.not_found",
    },
    opened(313, "a secret whose key is lost", "lost", "secret.key_lost", hint="--without-lost"),
    opened(314, "a damaged secret", "damaged", "secret.damaged", hint="secret/damaged"),
    {
        "row": 315,
        "what": "a block that refers to one which is gone",
        "rest": ("POST", "blocks/json%2Fdangling/open", {}),
        "python": lambda backend: Block.load("json/dangling"),
        "status": 409,
        "code": "block.reference_gone",
        "field": "data.value",
        "hint": "refer to another",
    },
    {
        "row": 316,
        "what": "the mask for a secret whose key is lost",
        "rest": ("PATCH", "blocks/secret%2Flost", {"data": {"value": MASK}}),
        "python": lambda backend: backend.update_block("secret/lost", BlockChange({"value": MASK})),
        "status": 409,
        "code": "secret.key_lost",
    },
    {
        "row": 319,
        "what": "an agent that is to fetch runs ahead",
        "python": lambda backend: agent.start(
            work_queue=[], pool="default", match=[], limit=None, run_once=True,
            prefetch_seconds=5.0, hide_welcome=True, api=None,
        ),
        "code": "usage",
        "hint": "--prefetch-seconds out",
    },
    {
        "row": 316,
        "what": "a block that is none deleted",
        "rest": ("DELETE", f"blocks/{GONE}"),
        "cli": ["block", "delete", f"secret/{GONE}"],
        "python": lambda backend: backend.delete_block(GONE),
        "status": 404,
        "code": "block.not_found",
    },
]  # fmt: skip


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()
