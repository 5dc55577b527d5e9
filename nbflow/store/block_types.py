"""The tables of block types and their schemas."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.blocks import BlockSchema, BlockType
from nbflow.model.names import did_you_mean, shown
from nbflow.model.pages import Page
from nbflow.store import codec, paging
from nbflow.store.block_tables import block_document, block_schema, block_type


def find(connection: sa.Connection, slug: str) -> BlockType | None:
    """Give the type of a slug, or None."""
    query = sa.select(block_type).where(block_type.c.slug == slug)
    row = connection.execute(query).mappings().first()
    return None if row is None else _type(row)


def get(connection: sa.Connection, slug: str, *, field: str = "slug") -> BlockType:
    """Read a type. Raises NotFound."""
    found = find(connection, slug)
    if found is None:
        slugs = connection.execute(sa.select(block_type.c.slug)).scalars()
        raise NotFound(
            f"There is no block type {shown(slug)}.",
            code="block_type.not_found",
            field=field,
            hint=did_you_mean(str(slug), slugs, "There are"),
        )
    return found


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[BlockType]:
    """List types by slug."""
    by = (block_type.c.slug,)
    found, after = paging.page(connection, sa.select(block_type), by, limit=limit, cursor=cursor)
    return Page(tuple(map(_type, found)), after)


def put(connection: sa.Connection, made: BlockType) -> None:
    """Write a type: a new one, or over the one of its slug."""
    values = {
        **vars(made),
        "created_at": clock.micros(made.created_at),
        "updated_at": clock.micros(made.updated_at),
    }
    update = block_type.update().where(block_type.c.slug == made.slug)
    if not connection.execute(update, values).rowcount:
        connection.execute(block_type.insert(), values)


def delete(connection: sa.Connection, slug: str) -> None:
    """Delete a type and its schemas."""
    connection.execute(block_schema.delete().where(block_schema.c.type_slug == slug))
    connection.execute(block_type.delete().where(block_type.c.slug == slug))


def is_used(connection: sa.Connection, slug: str) -> bool:
    """Say whether there are blocks of a type."""
    query = sa.select(block_document.c.id).where(block_document.c.type_slug == slug).limit(1)
    return connection.execute(query).first() is not None


def _type(row: sa.RowMapping) -> BlockType:
    values: dict[str, Any] = dict(row)
    for name in ("created_at", "updated_at"):
        values[name] = clock.instant(row[name])
    return BlockType(**values)


# -- schemas ----------------------------------------------------------------------------------
def schemas(connection: sa.Connection, slug: str) -> tuple[BlockSchema, ...]:
    """Give a type's schemas, newest first."""
    c = block_schema.c
    query = sa.select(block_schema).where(c.type_slug == slug)
    rows = connection.execute(query.order_by(c.created_at.desc(), c.checksum)).mappings()
    return tuple(map(_schema, rows))


def find_schema(connection: sa.Connection, slug: str, checksum: str) -> BlockSchema | None:
    """Give a schema of a type, or None."""
    c = block_schema.c
    query = sa.select(block_schema).where(c.type_slug == slug, c.checksum == checksum)
    row = connection.execute(query).mappings().first()
    return None if row is None else _schema(row)


def schema(connection: sa.Connection, slug: str, checksum: str | None) -> BlockSchema:
    """Read a schema of a type; None: the newest. Raises NotFound."""
    if checksum is None:
        found = next(iter(schemas(connection, slug)), None)
    else:
        found = find_schema(connection, slug, checksum)
    if found is None:
        raise NotFound(
            f"The block type {slug} has no such schema." if checksum else
            f"The block type {slug} has no schema yet.",
            code="block_schema.not_found",
            field="schema_checksum",
            hint="Register it: `nbflow block register -m MODULE`.",
        )  # fmt: skip
    return found


def put_schema(connection: sa.Connection, made: BlockSchema) -> None:
    """Write a schema: a new one, or over the one of its checksum."""
    values: dict[str, Any] = {
        **vars(made),
        "fields": codec.dumps(dict(made.fields)),
        "capabilities": codec.dumps(list(made.capabilities)),
        "created_at": clock.micros(made.created_at),
    }
    c = block_schema.c
    this = (c.type_slug == made.type_slug, c.checksum == made.checksum)
    if not connection.execute(block_schema.update().where(*this), values).rowcount:
        connection.execute(block_schema.insert(), values)


def _schema(row: sa.RowMapping) -> BlockSchema:
    return BlockSchema(
        type_slug=row["type_slug"],
        checksum=row["checksum"],
        fields=codec.loads(row["fields"]),
        capabilities=tuple(codec.loads(row["capabilities"])),
        version=row["version"],
        created_at=clock.instant(row["created_at"]),
    )
