"""Blocks and their types. Secrets are asterisks in every answer but that of `open`."""

from __future__ import annotations

from functools import partial

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import InvalidInput
from nbflow.model.blocks import (
    BlockChange,
    BlockTypeChange,
    NewBlock,
    NewBlockSchema,
    NewBlockType,
    OpenRequest,
)
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import BlockQuery


class BlockTypes(ApiHandler):
    """All block types."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:blocks")
    async def get(self) -> None:
        """List block types by slug."""
        await self.answer_page(self.backend.list_block_types)

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def post(self) -> None:
        """Make a block type, or bring the one of this slug to what is said."""
        new = self.body(NewBlockType)
        await self.answer(self.backend.register_block_type, new, status=201)


class BlockType(ApiHandler):
    """One block type."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:blocks")
    async def get(self, slug: str) -> None:
        """Read a block type."""
        await self.answer(self.backend.read_block_type, slug)

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def patch(self, slug: str) -> None:
        """Edit what is said of a block type; what is left out stays as it is."""
        change = self.body(BlockTypeChange)
        await self.answer(self.backend.update_block_type, slug, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def delete(self, slug: str) -> None:
        """Delete a block type that has no blocks, with its schemas."""
        await self.done(self.backend.delete_block_type, slug)


class BlockSchemas(ApiHandler):
    """The schemas of one block type."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:blocks")
    async def get(self, slug: str) -> None:
        """List a type's schemas, newest first."""
        await self.answer(self.backend.list_block_schemas, slug)

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def post(self, slug: str) -> None:
        """Make a schema of a type; one that is there already is answered as it is."""
        new = self.body(NewBlockSchema)
        if new.type_slug != slug:
            message = f"The address is of the type {slug}, and type_slug is another."
            raise InvalidInput(message, code="block_schema.type", field="type_slug")
        await self.answer(self.backend.register_block_schema, new, status=201)


class Blocks(ApiHandler):
    """All blocks."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:blocks")
    async def get(self) -> None:
        """List blocks that have a name, by type and name; secrets are asterisks."""
        asked = self.query(BlockQuery)
        listed = partial(self.backend.list_blocks, type_slug=asked.type)
        await self.answer(
            listed, capability=asked.capability, limit=asked.limit, cursor=asked.cursor
        )

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def post(self) -> None:
        """Save a block; one that is there already only with `overwrite`."""
        new = self.body(NewBlock)
        save = partial(self.backend.save_block, by=self.current_user.username)
        await self.answer(save, new, expected=self.expected(), status=201)


class Block(ApiHandler):
    """One block, by `type/name` (with %2F) or id."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:blocks")
    async def get(self, block: str) -> None:
        """Read a block; its secrets are asterisks."""
        await self.answer(self.backend.read_block, block)

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def patch(self, block: str) -> None:
        """Edit some fields of a block; asterisks keep the secret that is there."""
        change = self.body(BlockChange)
        update = partial(self.backend.update_block, by=self.current_user.username)
        await self.answer(update, block, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:blocks")
    async def delete(self, block: str) -> None:
        """Delete a block that no other refers to."""
        await self.done(partial(self.backend.delete_block, by=self.current_user.username), block)


class Open(ApiHandler):
    """One block with its secrets."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:secrets")
    async def post(self, block: str) -> None:
        """Read a block with its secrets in plain, and those it refers to; it becomes an event."""
        run = self.body(OpenRequest).flow_run_id
        if self._door is not None:
            run = await self.off_loop(self._door.run_that_opens, block, run)
        self.set_header("Cache-Control", "no-store")
        who = self.current_user.username
        await self.answer(self.backend.open_block, block, flow_run_id=run, by=who)
