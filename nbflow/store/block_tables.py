"""The schema of blocks: types, their schemas, documents; secrets only as ciphertext."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from nbflow.store.columns import at_column, id_column, json_column, metadata

block_type = Table(
    "block_type",
    metadata,
    Column("slug", String(255), primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("code_example", Text, nullable=False),
    Column("logo_url", Text),
    Column("documentation_url", Text),
    Column("is_protected", Boolean, nullable=False),
    at_column("created_at"),
    at_column("updated_at"),
)

block_schema = Table(
    "block_schema",
    metadata,
    Column("type_slug", String(255), primary_key=True),
    Column("checksum", String(80), primary_key=True),
    json_column("fields"),
    json_column("capabilities"),
    Column("version", String(64), nullable=False),
    at_column("created_at"),
)

#: `data` holds no secret; `secrets` is all of them, encrypted as one, by the key `key_id`
block_document = Table(
    "block_document",
    metadata,
    id_column(),
    Column("type_slug", String(255), nullable=False),
    Column("name", String(255)),
    Column("schema_checksum", String(80), nullable=False),
    json_column("data"),
    Column("secrets", Text),
    Column("key_id", String(16), index=True),
    at_column("created_at"),
    at_column("updated_at"),
    Unique("type_slug", "name"),
)

#: what a key must decrypt to be the one it says it is; the keys themselves are not in the store
secret_key = Table(
    "secret_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("check_value", Text, nullable=False),
    at_column("created_at"),
)
