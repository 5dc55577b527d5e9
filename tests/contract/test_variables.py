"""What `Variables` promises, asked of both authorities."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound, Stale
from nbflow.model import ids
from nbflow.model.backend import Backend
from nbflow.model.variables import NewVariable, VariableChange


@pytest.fixture
def name() -> str:
    """A name no other test has."""
    return f"v-{ids.uuid7()[-12:]}"


@pytest.mark.parametrize(
    "value", ["text", "", 0, 1.5, 10**40, True, None, [], [1, [2]], {"a": {"b": [None]}}, "ü\n☃"]
)
def test_a_value_is_read_as_it_was_set(backend: Backend, name: str, value: Any) -> None:
    made = backend.set_variable(NewVariable(name, value, ("a", "b")))
    found = backend.read_variable(name)
    assert found == made
    assert (found.value, found.tags) == (value, ("a", "b"))
    assert found in backend.list_variables().rows


def test_one_that_is_there_is_kept_unless_overwriting(backend: Backend, name: str) -> None:
    first = backend.set_variable(NewVariable(name, 1))
    with pytest.raises(Conflict) as refused:
        backend.set_variable(NewVariable(name, 2))
    assert (refused.value.code, refused.value.field) == ("variable.exists", "name")
    assert backend.read_variable(name).value == 1
    second = backend.set_variable(NewVariable(name, 2, overwrite=True))
    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert backend.read_variable(name).value == 2


def test_an_edit_changes_what_it_says_only(backend: Backend, name: str) -> None:
    made = backend.set_variable(NewVariable(name, 1, ("a",)))
    tagged = backend.update_variable(name, VariableChange(tags=("b",)))
    assert (tagged.id, tagged.value, tagged.tags) == (made.id, 1, ("b",))
    nothing = backend.update_variable(name, VariableChange(value=None))
    assert (nothing.value, nothing.tags) == (None, ("b",))
    assert backend.read_variable(name) == nothing
    with pytest.raises(Stale):
        backend.update_variable(name, VariableChange(2), expected=made.updated_at)
    with pytest.raises(InvalidInput) as refused:
        backend.update_variable(name, VariableChange("x" * 5001))
    assert refused.value.field == "value"
    with pytest.raises(NotFound):
        backend.update_variable(f"{name}-no", VariableChange(2))


def test_one_that_is_deleted_is_gone(backend: Backend, name: str) -> None:
    backend.set_variable(NewVariable(name, 1))
    backend.delete_variable(name)
    for again in (backend.read_variable, backend.delete_variable):
        with pytest.raises(NotFound) as refused:
            again(name)
        assert refused.value.field == "name"
    backend.set_variable(NewVariable(name, 2))


@pytest.mark.parametrize("wrong", ["", "Upper", "with space", "a.b", "a/b", "é", "x" * 256])
def test_a_name_of_other_characters_is_refused(backend: Backend, wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.set_variable(NewVariable(wrong, 1))
    assert (refused.value.code, refused.value.field) == ("variable.name", "name")


def test_a_value_that_is_too_long_is_refused(backend: Backend, name: str) -> None:
    backend.set_variable(NewVariable(name, "x" * 4998))
    with pytest.raises(InvalidInput, match="5001") as refused:
        backend.set_variable(NewVariable(name, "x" * 4999, overwrite=True))
    assert (refused.value.code, refused.value.field) == ("variable.value", "value")


def test_each_change_is_an_event_with_the_row(backend: Backend, name: str) -> None:
    before = _last_seq(backend)
    made = backend.set_variable(NewVariable(name, 1))
    after = backend.set_variable(NewVariable(name, 2, overwrite=True))
    backend.delete_variable(name)
    mine = [e for e in backend.changes(before).events if e.resource_id == made.id]
    assert [e.kind for e in mine] == ["variable.created", "variable.updated", "variable.deleted"]
    assert {e.noun for e in mine} == {"variables"}
    assert (mine[1].row["value"], mine[1].row["id"]) == (2, after.id)
    assert mine[2].row == {"name": name}


def _last_seq(backend: Backend) -> int:
    seq = 0
    while (found := backend.changes(seq)).seq > seq:
        seq = found.seq
    return seq
