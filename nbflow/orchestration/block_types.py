"""Types and schemas of blocks over SQL; those that come with nbflow are known from the start."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from nbflow.exceptions import Conflict
from nbflow.model import clock, editing, shipped_blocks
from nbflow.model.blocks import (
    BlockSchema,
    BlockType,
    BlockTypeChange,
    NewBlockSchema,
    NewBlockType,
    checked_schema,
    checked_type,
    checksum_of,
)
from nbflow.model.events import Event, parting
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.wire import jsonable
from nbflow.orchestration.base import OverSql
from nbflow.store import block_types, events

#: characters an event's resource may have; the whole slug is in its row
_LONGEST_ID = 36


class SqlBlockTypes(OverSql):
    """The block types of a store."""

    #: the shipped ones were looked for
    _knows_shipped = False

    def register_block_type(self, new: NewBlockType) -> BlockType:
        """Make a type, or bring the one of this slug to what is said."""
        new = checked_type(new)
        self.know_shipped()
        with self._write() as connection:
            return _register(connection, new, protected=False)

    def update_block_type(
        self, slug: str, change: BlockTypeChange, *, expected: datetime | None = None
    ) -> BlockType:
        """Edit a type."""
        self.know_shipped()
        with self._write() as connection:
            before = editing.unchanged(block_types.get(connection, slug), expected)
            _refuse_shipped(before)
            new = checked_type(_said(before))
            new = checked_type(
                replace(new, **{k: v for k, v in vars(change).items() if v is not None})
            )
            return _register(connection, new, protected=False)

    def read_block_type(self, slug: str) -> BlockType:
        """Read a type."""
        self.know_shipped()
        with self.database.read() as connection:
            return block_types.get(connection, slug)

    def list_block_types(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[BlockType]:
        """List types by slug."""
        self.know_shipped()
        with self.database.read() as connection:
            return block_types.page(connection, limit=limit, cursor=cursor)

    def delete_block_type(self, slug: str) -> None:
        """Delete a type and its schemas."""
        self.know_shipped()
        with self._write() as connection:
            gone = block_types.get(connection, slug)
            _refuse_shipped(gone)
            if block_types.is_used(connection, slug):
                raise Conflict(
                    f"There are blocks of the type {slug}.",
                    code="block_type.in_use",
                    field="slug",
                    hint=f"`nbflow block ls --type {slug}` lists them; delete them first.",
                )
            block_types.delete(connection, slug)
            _emit(connection, gone, "deleted")

    def register_block_schema(self, new: NewBlockSchema) -> BlockSchema:
        """Make a schema of a type, or give the one that is the same."""
        new = checked_schema(new)
        self.know_shipped()
        with self._write() as connection:
            block_types.get(connection, new.type_slug, field="type_slug")
            before = block_types.find_schema(connection, new.type_slug, checksum_of(new.fields))
            made = _register_schema(connection, new)
            if made != before:
                _emit_schema(connection, made, "updated" if before else "created")
            return made

    def list_block_schemas(self, slug: str) -> tuple[BlockSchema, ...]:
        """List a type's schemas, newest first."""
        self.know_shipped()
        with self.database.read() as connection:
            block_types.get(connection, slug)
            return block_types.schemas(connection, slug)

    def know_shipped(self) -> None:
        """Have the types that come with nbflow in the store, as this version has them."""
        if self._knows_shipped:
            return
        with self.database.read() as connection:
            lacking = [one for one in shipped_blocks.every() if _lacks(connection, one)]
        if lacking:
            with self._write() as connection:
                for new, schema in lacking:
                    _register(connection, new, protected=True)
                    _register_schema(connection, schema)
        self._knows_shipped = True


def _lacks(connection: sa.Connection, one: tuple[NewBlockType, NewBlockSchema]) -> bool:
    new, schema = one
    found = block_types.find(connection, new.slug)
    there = block_types.find_schema(connection, new.slug, checksum_of(schema.fields))
    return found is None or there is None or _said(found) != new or not found.is_protected


def _register(connection: sa.Connection, new: NewBlockType, *, protected: bool) -> BlockType:
    before = block_types.find(connection, new.slug)
    if before is not None and (_said(before) == new or before.is_protected) and not protected:
        return before
    now = clock.now()
    created_at = before.created_at if before else now
    made = BlockType(**vars(new), created_at=created_at, updated_at=now, is_protected=protected)
    block_types.put(connection, made)
    _emit(connection, made, "updated" if before else "created")
    return made


def _register_schema(connection: sa.Connection, new: NewBlockSchema) -> BlockSchema:
    checksum = checksum_of(new.fields)
    before = block_types.find_schema(connection, new.type_slug, checksum)
    if before and (before.capabilities, before.version) == (new.capabilities, new.version):
        return before
    made = BlockSchema(
        new.type_slug, checksum, new.fields, new.capabilities, new.version,
        before.created_at if before else clock.now(),
    )  # fmt: skip
    block_types.put_schema(connection, made)
    return made


def _said(found: BlockType) -> NewBlockType:
    return NewBlockType(
        found.slug, found.name, found.description, found.code_example, found.logo_url,
        found.documentation_url,
    )  # fmt: skip


def _refuse_shipped(found: BlockType) -> None:
    if found.is_protected:
        raise Conflict(
            f"The block type {found.slug} comes with nbflow: it is not edited or deleted.",
            code="block_type.protected",
            field="slug",
        )


def _emit(connection: sa.Connection, made: BlockType, verb: str) -> None:
    row = parting(made) if verb == "deleted" else jsonable(made)
    event = Event(f"block-type.{verb}", "block-types", made.slug[:_LONGEST_ID], clock.now(), row)
    events.append(connection, [event])


def _emit_schema(connection: sa.Connection, made: BlockSchema, verb: str) -> None:
    """Append the event of a schema, of whom its type says which; those shipped have none."""
    row = {"name": made.type_slug, "checksum": made.checksum, "version": made.version}
    kind, at = f"block-schema.{verb}", made.type_slug[:_LONGEST_ID]
    events.append(connection, [Event(kind, "block-schemas", at, clock.now(), row)])
