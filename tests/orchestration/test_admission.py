"""Who is given slots: the dead and the far away, and exactness under any order of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from nbflow import settings
from nbflow.model import clock, ids
from nbflow.model.limits import LimitChange, NewLimit, SlotRequest
from nbflow.model.runs import Owner
from nbflow.orchestration import admission
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

FAR = Owner("far-away", "another-boot", 7, 1.0)


def asked(*names: str, **said: Any) -> SlotRequest:
    return SlotRequest(names, **{"owner": owners.current(), **said})


@pytest.fixture
def db(orchestrator: Orchestrator) -> Orchestrator:
    """A store with a limit `db` of one slot."""
    orchestrator.create_limit(NewLimit("db", 1))
    return orchestrator


def test_a_dead_process_of_this_host_is_seen_at_once(db: Orchestrator) -> None:
    gone = replace(owners.current(), started=1.0)  # its pid is somebody else's now
    db.acquire_slots(asked("db", owner=gone))
    assert db.read_limit("db").slots == ()
    assert db.acquire_slots(asked("db", wait=False)).granted


def test_one_far_away_keeps_its_slots_as_long_as_its_lease(
    db: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_UP_SINCE", clock.monotonic() - 3600)
    db.acquire_slots(asked("db", owner=FAR, lease_seconds=10.0))
    waiting = asked("db")
    db.acquire_slots(waiting)
    now = clock.now()
    with clock.frozen(now + timedelta(seconds=9)):
        assert db.settled_slots((waiting.request_id,)) == ()
    with clock.frozen(now + timedelta(seconds=11)):
        assert db.settled_slots((waiting.request_id,)) == (waiting.request_id,)


def test_a_renewed_lease_holds_on(db: Orchestrator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_UP_SINCE", clock.monotonic() - 3600)
    far = asked("db", owner=FAR, lease_seconds=10.0)
    db.acquire_slots(far)
    now = clock.now()
    with clock.frozen(now + timedelta(seconds=9)):
        assert db.renew_slots((far.request_id, "unknown")) == ("unknown",)
    with clock.frozen(now + timedelta(seconds=18)):
        assert not db.acquire_slots(asked("db", wait=False)).granted


def test_no_lease_is_judged_right_after_a_start(
    db: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # While nobody was there to ask, nobody far away could renew.
    monkeypatch.setattr(admission, "_UP_SINCE", clock.monotonic())
    db.acquire_slots(asked("db", owner=FAR))
    with clock.frozen(clock.now() + timedelta(seconds=settings.lease_seconds + 60)):
        assert not db.acquire_slots(asked("db", wait=False)).granted


def test_a_process_that_slept_keeps_its_slots_while_it_lives(
    db: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_UP_SINCE", clock.monotonic() - 3600)
    db.acquire_slots(asked("db"))  # this process: it is seen to be alive
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert not db.acquire_slots(asked("db", wait=False)).granted


def test_a_dead_one_in_two_lines_blocks_neither(orchestrator: Orchestrator) -> None:
    for name in ("a", "b"):
        orchestrator.create_limit(NewLimit(name, 1))
    gone = replace(owners.current(), started=1.0)
    holder, dead, behind = asked("a"), asked("a", "b", owner=gone), asked("b", occupy=1)
    orchestrator.acquire_slots(holder)
    orchestrator.acquire_slots(dead)  # waits for a, and so keeps a place in b's line
    orchestrator.acquire_slots(behind)
    orchestrator.bury_slots()
    assert orchestrator.settled_slots((behind.request_id,)) == (behind.request_id,)


def test_room_for_two_lets_later_ones_pass_who_waits_elsewhere(
    orchestrator: Orchestrator,
) -> None:
    orchestrator.create_limit(NewLimit("wide", 3))
    orchestrator.create_limit(NewLimit("narrow", 1))
    holder, both = asked("narrow"), asked("wide", "narrow")
    orchestrator.acquire_slots(holder)
    assert not orchestrator.acquire_slots(both).granted
    assert orchestrator.acquire_slots(asked("wide")).granted
    assert orchestrator.acquire_slots(asked("wide")).granted
    # The third slot is kept for the one that came first.
    assert not orchestrator.acquire_slots(asked("wide")).granted
    assert both.request_id in orchestrator.release_slots((holder.request_id,))


_event = st.one_of(
    st.tuples(
        st.just("ask"),
        st.sets(st.sampled_from("abc"), min_size=1),
        st.integers(1, 2),
        st.integers(-1, 1),
    ),
    st.tuples(st.just("release"), st.integers(0, 30)),
    st.tuples(st.just("change"), st.sampled_from("abc"), st.integers(2, 4)),
)


@examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_event, max_size=30))
def test_whatever_happens_no_limit_is_exceeded_and_nobody_who_fits_waits(
    orchestrator: Orchestrator, events: list[Any]
) -> None:
    limits = dict.fromkeys("abc", 2)
    _fresh(orchestrator, limits)
    there: list[SlotRequest] = []
    for kind, *said in events:
        if kind == "ask":
            names, occupy, priority = said
            there.append(asked(*sorted(names), occupy=occupy, priority=priority))
            orchestrator.acquire_slots(there[-1])
        elif kind == "release" and there:
            orchestrator.release_slots((there.pop(said[0] % len(there)).request_id,))
        elif kind == "change" and said[1] >= limits[said[0]]:
            limits[said[0]] = said[1]
            orchestrator.update_limit(said[0], LimitChange(limit=said[1]))
        _check(orchestrator, limits, there)
    while there:  # whoever has slots gives them back: everybody has a turn
        held = [r for r in there if orchestrator.settled_slots((r.request_id,))]
        assert held
        orchestrator.release_slots(tuple(r.request_id for r in held))
        there = [r for r in there if r not in held]


def _fresh(orchestrator: Orchestrator, limits: dict[str, int]) -> None:
    for one in orchestrator.list_limits().rows:
        orchestrator.delete_limit(one.name)
    for name, slots in limits.items():
        orchestrator.create_limit(NewLimit(name, slots))


def _check(orchestrator: Orchestrator, limits: dict[str, int], there: list[SlotRequest]) -> None:
    waiting = {r.request_id for r in there} - set(
        orchestrator.settled_slots(tuple(r.request_id for r in there))
    )
    used = {
        name: sum(r.occupy for r in there if name in r.names and r.request_id not in waiting)
        for name in limits
    }
    assert all(used[name] <= limits[name] for name in limits)
    assert {one.name: one.active_slots for one in orchestrator.list_limits().rows} == used
    order = {r.request_id: (r.priority, at) for at, r in enumerate(there)}
    line = sorted((r for r in there if r.request_id in waiting), key=lambda r: order[r.request_id])
    kept = dict.fromkeys(limits, 0)
    for request in line:
        fits = all(used[n] + kept[n] + request.occupy <= limits[n] for n in request.names)
        assert not fits, f"{request.names} waits though there is room"
        for name in request.names:
            kept[name] += request.occupy


def test_ids_of_requests_are_free_to_choose(db: Orchestrator) -> None:
    mine = asked("db", request_id=ids.uuid7())
    assert db.acquire_slots(mine).granted
    assert db.read_limit("db").slots[0].request_id == mine.request_id
