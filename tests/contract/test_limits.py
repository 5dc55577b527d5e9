"""What `Limits` promises, asked of both authorities."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from nbflow.exceptions import ConcurrencySlotAcquisitionError, Conflict, InvalidInput, NotFound
from nbflow.model import clock, ids, states
from nbflow.model.backend import Backend
from nbflow.model.limits import ConcurrencyLimit, Grant, LimitChange, NewLimit, SlotRequest
from nbflow.model.runs import Batch, LogEntry
from nbflow.store import owners


@pytest.fixture
def limit(backend: Backend) -> Any:
    """`limit(2)`: a limit of a name no other test has."""

    def make(slots: int, **said: Any) -> ConcurrencyLimit:
        name = said.pop("name", f"l-{ids.uuid7()[-12:]}")
        return backend.create_limit(NewLimit(name, slots, **said))

    return make


def asked(*names: ConcurrencyLimit | str, **said: Any) -> SlotRequest:
    """A request of this process for slots of some limits."""
    words = tuple(name if isinstance(name, str) else name.name for name in names)
    return SlotRequest(words, owner=owners.current(), **said)


def waits(backend: Backend, request: SlotRequest) -> bool:
    """Whether a request still stands in line."""
    return backend.settled_slots((request.request_id,)) == ()


# -- limits -----------------------------------------------------------------------------------


def test_a_limit_is_read_as_it_was_created(backend: Backend, limit: Any) -> None:
    made = limit(3, slot_decay_per_second=0.5)
    assert (made.limit, made.active, made.slot_decay_per_second) == (3, True, 0.5)
    assert (made.active_slots, made.slots) == (0, ())
    assert backend.read_limit(made.name) == backend.read_limit(made.id) == made
    assert made in backend.list_limits().rows


def test_a_name_is_taken_once(backend: Backend, limit: Any) -> None:
    made = limit(1)
    with pytest.raises(Conflict) as refused:
        limit(2, name=made.name)
    assert (refused.value.code, refused.value.field) == ("limit.exists", "name")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (NewLimit("", 1), "name"),
        (NewLimit("a/b", 1), "name"),
        (NewLimit("x" * 256, 1), "name"),
        (NewLimit("tag:", 1), "name"),
        (NewLimit("tag:" + "x" * 65, 1), "name"),
        (NewLimit("ok", -1), "limit"),
        (NewLimit("ok", 2**31), "limit"),
        (NewLimit("ok", 1, slot_decay_per_second=-0.1), "slot_decay_per_second"),
    ],
)
def test_what_is_no_limit_is_refused(backend: Backend, wrong: NewLimit, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.create_limit(wrong)
    assert refused.value.field == field


def test_an_edit_leaves_the_rest_as_it_is(backend: Backend, limit: Any) -> None:
    made = limit(3, slot_decay_per_second=0.5)
    edited = backend.update_limit(made.name, LimitChange(limit=5))
    assert edited == replace(made, limit=5, updated_at=edited.updated_at)
    assert backend.update_limit(made.id, LimitChange(active=False)).active is False
    with pytest.raises(InvalidInput):
        backend.update_limit(made.name, LimitChange(limit=-1))


def test_a_deleted_limit_is_gone(backend: Backend, limit: Any) -> None:
    made = limit(1)
    backend.delete_limit(made.name)
    for use in (backend.read_limit, backend.delete_limit, backend.reset_limit):
        with pytest.raises(NotFound) as refused:
            use(made.name)
        assert refused.value.code == "limit.not_found"


def test_the_active_limits_of_tags_are_listed(backend: Backend, limit: Any) -> None:
    tag = f"t/{ids.uuid7()[-12:]} ü"
    made = limit(1, name=f"tag:{tag}")
    limit(1)
    assert made.name in backend.list_tag_limits()
    assert all(name.startswith("tag:") for name in backend.list_tag_limits())
    backend.update_limit(made.name, LimitChange(active=False))
    assert made.name not in backend.list_tag_limits()


def test_each_change_of_a_limit_is_an_event(backend: Backend, limit: Any) -> None:
    seq = 0
    while (found := backend.changes(seq)).seq > seq:
        seq = found.seq
    made = limit(1)
    backend.update_limit(made.name, LimitChange(limit=2))
    backend.reset_limit(made.name)
    backend.delete_limit(made.name)
    mine = [e for e in backend.changes(seq).events if e.resource_id == made.id]
    assert [e.kind.partition(".")[2] for e in mine] == ["created", "updated", "reset", "deleted"]
    assert {e.noun for e in mine} == {"concurrency-limits"}
    assert mine[1].row["limit"] == 2


# -- taking and giving back -------------------------------------------------------------------


def test_slots_are_taken_until_there_are_none(backend: Backend, limit: Any) -> None:
    two = limit(2)
    first, second, third = asked(two), asked(two), asked(two)
    assert backend.acquire_slots(first) == backend.acquire_slots(second) == Grant(True)
    refused = backend.acquire_slots(third)
    assert (refused.granted, refused.position) == (False, 1)
    assert refused.waiting_for == f"{two.name!r} (2 of 2 slots in use)"
    assert backend.read_limit(two.name).active_slots == 2
    assert backend.release_slots((first.request_id,)) == (third.request_id,)
    assert backend.settled_slots((second.request_id, third.request_id)) == (
        second.request_id,
        third.request_id,
    )
    assert backend.acquire_slots(third) == Grant(True)
    backend.release_slots((second.request_id, third.request_id))
    assert backend.read_limit(two.name).active_slots == 0


def test_asked_twice_is_taken_once(backend: Backend, limit: Any) -> None:
    two = limit(2)
    request = asked(two)
    assert backend.acquire_slots(request) == backend.acquire_slots(request) == Grant(True)
    assert backend.read_limit(two.name).active_slots == 1
    backend.release_slots((request.request_id,))
    assert backend.release_slots((request.request_id,)) == ()


def test_all_names_or_none(backend: Backend, limit: Any) -> None:
    a, b = limit(1), limit(1)
    holder, both, other = asked(b), asked(a, b), asked(a)
    backend.acquire_slots(holder)
    assert not backend.acquire_slots(both).granted
    assert backend.read_limit(a.name).active_slots == 0
    assert backend.release_slots((holder.request_id,)) == (both.request_id,)
    assert not backend.acquire_slots(other).granted
    assert backend.release_slots((both.request_id,)) == (other.request_id,)


def test_names_in_any_order_do_not_lock_each_other_out(backend: Backend, limit: Any) -> None:
    a, b = limit(1), limit(1)
    first, second, third = asked(a, b), asked(b, a), asked(a, b)
    assert backend.acquire_slots(first).granted
    assert not backend.acquire_slots(second).granted
    assert not backend.acquire_slots(third).granted
    assert backend.release_slots((first.request_id,)) == (second.request_id,)
    assert backend.release_slots((second.request_id,)) == (third.request_id,)


def test_who_came_first_is_served_first(backend: Backend, limit: Any) -> None:
    one = limit(1)
    line = [asked(one) for _ in range(5)]
    positions = [backend.acquire_slots(request).position for request in line]
    assert positions == [0, 1, 2, 3, 4]
    shown = backend.read_limit(one.name).slots
    assert [(s.request_id, s.position) for s in shown] == [
        (request.request_id, at) for at, request in enumerate(line)
    ]
    for before, after in pairwise(line):
        assert backend.release_slots((before.request_id,)) == (after.request_id,)


def test_a_lower_priority_number_is_served_first(backend: Backend, limit: Any) -> None:
    one = limit(1)
    holder, late, urgent = asked(one), asked(one), asked(one, priority=-1)
    for request in (holder, late, urgent):
        backend.acquire_slots(request)
    assert backend.release_slots((holder.request_id,)) == (urgent.request_id,)


def test_a_small_request_does_not_pass_a_large_one(backend: Backend, limit: Any) -> None:
    three = limit(3)
    holder, large, small = asked(three), asked(three, occupy=3), asked(three)
    for request in (holder, large, small):
        backend.acquire_slots(request)
    assert backend.read_limit(three.name).active_slots == 1
    assert backend.release_slots((holder.request_id,)) == (large.request_id,)
    assert backend.release_slots((large.request_id,)) == (small.request_id,)


def test_one_that_leaves_the_line_lets_the_next_pass(backend: Backend, limit: Any) -> None:
    three = limit(3)
    holder, large, small = asked(three), asked(three, occupy=3), asked(three)
    for request in (holder, large, small):
        backend.acquire_slots(request)
    assert backend.release_slots((large.request_id,)) == (small.request_id,)


def test_one_that_does_not_wait_takes_no_place(backend: Backend, limit: Any) -> None:
    one = limit(1)
    backend.acquire_slots(asked(one))
    assert not backend.acquire_slots(asked(one, wait=False)).granted
    assert len(backend.read_limit(one.name).slots) == 1


def test_a_limit_of_nothing_blocks(backend: Backend, limit: Any) -> None:
    none = limit(0)
    with pytest.raises(ConcurrencySlotAcquisitionError, match="nothing passes") as refused:
        backend.acquire_slots(asked(none))
    assert (refused.value.code, refused.value.field) == ("concurrency.blocked", "names")


def test_more_than_there_are_is_refused_at_once(backend: Backend, limit: Any) -> None:
    with pytest.raises(ConcurrencySlotAcquisitionError) as refused:
        backend.acquire_slots(asked(limit(2), occupy=3))
    assert refused.value.code == "concurrency.too_many"


def test_an_inactive_limit_never_blocks(backend: Backend, limit: Any) -> None:
    off, none = limit(1, active=False), limit(0, active=False)
    for _ in range(3):
        assert backend.acquire_slots(asked(off, none)) == Grant(True)


def test_a_missing_limit_counts_only_when_strict(backend: Backend, limit: Any) -> None:
    name, one = f"l-{ids.uuid7()[-12:]}", limit(1)
    assert backend.acquire_slots(asked(name, one)) == Grant(True, missing=(name,))
    with pytest.raises(ConcurrencySlotAcquisitionError, match=name) as refused:
        backend.acquire_slots(asked(name, strict=True))
    assert refused.value.code == "concurrency.missing"


@pytest.mark.parametrize("wrong", [0, -1, 2**31])
def test_a_wrong_number_of_slots_is_refused(backend: Backend, limit: Any, wrong: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.acquire_slots(asked(limit(1), occupy=wrong))
    assert refused.value.field == "occupy"


# -- limits that change while somebody waits --------------------------------------------------


def test_a_raised_limit_lets_the_next_in(backend: Backend, limit: Any) -> None:
    one = limit(1)
    holder, next_one, last = asked(one), asked(one), asked(one)
    for request in (holder, next_one, last):
        backend.acquire_slots(request)
    backend.update_limit(one.name, LimitChange(limit=2))
    assert not waits(backend, next_one)
    assert waits(backend, last)
    backend.update_limit(one.name, LimitChange(active=False))
    assert not waits(backend, last)


def test_a_reset_frees_what_is_held(backend: Backend, limit: Any) -> None:
    one = limit(1)
    holder, next_one = asked(one), asked(one)
    backend.acquire_slots(holder)
    backend.acquire_slots(next_one)
    after = backend.reset_limit(one.name)
    assert [s.request_id for s in after.slots] == [next_one.request_id]
    assert backend.renew_slots((holder.request_id, next_one.request_id)) == (holder.request_id,)


def test_a_deleted_limit_keeps_nobody_waiting(backend: Backend, limit: Any) -> None:
    a, b = limit(1), limit(1)
    holder, both, only = asked(a), asked(a, b), asked(a)
    for request in (holder, both, only):
        backend.acquire_slots(request)
    backend.delete_limit(a.name)
    assert not waits(backend, both)
    assert not waits(backend, only)
    assert backend.acquire_slots(only) == Grant(True, missing=(a.name,))
    assert backend.read_limit(b.name).active_slots == 1


# -- rates ------------------------------------------------------------------------------------


def test_a_rate_needs_decay(backend: Backend, limit: Any) -> None:
    with pytest.raises(ConcurrencySlotAcquisitionError, match="decay") as refused:
        backend.acquire_slots(asked(limit(1), rate=True))
    assert refused.value.code == "concurrency.no_decay"


def test_a_burst_is_as_large_as_the_limit(backend: Backend, limit: Any) -> None:
    slow = limit(3, slot_decay_per_second=0.01)
    for _ in range(3):
        assert backend.acquire_slots(asked(slow, rate=True)).granted
    refused = backend.acquire_slots(asked(slow, rate=True))
    assert not refused.granted
    assert refused.ask_again_seconds == pytest.approx(100, abs=2)
    assert backend.read_limit(slow.name).active_slots == pytest.approx(3, abs=0.1)


def test_a_new_decay_starts_from_what_is_taken(backend: Backend, limit: Any) -> None:
    slow = limit(2, slot_decay_per_second=0.001)
    for _ in range(2):
        backend.acquire_slots(asked(slow, rate=True))
    faster = backend.update_limit(slow.name, LimitChange(slot_decay_per_second=0.01))
    assert faster.active_slots == pytest.approx(2, abs=0.05)
    assert backend.reset_limit(slow.name).active_slots == 0


def test_slots_held_do_not_decay(backend: Backend, limit: Any) -> None:
    fast = limit(1, slot_decay_per_second=1000)
    backend.acquire_slots(asked(fast))
    assert not backend.acquire_slots(asked(fast, rate=True)).granted
    assert not backend.acquire_slots(asked(fast)).granted


# -- runs -------------------------------------------------------------------------------------


def test_a_run_that_ends_gives_its_slots_back(backend: Backend, limit: Any, make: Any) -> None:
    run, one = make.run(), limit(1)
    held, outside = asked(one, flow_run_id=run.id), asked(one)
    backend.acquire_slots(held)
    backend.acquire_slots(outside)
    (slot,) = backend.list_slots(run.id)
    assert (slot.limit_name, slot.position, slot.flow_run_name) == (one.name, 0, run.name)
    backend.propose(run.id, states.Running(), attempt=1)
    backend.propose(run.id, states.Crashed(message="gone"), attempt=1)
    assert backend.list_slots(run.id) == ()
    assert not waits(backend, outside)


def test_the_slots_of_no_run_are_not_found(backend: Backend) -> None:
    with pytest.raises(NotFound):
        backend.list_slots(ids.uuid7())


def test_answers_to_running_processes_name_the_limits_on_tags(
    backend: Backend, limit: Any, make: Any
) -> None:
    name = limit(1, name=f"tag:{ids.uuid7()[-12:]}").name
    line = LogEntry(make.run().id, clock.now(), 20, "hello")
    assert name in (backend.record(Batch(logs=(line,))).tag_limits or ())
    assert name in (backend.heartbeat(()).tag_limits or ())
