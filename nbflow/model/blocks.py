"""Blocks: typed configuration by name, with secrets. Types and their schemas, and the documents.

A document's data are plain JSON here; where secrets lie in them is `block_secrets`' business, and
how they are encrypted is the store's. `nbflow.blocks` is how user code defines, saves, loads them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nbflow.exceptions import InvalidInput
from nbflow.model import json_schema
from nbflow.model.json_schema import Mismatch
from nbflow.model.names import LONGEST_NAME, shown
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.shapes import is_mapping, is_sequence, is_texts

#: bytes of a document's data, or of a schema, as JSON
MOST_BYTES = 1_000_000
#: characters of a type's description or example
LONGEST_TEXT = 20_000
#: levels of data; and of documents that refer to documents
DEEPEST = 32
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True)
class BlockType:
    """A kind of block.

    Attributes:
        slug: the name by which it is asked for: lower-case letters, digits, dashes.
        is_protected: it comes with nbflow, and is not edited or deleted.
    """

    slug: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    code_example: str = ""
    logo_url: str | None = None
    documentation_url: str | None = None
    is_protected: bool = False


@dataclass(frozen=True)
class NewBlockType:
    """What is said to make a block type."""

    slug: str
    name: str
    description: str = ""
    code_example: str = ""
    logo_url: str | None = None
    documentation_url: str | None = None


@dataclass(frozen=True)
class BlockTypeChange:
    """An edit of a block type; what is left out stays as it is."""

    name: str | None = None
    description: str | None = None
    code_example: str | None = None
    logo_url: str | None = None
    documentation_url: str | None = None


@dataclass(frozen=True)
class BlockSchema:
    """The fields a type has, or once had: documents keep the schema they were saved with.

    Attributes:
        checksum: SHA-256 of `fields`; two schemas of a type with one checksum are the same.
        fields: JSON Schema; `secret_fields` lists the paths of secrets (`*`: any key or item),
            and a field that takes blocks lists them in `block_types`.
        capabilities: what blocks of this schema can do: `notify`, `read-path` …
    """

    type_slug: str
    checksum: str
    fields: Mapping[str, Any]
    capabilities: tuple[str, ...]
    version: str
    created_at: datetime


@dataclass(frozen=True)
class NewBlockSchema:
    """What is said to register a type's schema."""

    type_slug: str
    fields: Mapping[str, Any]
    capabilities: tuple[str, ...] = ()
    version: str = "0"


@dataclass(frozen=True)
class BlockDocument:
    """A block that was saved.

    Attributes:
        name: of its type no other has it; None: anonymous, asked for by id.
        data: its fields by name. Secrets are asterisks, but in what `open_block` gives.
    """

    id: str
    type_slug: str
    name: str | None
    schema_checksum: str
    data: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime

    @property
    def label(self) -> str:
        """Give how people name it: `slug/name`, or `slug/id`."""
        return f"{self.type_slug}/{self.name or self.id}"


@dataclass(frozen=True)
class NewBlock:
    """What is said to save a block.

    Attributes:
        name: null: anonymous.
        data: fields by name, secrets in plain; the mask where one that is there already stays.
        schema_checksum: null: the type's newest schema.
        overwrite: also one that is there already.
    """

    type_slug: str
    name: str | None
    data: Mapping[str, Any]
    schema_checksum: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class BlockChange:
    """An edit of a block's fields; those left out stay as they are.

    Attributes:
        schema_checksum: takes the block to another schema of its type.
    """

    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    schema_checksum: str | None = None


@dataclass(frozen=True)
class OpenRequest:
    """What is said to see a block's secrets. `flow_run_id`: the run they are for."""

    flow_run_id: str | None = None


@dataclass(frozen=True)
class OpenedBlock:
    """A block with its secrets in plain.

    Attributes:
        references: the blocks it refers to, and those they refer to, by id; also opened.
        secrets: all their secrets, so that who opened them masks them.
    """

    document: BlockDocument
    references: Mapping[str, BlockDocument]
    secrets: tuple[Any, ...] = ()


class Blocks(Protocol):
    """The part of the Backend that keeps blocks; `name_or_id` is `slug/name`, or an id."""

    def register_block_type(self, new: NewBlockType) -> BlockType:
        """Make a type, or bring the one of this slug to what is said. One of nbflow's own stays.

        Raises InvalidInput.
        """
        ...

    def update_block_type(
        self, slug: str, change: BlockTypeChange, *, expected: datetime | None = None
    ) -> BlockType:
        """Edit a type. Raises NotFound, InvalidInput, Conflict (nbflow's own), Stale."""
        ...

    def read_block_type(self, slug: str) -> BlockType:
        """Read a type. Raises NotFound."""
        ...

    def list_block_types(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[BlockType]:
        """List types by slug."""
        ...

    def delete_block_type(self, slug: str) -> None:
        """Delete a type and its schemas. Raises NotFound, Conflict (it has blocks, is nbflow's)."""
        ...

    def register_block_schema(self, new: NewBlockSchema) -> BlockSchema:
        """Make a schema of a type, or give the same one. Raises NotFound, InvalidInput."""
        ...

    def list_block_schemas(self, slug: str) -> tuple[BlockSchema, ...]:
        """List a type's schemas, newest first. Raises NotFound (the type)."""
        ...

    def save_block(self, new: NewBlock, *, expected: datetime | None = None) -> BlockDocument:
        """Save a block; its secrets are encrypted.

        Raises InvalidInput naming the field, NotFound (type or schema), Conflict (it is there, and
        `overwrite` was not said; or the key is not this store's), Stale.
        """
        ...

    def update_block(
        self, name_or_id: str, change: BlockChange, *, expected: datetime | None = None
    ) -> BlockDocument:
        """Edit some fields of a block. Raises as `save_block` does."""
        ...

    def read_block(self, name_or_id: str) -> BlockDocument:
        """Read a block; its secrets are asterisks. Raises NotFound."""
        ...

    def open_block(self, name_or_id: str, *, flow_run_id: str | None = None) -> OpenedBlock:
        """Read a block with its secrets; that it was opened becomes an event.

        Raises NotFound, Conflict (`secret.key_lost`: no key here decrypts it).
        """
        ...

    def list_blocks(
        self,
        *,
        type_slug: str | None = None,
        capability: str | None = None,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[BlockDocument]:
        """List blocks that have a name, by type and name; secrets are asterisks."""
        ...

    def delete_block(self, name_or_id: str) -> None:
        """Delete a block. Raises NotFound, Conflict (other blocks refer to it)."""
        ...


def checksum_of(fields: Mapping[str, Any]) -> str:
    """Give the checksum of a schema's fields, whatever the order of keys."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def check_slug(value: Any, *, field: str = "slug") -> str:
    """Give a block's or a type's name. Raises InvalidInput."""
    good = isinstance(value, str) and _NAME.fullmatch(value)
    if not good or len(value) > LONGEST_NAME:
        raise InvalidInput(
            f"{shown(value)} is no name of a block or its type.",
            code="block.name",
            field=field,
            hint=f"Use at most {LONGEST_NAME} lower-case letters and digits, with dashes inside.",
        )
    return value


def checked_type(new: NewBlockType) -> NewBlockType:
    """Give a type as it is kept. Raises InvalidInput naming the field."""
    check_slug(new.slug)
    for name in ("name", "description", "code_example", "logo_url", "documentation_url"):
        _check_text(getattr(new, name), name)
    if not new.name.strip():
        raise InvalidInput("The type has no name.", code="block_type.name", field="name")
    return new


def _check_text(value: Any, field: str) -> None:
    optional = field.endswith("_url")
    if optional and value is None:
        return
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        message = f"{field} is {shown(value)}, not text of at most {LONGEST_TEXT} characters."
        raise InvalidInput(message, code="block_type.text", field=field)
    if optional and not value.startswith(("https://", "http://")):
        message = f"{field} is {shown(value)}, no address beginning with https://."
        raise InvalidInput(message, code="block_type.url", field=field)


def checked_schema(new: NewBlockSchema) -> NewBlockSchema:
    """Give a schema as it is kept. Raises InvalidInput naming the field."""
    if not is_mapping(new.fields) or not is_mapping(new.fields.get("properties", {})):
        message = "fields is no JSON Schema of an object."
        raise InvalidInput(message, code="block_schema.fields", field="fields")
    check_json(new.fields, "fields")
    if not is_texts(new.fields.get("secret_fields", [])):
        message = "secret_fields lists paths like password or logins.*."
        raise InvalidInput(message, code="block_schema.fields", field="fields.secret_fields")
    for word in new.capabilities:
        check_slug(word, field="capabilities")
    if not 1 <= len(new.version) <= 64:
        message = f"version is {shown(new.version)}, not text of 1 to 64 characters."
        raise InvalidInput(message, code="block_schema.version", field="version")
    return NewBlockSchema(
        new.type_slug, new.fields, tuple(sorted({*new.capabilities})), new.version
    )


def check_data(schema: BlockSchema, data: Mapping[str, Any]) -> None:
    """Check a block's fields, secrets in plain, by their schema. Raises InvalidInput."""
    check_json(data, "data")
    fields = schema.fields
    properties = fields.get("properties", {})
    missing = [name for name in fields.get("required", ()) if name not in data]
    if missing:
        raise InvalidInput(
            f"A block of the type {schema.type_slug} needs {', '.join(missing)}.",
            code="block.missing",
            field=f"data.{missing[0]}",
        )
    unknown = next((name for name in data if name not in properties), None)
    if unknown is not None and fields.get("additionalProperties") is not True:
        raise InvalidInput(
            f"A block of the type {schema.type_slug} has no field {shown(unknown)}.",
            code="block.unknown",
            field=f"data.{str(unknown)[:80]}",
            hint=f"It has {', '.join(properties)}." if properties else None,
        )
    try:
        json_schema.conform(dict(data), fields, root=fields, at="data")
    except Mismatch as wrong:
        # What was said may be a secret: where it is wrong is told, and what is taken instead.
        raise InvalidInput(
            f"{wrong.at} does not fit the type {schema.type_slug}.",
            code="block.invalid",
            field=wrong.at,
            hint=_wanted(fields, wrong.at),
        ) from None


def _wanted(fields: Mapping[str, Any], at: str) -> str | None:
    schema = fields.get("properties", {}).get(at.split(".")[1] if "." in at else "", {})
    said = {k: schema[k] for k in ("type", "format", "enum", "anyOf", "minimum", "maximum")
            if k in schema}  # fmt: skip
    return f"It takes {json.dumps(said, ensure_ascii=False)[:400]}." if said else None


def check_json(value: Any, field: str) -> None:
    """Check that a value is JSON, not too deep, not too large. Raises InvalidInput."""
    _check_depth(value, field, 0)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError):
        message = f"{field} cannot be kept as JSON."
        raise InvalidInput(message, code="block.json", field=field) from None
    if size > MOST_BYTES or "\\u0000" in text:
        message = f"{field} has {size} bytes as JSON, or a NUL; {MOST_BYTES} is the most."
        raise InvalidInput(message, code="block.json", field=field)


def _check_depth(value: Any, field: str, depth: int) -> None:
    if depth > DEEPEST:
        message = f"{field} is nested more than {DEEPEST} levels deep."
        raise InvalidInput(message, code="block.json", field=field)
    if is_mapping(value):
        for key, item in value.items():
            if not isinstance(key, str):
                message = f"The key {shown(key)} is not text: JSON has no other keys."
                raise InvalidInput(message, code="block.json", field=field)
            _check_depth(item, field, depth + 1)
    elif is_sequence(value):
        for item in value:
            _check_depth(item, field, depth + 1)
