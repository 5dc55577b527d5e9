"""Inputs: what is found in arguments, what takes its place, and what it costs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pydantic
import pytest

from nbflow import allow_failure, opaque, quote, unmapped
from nbflow.engine import resolve
from nbflow.exceptions import UpstreamError
from nbflow.model.states import Completed, Failed, keep


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Box:
    content: Any
    rest: list[Any] = field(default_factory=list)


class Model(pydantic.BaseModel):
    content: Any
    other: int = 1


def done(value=1):
    return keep(Completed(), value)


def values(*args, **kwargs):
    return resolve.values(args, kwargs)


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ([done(1), [done(2)]], [1, [2]]),
        ((done(1), 5), (1, 5)),
        ({done(1).id, 5}, None),
        ({"a": {"b": [done(3)]}}, {"a": {"b": [3]}}),
        (Point(done(1), 2), Point(1, 2)),
        (Box(done(1), [done(2)]), Box(1, [2])),
        (Model(content=[done(1)]), Model(content=[1])),
        (Box(Model(content=Point(done(4), 0))), Box(Model(content=Point(4, 0)))),
    ],
)
def test_states_are_found_and_replaced_however_deep(given, filled):
    if filled is None:
        assert values(given)[0][0] is given
        return
    assert resolve.inputs((given,), {})
    (made,), _ = values(given)
    assert made == filled
    assert type(made) is type(given)


def test_what_was_given_is_not_changed():
    inner = [done(1)]
    box = Box(inner)
    assert values(box)[0][0].content == [1]
    assert isinstance(box.content[0], type(done()))


def test_a_collection_with_nothing_in_it_is_passed_as_it_is():
    for whole in ([1, 2], {"a": [1]}, Box([1]), Model(content=1), Point(1, 2), {1, 2}):
        assert resolve.inputs((whole,), {"k": whole}) == []
        assert values(whole)[0][0] is whole


def test_a_defaultdict_stays_one():
    given = defaultdict(list, a=done(1))
    (made,), _ = values(given)
    assert made == {"a": 1}
    assert made["new"] == []


def test_a_list_that_contains_itself_ends_and_keeps_its_shape():
    given: list[Any] = [done(1)]
    given.append(given)
    assert len(resolve.inputs((given,), {})) == 1
    (made,), _ = values(given)
    assert made[0] == 1
    assert made[1] is made


def test_nesting_without_end_is_looked_through_and_said_so_when_it_cannot_be_copied():
    deep: list[Any] = [done(1)]
    plain: list[Any] = []
    for _ in range(100_000):
        deep, plain = [deep], [plain]
    assert resolve.inputs((plain,), {}) == []
    assert len(resolve.inputs((deep,), {})) == 1
    with pytest.raises(ValueError, match="nested too deep"):
        values(deep)


def test_quote_passes_what_it_holds_untouched():
    state = done(1)
    assert resolve.task_run_ids(resolve.inputs((quote([state]),), {})) == ()
    (made,), _ = values(quote([state]))
    assert made[0] is state


def test_opaque_resolves_what_it_holds_and_no_deeper():
    state = done([done(2)])
    (one, whole), _ = values(opaque(state), opaque([state]))
    assert one == state.result()
    assert whole[0] is state


def test_unmapped_is_nothing_in_a_single_call():
    assert values(unmapped(done(2)), x=unmapped("a")) == ((2,), {"x": "a"})


def test_allow_failure_gives_the_exception_in_its_place():
    bad = keep(Failed(), error=ValueError("no"))
    found = resolve.inputs((allow_failure([bad, done(1)]),), {})
    resolve.wait(found, "it")
    (made,), _ = values(allow_failure([bad, done(1)]))
    assert (type(made[0]), made[1]) == (ValueError, 1)


def test_without_it_a_failure_stops_the_call():
    bad = keep(Failed(), error=ValueError("no"))
    with pytest.raises(UpstreamError, match="it did not start: a state it was given is Failed"):
        resolve.wait(resolve.inputs(([bad],), {}), "it")


def test_a_million_numbers_are_not_looked_at_one_by_one():
    numbers = list(range(1_000_000))
    before = resolve._kind.cache_info()
    assert resolve.inputs((numbers,), {}) == []
    after = resolve._kind.cache_info()
    assert after.hits + after.misses - before.hits - before.misses < 10
