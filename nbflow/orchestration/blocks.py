"""`Blocks` over SQL: types, schemas and documents, each change with its event; secrets opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import block_secrets, clock, editing, ids, job_variables
from nbflow.model.block_secrets import Path, Secrets
from nbflow.model.blocks import (
    DEEPEST,
    BlockChange,
    BlockDocument,
    BlockSchema,
    NewBlock,
    OpenedBlock,
    check_data,
    check_json,
    check_slug,
)
from nbflow.model.events import Event
from nbflow.model.names import shown
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.shapes import is_list, is_mapping
from nbflow.model.wire import jsonable
from nbflow.model.work_pools import template_of
from nbflow.orchestration.block_types import SqlBlockTypes
from nbflow.store import block_types, blocks, events, flow_runs, work_pools


class SqlBlocks(SqlBlockTypes):
    """The blocks of a store."""

    def save_block(
        self, new: NewBlock, *, expected: datetime | None = None, by: str | None = None
    ) -> BlockDocument:
        """Save a block; its event says `by` whom."""
        if new.name is not None:
            check_slug(new.name, field="name")
        self.know_shipped()
        with self._write() as connection:
            block_types.get(connection, new.type_slug, field="type_slug")
            schema = block_types.schema(connection, new.type_slug, new.schema_checksum)
            before = None
            if new.name is not None:
                before = blocks.find(connection, new.type_slug, new.name)
            if expected is not None and before is None:
                before = blocks.get(connection, f"{new.type_slug}/{new.name}")  # NotFound
            if before is not None and not new.overwrite:
                raise Conflict(
                    f"The block {before.label} is there already.",
                    code="block.exists",
                    field="name",
                    hint="Say overwrite (--overwrite, overwrite=True) to replace it.",
                )
            if before is not None:
                editing.unchanged(before, expected)
            now = clock.now()
            made = BlockDocument(
                before.id if before else ids.uuid7(), new.type_slug, new.name, schema.checksum,
                new.data, before.created_at if before else now, now,
            )  # fmt: skip
            return _keep(connection, made, schema, before, by)

    def update_block(
        self,
        name_or_id: str,
        change: BlockChange,
        *,
        expected: datetime | None = None,
        by: str | None = None,
    ) -> BlockDocument:
        """Edit some fields of a block."""
        with self._write() as connection:
            before = editing.unchanged(blocks.get(connection, name_or_id), expected)
            checksum = change.schema_checksum or before.schema_checksum
            schema = block_types.schema(connection, before.type_slug, checksum)
            made = replace(
                before,
                data={**before.data, **change.data},
                schema_checksum=checksum,
                updated_at=clock.now(),
            )
            return _keep(connection, made, schema, before, by)

    def read_block(self, name_or_id: str) -> BlockDocument:
        """Read a block; its secrets are asterisks."""
        with self.database.read() as connection:
            return blocks.get(connection, name_or_id)

    def open_block(
        self, name_or_id: str, *, flow_run_id: str | None = None, by: str | None = None
    ) -> OpenedBlock:
        """Read a block with its secrets."""
        with self._write() as connection:
            secrets: list[Any] = []
            found = _opened(connection, blocks.get(connection, name_or_id), secrets)
            nested: dict[str, BlockDocument] = {}
            _follow(connection, found, nested, secrets, 0)
            row = {"type_slug": found.type_slug, "name": found.name, "flow_run_id": flow_run_id}
            _emit(connection, found, "opened", row, by)
        return OpenedBlock(found, nested, tuple(secrets))

    def job_names(self, flow_run_id: str, name_or_id: str) -> bool:
        """Say whether a run's job has a placeholder for a block."""
        with self.database.read() as connection:
            run = flow_runs.get(connection, flow_run_id)
            pool = work_pools.find(connection, run.work_pool or "")
            template: Mapping[str, Any] = {} if pool is None else template_of(pool)
            label = blocks.get(connection, name_or_id).label
        return label in job_variables.block_names(template, run.job_variables)

    def list_blocks(
        self,
        *,
        type_slug: str | None = None,
        capability: str | None = None,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[BlockDocument]:
        """List blocks that have a name, by type and name."""
        with self.database.read() as connection:
            return blocks.page(
                connection, type_slug=type_slug, capability=capability, limit=limit, cursor=cursor
            )

    def delete_block(self, name_or_id: str, *, by: str | None = None) -> None:
        """Delete a block."""
        with self._write() as connection:
            gone = blocks.get(connection, name_or_id)
            users = [one.label for one in blocks.referring(connection, gone.id)]
            if users:
                raise Conflict(
                    f"The block {gone.label} is used by {', '.join(users[:10])}.",
                    code="block.in_use",
                    field="name",
                    hint="Change or delete these first.",
                )
            blocks.delete(connection, gone.id)
            row = {"type_slug": gone.type_slug, "name": gone.name}
            _emit(connection, gone, "deleted", row, by)


def _keep(
    connection: sa.Connection,
    said: BlockDocument,
    schema: BlockSchema,
    before: BlockDocument | None,
    by: str | None,
) -> BlockDocument:
    """Check what is said of a block and write it: whole, or not at all."""
    check_json(said.data, "data")
    patterns = schema.fields.get("secret_fields", ())
    places = block_secrets.masked(said.data, patterns)
    kept = _kept(connection, places, before)
    whole = block_secrets.put_back(said.data, kept)
    check_data(schema, whole)
    _check_references(connection, said.id, schema, whole)
    shown_data, secrets = block_secrets.take_out(whole, patterns)
    block_secrets.check_long_enough(secrets)
    made = replace(said, data=shown_data)
    blocks.put(connection, made, secrets)
    _emit(connection, made, "updated" if before else "created", jsonable(made), by)
    return made


def _kept(
    connection: sa.Connection, places: list[Path], before: BlockDocument | None
) -> Mapping[Path, Any]:
    # A key that is lost matters only to who keeps what it encrypts.
    old: Secrets = blocks.secrets_of(connection, before.id) if places and before else {}
    return block_secrets.kept(places, old)


def _check_references(
    connection: sa.Connection, own: str, schema: BlockSchema, data: Mapping[str, Any]
) -> None:
    """Refuse references to blocks that are not there, of a wrong type, or that lead back here."""
    for path, document_id in block_secrets.references(data):
        field = block_secrets.said(path)
        found = blocks.find_id(connection, document_id)
        if found is None:
            raise InvalidInput(
                f"{field} refers to a block that is not there: {shown(document_id)}.",
                code="block.reference",
                field=field,
                hint="Save that block first, or choose another.",
            )
        taken = _types_taken(schema, path)
        if taken and found.type_slug not in taken:
            raise InvalidInput(
                f"{field} takes a block of the type {' or '.join(taken)}, "
                f"and {found.label} is another.",
                code="block.reference_type",
                field=field,
            )
        if own in {found.id, *_behind(connection, found)}:
            message = f"{field} leads back to the block itself."
            raise InvalidInput(message, code="block.cycle", field=field)


def _types_taken(schema: BlockSchema, path: Path) -> list[str]:
    """Give the types a field takes blocks of; none: any."""
    field: Any = schema.fields.get("properties", {}).get(path[0]) if path else None
    return sorted(set(_named_types(field)))


def _named_types(schema: Any) -> list[str]:
    if is_list(schema):
        return [slug for part in schema for slug in _named_types(part)]
    if not is_mapping(schema):
        return []
    own = [one["slug"] for one in schema.get("block_types", ())]
    return own + [slug for key, part in schema.items() if key != "block_types"
                  for slug in _named_types(part)]  # fmt: skip


def _behind(connection: sa.Connection, found: BlockDocument) -> set[str]:
    """Give the ids of all blocks a block leads to."""
    seen: set[str] = set()
    waiting = [to for _, to in block_secrets.references(found.data)]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            document = blocks.find_id(connection, one)
            waiting += [to for _, to in block_secrets.references(document.data)] if document else []
    return seen


def _opened(connection: sa.Connection, found: BlockDocument, told: list[Any]) -> BlockDocument:
    secrets = blocks.secrets_of(connection, found.id)
    told.extend(secrets.values())
    return replace(found, data=block_secrets.put_back(found.data, secrets))


def _follow(
    connection: sa.Connection,
    one: BlockDocument,
    into: dict[str, BlockDocument],
    told: list[Any],
    depth: int,
) -> None:
    """Open what a block refers to, and what that refers to."""
    for path, document_id in block_secrets.references(one.data):
        found = blocks.find_id(connection, document_id)
        if found is None or depth > DEEPEST:
            raise Conflict(
                f"The block {one.label} refers at {block_secrets.said(path)} to a block that is "
                "not there any more.",
                code="block.reference_gone",
                field=block_secrets.said(path),
                hint="Edit it to refer to another.",
            )
        if document_id not in into:
            into[document_id] = _opened(connection, found, told)
            _follow(connection, into[document_id], into, told, depth + 1)


def _emit(
    connection: sa.Connection,
    made: BlockDocument,
    verb: str,
    row: Mapping[str, Any],
    by: str | None,
) -> None:
    told = row if by is None else {**row, "by": by}
    event = Event(f"block.{verb}", "blocks", made.id, clock.now(), told)
    events.append(connection, [event])
