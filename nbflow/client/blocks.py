"""`Blocks` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.blocks import (
    BlockChange,
    BlockDocument,
    BlockSchema,
    BlockType,
    BlockTypeChange,
    NewBlock,
    NewBlockSchema,
    NewBlockType,
    OpenedBlock,
    OpenRequest,
)
from nbflow.model.pages import MOST_ROWS, Page


class HttpBlocks(OverHttp):
    """The blocks of a server."""

    def register_block_type(self, new: NewBlockType) -> BlockType:
        """Make a type, or bring the one of this slug to what is said."""
        return self._post(BlockType, "block-types", new)

    def update_block_type(
        self, slug: str, change: BlockTypeChange, *, expected: datetime | None = None
    ) -> BlockType:
        """Edit a type."""
        said = {name: value for name, value in vars(change).items() if value is not None}
        text = self._ask("PATCH", path_of("block-types", slug), body=said, expected=expected)
        return reading.answer(BlockType, text)

    def read_block_type(self, slug: str) -> BlockType:
        """Read a type."""
        return self._get(BlockType, path_of("block-types", slug))

    def list_block_types(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[BlockType]:
        """List types by slug."""
        return self._get(Page[BlockType], "block-types", {"limit": limit, "cursor": cursor})

    def delete_block_type(self, slug: str) -> None:
        """Delete a type and its schemas."""
        self._ask("DELETE", path_of("block-types", slug), again=False)

    def register_block_schema(self, new: NewBlockSchema) -> BlockSchema:
        """Make a schema of a type, or give the one that is the same."""
        path = f"{path_of('block-types', new.type_slug)}/schemas"
        return self._post(BlockSchema, path, new)

    def list_block_schemas(self, slug: str) -> tuple[BlockSchema, ...]:
        """List a type's schemas, newest first."""
        return self._get(tuple[BlockSchema, ...], f"{path_of('block-types', slug)}/schemas")

    def save_block(self, new: NewBlock, *, expected: datetime | None = None) -> BlockDocument:
        """Save a block."""
        # Not again: without `overwrite` the second request would find what the first one made.
        again = new.overwrite and new.name is not None
        text = self._ask("POST", "blocks", body=new, again=again, expected=expected)
        return reading.answer(BlockDocument, text)

    def update_block(
        self, name_or_id: str, change: BlockChange, *, expected: datetime | None = None
    ) -> BlockDocument:
        """Edit some fields of a block."""
        path = path_of("blocks", name_or_id)
        text = self._ask("PATCH", path, body=change, expected=expected)
        return reading.answer(BlockDocument, text)

    def read_block(self, name_or_id: str) -> BlockDocument:
        """Read a block; its secrets are asterisks."""
        return self._get(BlockDocument, path_of("blocks", name_or_id))

    def open_block(self, name_or_id: str, *, flow_run_id: str | None = None) -> OpenedBlock:
        """Read a block with its secrets."""
        path = f"{path_of('blocks', name_or_id)}/open"
        return self._post(OpenedBlock, path, OpenRequest(flow_run_id))

    def list_blocks(
        self,
        *,
        type_slug: str | None = None,
        capability: str | None = None,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[BlockDocument]:
        """List blocks that have a name, by type and name."""
        query = {"type": type_slug, "capability": capability, "limit": limit, "cursor": cursor}
        return self._get(Page[BlockDocument], "blocks", query)

    def delete_block(self, name_or_id: str) -> None:
        """Delete a block."""
        self._ask("DELETE", path_of("blocks", name_or_id), again=False)
