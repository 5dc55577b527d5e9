"""What `clients.Client` is asked about blocks, under Prefect's names."""

from __future__ import annotations

from typing import Any

from nbflow.exceptions import NotFound
from nbflow.model.backend import Backend
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
)
from nbflow.model.pages import Page, every


class BlockCalls:
    """Block types, schemas and documents, read and changed. Secrets are asterisks but in `open`."""

    backend: Backend

    def create_block_type(self, new: NewBlockType) -> BlockType:
        """Make a block type, or bring the one of its slug to what is said. Raises InvalidInput."""
        return self.backend.register_block_type(new)

    def read_block_types(self) -> list[BlockType]:
        """List block types by slug."""
        return list(every(self.backend.list_block_types))

    def read_block_type_by_slug(self, slug: str) -> BlockType:
        """Read a block type. Raises NotFound."""
        return self.backend.read_block_type(slug)

    def update_block_type(self, slug: str, change: BlockTypeChange) -> BlockType:
        """Edit a block type. Raises NotFound, InvalidInput, Conflict (nbflow's own)."""
        return self.backend.update_block_type(slug, change)

    def delete_block_type(self, slug: str) -> None:
        """Delete a block type. Raises NotFound, Conflict (it has blocks, or is nbflow's own)."""
        self.backend.delete_block_type(slug)

    def create_block_schema(self, new: NewBlockSchema) -> BlockSchema:
        """Make a type's schema, or give the same one. Raises NotFound, InvalidInput."""
        return self.backend.register_block_schema(new)

    def read_block_schemas(self, slug: str) -> list[BlockSchema]:
        """List a type's schemas, newest first. Raises NotFound."""
        return list(self.backend.list_block_schemas(slug))

    def create_block_document(self, new: NewBlock) -> BlockDocument:
        """Save a block. Raises InvalidInput, NotFound, Conflict (it is there)."""
        return self.backend.save_block(new)

    def read_block_documents(
        self, type_slug: str | None = None, capability: str | None = None
    ) -> list[BlockDocument]:
        """List blocks that have a name, by type and name."""

        def pages(**place: Any) -> Page[BlockDocument]:
            return self.backend.list_blocks(type_slug=type_slug, capability=capability, **place)

        return list(every(pages))

    def read_block_document(self, name_or_id: str) -> BlockDocument:
        """Read a block by `slug/name` or id. Raises NotFound."""
        return self.backend.read_block(name_or_id)

    def read_block_document_by_name(self, name: str, block_type_slug: str) -> BlockDocument | None:
        """Read a block; None: there is none of that name."""
        try:
            return self.backend.read_block(f"{block_type_slug}/{name}")
        except NotFound:
            return None

    def open_block_document(self, name_or_id: str) -> OpenedBlock:
        """Read a block with its secrets; it becomes an event. Raises NotFound, Conflict."""
        return self.backend.open_block(name_or_id)

    def update_block_document(self, name_or_id: str, change: BlockChange) -> BlockDocument:
        """Edit some fields of a block. Raises NotFound, InvalidInput."""
        return self.backend.update_block(name_or_id, change)

    def delete_block_document(self, name_or_id: str) -> None:
        """Delete a block. Raises NotFound, Conflict (others refer to it)."""
        self.backend.delete_block(name_or_id)
