"""`Limits` over SQL: limits made, edited and removed, each with its event; slots given and taken.

Taking and giving back a slot is no event: it would cost as much as the slot itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict
from nbflow.faults import fault
from nbflow.model import clock, editing, ids
from nbflow.model.events import Event, parting
from nbflow.model.limits import (
    TAG_PREFIX,
    ConcurrencyLimit,
    Grant,
    LimitChange,
    NewLimit,
    Slot,
    SlotRequest,
    check_count,
    check_decay,
    checked_limit,
    checked_request,
)
from nbflow.model.names import twin
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.runs import Owner
from nbflow.model.wire import jsonable
from nbflow.orchestration import admission
from nbflow.orchestration.base import OverSql
from nbflow.store import codec, events, flow_runs, limits, owners, slots
from nbflow.store.limits import Limit


class SqlLimits(OverSql):
    """The limits of a store."""

    def create_limit(self, new: NewLimit) -> ConcurrencyLimit:
        """Create a limit."""
        new = checked_limit(new)
        now = clock.micros(clock.now())
        made = Limit(
            ids.uuid7(), new.name, new.limit, new.active, new.slot_decay_per_second, now, now, now
        )
        with self._write() as connection:
            there = _there(connection, new.name)
            if there is not None:
                raise Conflict(
                    f"There is a concurrency limit {there!r} already.",
                    code="limit.exists",
                    field="name",
                    hint="Update it, or choose another name.",
                )
            limits.insert(connection, made)
            return _emit(connection, made, "created")

    def update_limit(
        self, name_or_id: str, change: LimitChange, *, expected: datetime | None = None
    ) -> ConcurrencyLimit:
        """Edit a limit; who waits and now fits is given slots."""
        now = clock.now()
        with self._write() as connection:
            found = limits.get(connection, name_or_id)
            editing.unchanged(found.model(), expected)
            made = _changed(found, change, clock.micros(now))
            limits.replace(connection, made)
            admission.settle(connection, [made.name], now)
            return _emit(connection, made, "updated")

    def delete_limit(self, name_or_id: str) -> None:
        """Delete a limit; who holds or waits for its slots goes on without."""
        now = clock.now()
        with self._write() as connection:
            gone = limits.get(connection, name_or_id)
            limits.delete(connection, gone.id)
            slots.delete_of_limit(connection, gone.name)
            # What waited for it and for others too may now fit under those.
            admission.settle(connection, [left.name for left in limits.every(connection)], now)
            _emit(connection, gone, "deleted")

    def reset_limit(self, name_or_id: str) -> ConcurrencyLimit:
        """Take all slots back; who waits is given them."""
        now = clock.now()
        with self._write() as connection:
            made = limits.get(connection, name_or_id)._replace(drained_at=clock.micros(now))
            limits.replace(connection, made)
            slots.delete_of_limit(connection, made.name, held_only=True)
            admission.settle(connection, [made.name], now)
            return _emit(connection, made, "reset")

    def read_limit(self, name_or_id: str) -> ConcurrencyLimit:
        """Read a limit with its holders and its queue."""
        with self.database.read() as connection:
            found = limits.get(connection, name_or_id)
            return _whole(found, slots.listed(connection, limit_name=found.name))

    def list_limits(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[ConcurrencyLimit]:
        """List limits by name, with their holders and queues."""
        with self.database.read() as connection:
            found, used = (
                limits.page(connection, limit=limit, cursor=cursor),
                slots.listed(connection),
            )
        whole = (_whole(one, [s for s in used if s.limit_name == one.name]) for one in found.rows)
        return Page(tuple(whole), found.cursor)

    def list_tag_limits(self) -> tuple[str, ...]:
        """List the names of active limits of tags."""
        with self.database.read() as connection:
            return limits.of_tags(connection)

    def list_slots(self, flow_run_id: str) -> tuple[Slot, ...]:
        """List what a run holds and waits for."""
        with self.database.read() as connection:
            flow_runs.get(connection, flow_run_id)
            return tuple(slots.listed(connection, flow_run_id=flow_run_id))

    # -- slots --------------------------------------------------------------------------------
    def acquire_slots(self, request: SlotRequest) -> Grant:
        """Take slots of every name, or a place in the queue; asked again, say how it stands."""
        names = checked_request(request)
        with self.database.write() as connection:
            grant = admission.ask(connection, request, names, clock.now())
        if grant.granted:
            fault("slot.after_acquire")
        return grant

    def release_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Give slots back, or leave the queue; give the requests that were granted by it."""
        with self.database.write() as connection:
            return admission.release(connection, request_ids, clock.now())

    def renew_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Renew the leases of requests; give those that are no more."""
        with self.database.write() as connection:
            there = slots.renew(connection, request_ids, now=clock.micros(clock.now()))
        return tuple(one for one in request_ids if one not in there)

    def settled_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Give those of some requests that wait no longer, after freeing what the dead hold."""
        self.bury_slots()
        with self.database.read() as connection:
            waiting = slots.still_waiting(connection, request_ids)
        return tuple(one for one in request_ids if one not in waiting)

    def bury_slots(self) -> tuple[Owner | None, ...]:
        """Free what processes hold that are gone; give who held or waited for slots.

        For the reaper, and for who waits.
        """
        with self.database.read() as connection:
            found = slots.owners(connection)
        if admission.any_dead(found, clock.now()):
            with self.database.write() as connection:
                admission.bury(connection, clock.now())
        return tuple(codec.owner_of(owner) for owner, _ in found)


def _there(connection: sa.Connection, name: str) -> str | None:
    """Give the limit that has a name already, or one that looks like it; tags are told apart."""
    if name.startswith(TAG_PREFIX):
        return name if limits.by_name(connection, [name]) else None
    return twin(name, (one.name for one in limits.every(connection)))


def _changed(before: Limit, change: LimitChange, now: int) -> Limit:
    """Give a limit as it is after an edit; what a rate took is as much after a new decay."""
    after = before._replace(updated_at=now)
    if change.limit is not None:
        after = after._replace(limit=check_count(change.limit, field="limit"))
    if change.active is not None:
        after = after._replace(active=change.active)
    if change.slot_decay_per_second is not None:
        decay = check_decay(change.slot_decay_per_second)
        left = before.drained(now) / decay if decay else 0.0
        after = after._replace(decay=decay, drained_at=now + round(left * 1e6))
    return after


def _whole(found: Limit, used: list[Slot]) -> ConcurrencyLimit:
    """Give a limit with its slots; what dead processes left is not in use."""
    live = [s for s in used if s.owner is None or owners.alive(s.owner) is not False]
    held = sum(s.occupy for s in live if s.position == 0)
    drained = found.drained(clock.micros(clock.now()))
    return _with_slots(found.model(), held + drained, live)


def _with_slots(limit: ConcurrencyLimit, active: float, used: list[Slot]) -> ConcurrencyLimit:
    fields: dict[str, Any] = {**vars(limit), "active_slots": active, "slots": tuple(used)}
    return ConcurrencyLimit(**fields)


def _emit(connection: sa.Connection, limit: Limit, verb: str) -> ConcurrencyLimit:
    made = _whole(limit, slots.listed(connection, limit_name=limit.name))
    row: dict[str, Any] = parting(made) if verb == "deleted" else jsonable(made)
    kind = f"concurrency-limit.{verb}"
    events.append(connection, [Event(kind, "concurrency-limits", limit.id, clock.now(), row)])
    return made
