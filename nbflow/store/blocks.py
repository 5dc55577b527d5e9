"""The table of blocks. A block's secrets are one ciphertext, which says whose they are.

What is read here has asterisks for secrets; `secrets_of` alone decrypts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict, NotFound
from nbflow.model import clock
from nbflow.model.block_secrets import Secrets, references
from nbflow.model.blocks import BlockDocument
from nbflow.model.names import shown
from nbflow.model.pages import Page
from nbflow.store import codec, paging, secret_keys
from nbflow.store.block_tables import block_document, block_schema

_c = block_document.c
_SHOWN = [column for column in _c if column.name not in ("secrets", "key_id")]


@dataclass(frozen=True)
class Locked:
    """A block's secrets as they are kept: `label` names the block, `key_id` what encrypts them."""

    id: str
    label: str
    key_id: str
    secrets: str


def find(connection: sa.Connection, type_slug: str, name: str) -> BlockDocument | None:
    """Give the block of a type and name, or None."""
    return _first(connection, _c.type_slug == type_slug, _c.name == name)


def find_id(connection: sa.Connection, document_id: str) -> BlockDocument | None:
    """Give the block of an id, or None."""
    return _first(connection, _c.id == document_id)


def get(connection: sa.Connection, name_or_id: str) -> BlockDocument:
    """Read a block by `slug/name` or id. Raises NotFound."""
    slug, between, name = name_or_id.partition("/")
    found = None
    if between:
        found = find(connection, slug, name)
    found = found or find_id(connection, name if between else slug)
    if found is None:
        raise NotFound(
            f"There is no block {shown(name_or_id)}.",
            code="block.not_found",
            field="name",
            hint="`nbflow block ls` lists them, as TYPE/NAME.",
        )
    return found


def page(
    connection: sa.Connection,
    *,
    type_slug: str | None,
    capability: str | None,
    limit: int,
    cursor: str | None,
) -> Page[BlockDocument]:
    """List blocks that have a name, by type and name."""
    query = sa.select(*_SHOWN).where(_c.name.is_not(None))
    if type_slug is not None:
        query = query.where(_c.type_slug == type_slug)
    if capability is not None:
        s = block_schema.c
        can = sa.and_(
            s.type_slug == _c.type_slug,
            s.checksum == _c.schema_checksum,
            s.capabilities.contains(codec.dumps(capability), autoescape=True),
        )
        query = query.where(sa.exists().where(can))
    by = (_c.type_slug, _c.name)
    found, after = paging.page(connection, query, by, limit=limit, cursor=cursor)
    return Page(tuple(map(_document, found)), after)


def referring(connection: sa.Connection, document_id: str) -> list[BlockDocument]:
    """Give the blocks that refer to a block."""
    query = sa.select(*_SHOWN).where(_c.data.contains(document_id, autoescape=True))
    found = map(_document, connection.execute(query.order_by(_c.id)).mappings())
    return [one for one in found if document_id in {to for _, to in references(one.data)}]


def put(connection: sa.Connection, made: BlockDocument, secrets: Secrets) -> None:
    """Write a block, a new one or over the one of its id. Raises Conflict: no key may be used."""
    values: dict[str, Any] = {
        **vars(made),
        "data": codec.dumps(dict(made.data)),
        "created_at": clock.micros(made.created_at),
        "updated_at": clock.micros(made.updated_at),
        "secrets": None,
        "key_id": None,
    }
    if secrets:
        key = secret_keys.for_writing(connection)
        values |= {"secrets": key.encrypt(_sealed(made.id, secrets)), "key_id": key.id}
    if not connection.execute(block_document.update().where(_c.id == made.id), values).rowcount:
        connection.execute(block_document.insert(), values)


def delete(connection: sa.Connection, document_id: str) -> None:
    """Delete a block."""
    connection.execute(block_document.delete().where(_c.id == document_id))


def secrets_of(connection: sa.Connection, document_id: str) -> Secrets:
    """Decrypt a block's secrets. Raises Conflict: the key is not here, or they are not its own."""
    query = sa.select(_c.secrets, _c.key_id, _c.type_slug, _c.name).where(_c.id == document_id)
    row = connection.execute(query).mappings().one()
    if row["secrets"] is None:
        return {}
    label = f"{row['type_slug']}/{row['name'] or document_id}"
    said = json.loads(secret_keys.of_id(row["key_id"]).decrypt(row["secrets"], of=label))
    if said["document"] != document_id:
        raise Conflict(
            f"The secrets of the block {label} are those of another.",
            code="secret.swapped",
            hint="Somebody changed the database; set them anew.",
        )
    return {tuple(path): value for path, value in said["values"]}


def under_other_keys(
    connection: sa.Connection, key_id: str, *, after: str, limit: int
) -> Sequence[Locked]:
    """Give blocks after an id whose secrets another key encrypts."""
    query = sa.select(_c.id, _c.type_slug, _c.name, _c.key_id, _c.secrets)
    query = query.where(_c.key_id != key_id, _c.id > after).order_by(_c.id).limit(limit)
    return [
        Locked(row[0], f"{row[1]}/{row[2] or row[0]}", row[3], row[4])
        for row in connection.execute(query)
    ]


def encrypt_again(connection: sa.Connection, one: Locked, key: secret_keys.Key) -> int:
    """Encrypt a block's secrets with another key, where they are still as they were; give how many.

    Raises Conflict: they are damaged.
    """
    plain = secret_keys.of_id(one.key_id).decrypt(one.secrets, of=one.label)
    this = block_document.update().where(_c.id == one.id, _c.secrets == one.secrets)
    values = {"secrets": key.encrypt(plain), "key_id": key.id}
    return connection.execute(this, values).rowcount


def _sealed(document_id: str, secrets: Secrets) -> str:
    values = [[list(path), value] for path, value in secrets.items()]
    return codec.dumps({"document": document_id, "values": values})


def _first(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> BlockDocument | None:
    row = connection.execute(sa.select(*_SHOWN).where(*where)).mappings().first()
    return None if row is None else _document(row)


def _document(row: sa.RowMapping) -> BlockDocument:
    return BlockDocument(
        id=row["id"],
        type_slug=row["type_slug"],
        name=row["name"],
        schema_checksum=row["schema_checksum"],
        data=codec.loads(row["data"]),
        created_at=clock.instant(row["created_at"]),
        updated_at=clock.instant(row["updated_at"]),
    )
