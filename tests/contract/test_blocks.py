"""What `Blocks` promises, asked of all authorities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound, Stale
from nbflow.model import ids
from nbflow.model.backend import Backend
from nbflow.model.block_secrets import reference
from nbflow.model.blocks import (
    BlockChange,
    BlockDocument,
    BlockTypeChange,
    NewBlock,
    NewBlockSchema,
    NewBlockType,
    checksum_of,
)
from nbflow.model.masking import MASK

FIELDS = {
    "type": "object",
    "properties": {
        "host": {"type": "string"},
        "port": {"type": "integer", "default": 5},
        "password": {"type": "string", "format": "password"},
        "tokens": {"type": "object"},
        "logins": {"type": "array", "items": {"type": "object"}},
        "other": {"type": "object"},
    },
    "required": ["host"],
    "secret_fields": ["logins.*.key", "password", "tokens.*"],
}

Save = Callable[..., BlockDocument]


@pytest.fixture
def slug(backend: Backend) -> str:
    """A type no other test has, with its schema."""
    made = f"t-{ids.uuid7()[-12:]}"
    backend.register_block_type(NewBlockType(made, "A type", "What it is for"))
    backend.register_block_schema(NewBlockSchema(made, FIELDS, ("notify", "connect"), "1"))
    return made


@pytest.fixture
def save(backend: Backend, slug: str) -> Save:
    def saved(name: str | None, overwrite: bool = False, **data: Any) -> BlockDocument:
        return backend.save_block(NewBlock(slug, name, data, overwrite=overwrite))

    return saved


def test_a_type_is_registered_once_and_edited(backend: Backend, slug: str) -> None:
    first = backend.read_block_type(slug)
    assert backend.register_block_type(NewBlockType(slug, "A type", "What it is for")) == first
    second = backend.update_block_type(
        slug, BlockTypeChange(description="else"), expected=first.updated_at
    )
    assert (second.name, second.description, second.is_protected) == ("A type", "else", False)
    with pytest.raises(Stale):
        backend.update_block_type(slug, BlockTypeChange(name="x"), expected=first.updated_at)
    assert second in backend.list_block_types(limit=200).rows
    backend.delete_block_type(slug)
    for ask in (backend.read_block_type, backend.list_block_schemas, backend.delete_block_type):
        with pytest.raises(NotFound):
            ask(slug)


def test_schemas_are_told_apart_by_their_fields(backend: Backend, slug: str) -> None:
    (first,) = backend.list_block_schemas(slug)
    assert first.checksum == checksum_of(FIELDS)
    assert (first.capabilities, first.version) == (("connect", "notify"), "1")
    again = backend.register_block_schema(NewBlockSchema(slug, FIELDS, ("notify", "connect"), "1"))
    assert again == first
    other = {**FIELDS, "required": ["host", "port"]}
    second = backend.register_block_schema(NewBlockSchema(slug, other))
    assert [s.checksum for s in backend.list_block_schemas(slug)] == [
        second.checksum, first.checksum,
    ]  # fmt: skip


def test_secrets_are_masked_but_where_they_are_opened(backend: Backend, save: Save) -> None:
    given = {
        "host": "h",
        "password": "opensesame",
        "tokens": {"a": "first-token", "b": {"deep": "second"}},
        "logins": [{"user": "u", "key": "login-key"}],
    }
    made = save("one", **given)
    assert made.data == {
        "host": "h",
        "password": MASK,
        "tokens": {"a": MASK, "b": MASK},
        "logins": [{"user": "u", "key": MASK}],
    }
    assert backend.read_block(made.label) == backend.read_block(made.id) == made
    assert made in backend.list_blocks(type_slug=made.type_slug).rows
    opened = backend.open_block(made.label)
    assert (opened.document.data, dict(opened.references)) == (given, {})
    assert sorted(map(str, opened.secrets)) == sorted(
        ["opensesame", "first-token", "{'deep': 'second'}", "login-key"]
    )


def test_posting_the_mask_back_keeps_the_value(backend: Backend, save: Save) -> None:
    made = save("one", host="h", password="opensesame", tokens={"a": "first", "b": "second"})
    save("one", True, **{**made.data, "host": "other", "tokens": {"a": "changed", "b": MASK}})
    assert backend.open_block(made.label).document.data == {
        "host": "other",
        "password": "opensesame",
        "tokens": {"a": "changed", "b": "second"},
    }
    edited = backend.update_block(made.label, BlockChange({"port": 7, "password": MASK}))
    assert (edited.id, edited.data["port"]) == (made.id, 7)
    assert backend.open_block(made.id).document.data["password"] == "opensesame"
    with pytest.raises(InvalidInput) as refused:
        save("two", host="h", password=MASK)
    assert (refused.value.code, refused.value.field) == ("block.mask", "data.password")
    with pytest.raises(NotFound):
        backend.read_block(f"{made.type_slug}/two")


def test_a_name_that_is_taken_is_kept_unless_overwriting(backend: Backend, save: Save) -> None:
    first = save("one", host="a")
    with pytest.raises(Conflict) as refused:
        save("one", host="b")
    assert (refused.value.code, refused.value.field) == ("block.exists", "name")
    second = save("one", True, host="b")
    assert (second.id, second.created_at, second.data) == (
        first.id,
        first.created_at,
        {"host": "b"},
    )
    with pytest.raises(Stale):
        backend.update_block(first.id, BlockChange({"host": "c"}), expected=first.updated_at)


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ({}, "block.missing", "data.host"),
        ({"host": 5}, "block.invalid", "data.host"),
        ({"host": "h", "port": "five"}, "block.invalid", "data.port"),
        ({"host": "h", "prot": 5}, "block.unknown", "data.prot"),
        ({"host": "h", "password": 5}, "block.invalid", "data.password"),
        ({"host": "h\0"}, "block.json", "data"),
        ({"host": "h", "other": reference("x")}, "block.reference", "data.other"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    backend: Backend, slug: str, save: Save, data: Any, code: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        save("bad", **data)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert backend.list_blocks(type_slug=slug).rows == ()


def test_a_refused_secret_is_not_told(save: Save) -> None:
    with pytest.raises(InvalidInput) as refused:
        save("bad", host="h", password=["opensesame"])
    assert "opensesame" not in str(refused.value)


def test_references_are_followed_and_guarded(backend: Backend, save: Save) -> None:
    inner = save("inner", host="i", password="opensesame")
    outer = save("outer", host="o", other=reference(inner.id))
    opened = backend.open_block(outer.id)
    assert opened.document.data["other"] == reference(inner.id)
    assert opened.references[inner.id].data["password"] == "opensesame"
    save("inner", True, host="later")
    assert backend.open_block(outer.id).references[inner.id].data == {"host": "later"}
    with pytest.raises(Conflict) as refused:
        backend.delete_block(inner.label)
    assert refused.value.code == "block.in_use"
    assert outer.label in str(refused.value)
    with pytest.raises(InvalidInput) as cyclic:
        backend.update_block(inner.id, BlockChange({"other": reference(outer.id)}))
    assert cyclic.value.code == "block.cycle"
    backend.delete_block(outer.id)
    backend.delete_block(inner.label)


def test_an_anonymous_block_is_asked_for_by_id_only(backend: Backend, save: Save) -> None:
    one, two = save(None, host="a"), save(None, host="b")
    assert one.name is None
    assert one.id != two.id
    assert backend.read_block(one.id) == backend.read_block(one.label) == one
    assert backend.list_blocks(type_slug=one.type_slug).rows == ()


def test_blocks_are_listed_by_what_they_can_do(backend: Backend, save: Save) -> None:
    made = save("one", host="a")
    can = backend.list_blocks(capability="notify", limit=200).rows
    cannot = backend.list_blocks(capability="noti", limit=200).rows
    assert made in can
    assert made not in cannot


def test_a_type_in_use_is_not_deleted_and_a_shipped_one_not_edited(
    backend: Backend, slug: str, save: Save
) -> None:
    save("one", host="a")
    with pytest.raises(Conflict) as refused:
        backend.delete_block_type(slug)
    assert refused.value.code == "block_type.in_use"


@pytest.mark.parametrize("wrong", ["", "Upper", "a b", "a/b", "-a", "a-", "a--b", "é", "x" * 256])
def test_a_name_of_other_characters_is_refused(save: Save, wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(wrong, host="h")
    assert (refused.value.code, refused.value.field) == ("block.name", "name")


def test_each_change_is_an_event_without_secrets(backend: Backend, save: Save) -> None:
    before = _last_seq(backend)
    made = save("one", host="h", password="opensesame")
    save("one", True, host="h", password="opensesame2")
    backend.open_block(made.label, flow_run_id=None)
    backend.delete_block(made.label)
    mine = [e for e in backend.changes(before).events if e.resource_id == made.id]
    assert [e.kind for e in mine] == [
        "block.created", "block.updated", "block.opened", "block.deleted",
    ]  # fmt: skip
    assert {e.noun for e in mine} == {"blocks"}
    assert "opensesame" not in str(mine)
    assert (mine[0].row["data"]["password"], mine[2].row["name"]) == (MASK, "one")


def _last_seq(backend: Backend) -> int:
    seq = 0
    while (found := backend.changes(seq)).seq > seq:
        seq = found.seq
    return seq
