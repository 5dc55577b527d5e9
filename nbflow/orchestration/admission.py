"""Who is given slots: what may pass, in which order, and what the dead leave behind.

Rows are added up inside the transaction that gives slots out, so a limit is never exceeded, and
there is no count that could drift. Requests are served by priority, then by time. What waits ahead
keeps its place: later ones pass only where there is room for both, so nobody starves, and since
what waits holds nothing and all queues have one order, nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import ConcurrencySlotAcquisitionError
from nbflow.model import clock
from nbflow.model.limits import Grant, SlotRequest
from nbflow.store import codec, limits, owners, slots
from nbflow.store.limits import Limit
from nbflow.store.slots import Row

#: while nothing ran, nobody far away could renew: leases are not judged before one has passed
_UP_SINCE = clock.monotonic()
#: what adding parts of slots up may be off by
_NEARLY = 1e-6


def ask(
    connection: sa.Connection, request: SlotRequest, names: tuple[str, ...], now: datetime
) -> Grant:
    """Take slots of every name, or a place in the queue. Raises ConcurrencySlotAcquisitionError."""
    mine = slots.of_request(connection, request.request_id)
    if mine and not mine[0].waiting:
        return Grant(True)
    known = limits.by_name(connection, names)
    missing = tuple(name for name in names if name not in known)
    _refuse(request, known, missing)
    counted = {name: limit for name, limit in known.items() if limit.active}
    if mine:
        granted = _wait_on(connection, mine, counted, now)
    else:
        granted = not counted or _enter(connection, request, counted, now)
    return (
        Grant(True, missing) if granted else _standing(connection, request, counted, missing, now)
    )


def settle(connection: sa.Connection, names: Iterable[str], now: datetime) -> tuple[str, ...]:
    """Give slots of some limits to those that wait and now fit; give their request ids."""
    granted: list[str] = []
    for name in sorted(names):
        limit = limits.by_name(connection, [name]).get(name)
        if limit is not None:
            granted += _settle(connection, limit, now)
    return tuple(granted)


def release(
    connection: sa.Connection, request_ids: tuple[str, ...], now: datetime
) -> tuple[str, ...]:
    """Delete requests, and give their slots to those that wait; give their request ids."""
    return settle(connection, slots.delete(connection, request_ids), now)


def release_run(connection: sa.Connection, flow_run_id: str, now: datetime) -> None:
    """Delete the requests of a run that has ended."""
    freed = slots.delete_of_run(connection, flow_run_id)
    if freed:
        settle(connection, freed, now)


def bury(connection: sa.Connection, now: datetime) -> bool:
    """Free what processes hold that are gone; say whether there was anything."""
    freed: set[str] = set()
    micros = clock.micros(now)
    for owner, lease_until in slots.owners(connection):
        match _end_of(owner, lease_until, micros):
            case "gone":
                freed |= slots.delete_of_owner(connection, owner)
            case "expired":
                freed |= slots.delete_of_owner(connection, owner, expired_before=micros)
            case _:
                pass
    settle(connection, freed, now)
    return bool(freed)


def any_dead(connection: sa.Connection, now: datetime) -> bool:
    """Say whether `bury` would find anything."""
    at = clock.micros(now)
    return any(_end_of(owner, lease, at) for owner, lease in slots.owners(connection))


def _end_of(owner_text: str | None, lease_until: int, now: int) -> str | None:
    """Say what has ended: a process that is seen to be gone, or a lease nobody renews."""
    owner = codec.owner_of(owner_text)
    alive = None if owner is None else owners.alive(owner)
    if alive is False:
        return "gone"
    observed = clock.monotonic() - _UP_SINCE
    unseen = alive is None and observed > settings.lease_seconds
    return "expired" if unseen and lease_until < now else None


# -- one request ------------------------------------------------------------------------------
def _refuse(request: SlotRequest, known: Mapping[str, Limit], missing: tuple[str, ...]) -> None:
    if missing and request.strict:
        raise _never(
            f"There is no concurrency limit {', '.join(map(repr, missing))}.",
            "missing",
            f"Create it: `nbflow concurrency-limit create '{missing[0]}' 1`.",
        )
    for name, limit in known.items():
        if request.rate and limit.decay <= 0:
            raise _never(
                f"The concurrency limit {name!r} has no slot decay: what a rate takes never comes "
                "back.",
                "no_decay",
                f"Say `nbflow concurrency-limit update '{name}' --slot-decay-per-second 1`.",
            )
        if limit.active and request.occupy > limit.limit:
            blocked = limit.limit == 0
            raise _never(
                f"The concurrency limit {name!r} is 0: nothing passes."
                if blocked
                else f"{request.occupy} slots of the concurrency limit {name!r} can never be had: "
                f"there are {limit.limit}.",
                "blocked" if blocked else "too_many",
                f"Raise it: `nbflow concurrency-limit update '{name}' --limit {request.occupy}`.",
            )


def _never(message: str, word: str, hint: str) -> ConcurrencySlotAcquisitionError:
    return ConcurrencySlotAcquisitionError(
        message, code=f"concurrency.{word}", field="names", hint=hint
    )


def _enter(
    connection: sa.Connection, request: SlotRequest, counted: Mapping[str, Limit], now: datetime
) -> bool:
    """Take slots at once, if there are and nobody is ahead; else stand in line, if wanted."""
    if not _fits(connection, request, counted, now) and not (
        bury(connection, now) and _fits(connection, request, counted, now)
    ):
        if request.wait:
            _insert(connection, request, counted, waiting=True, now=now)
        return False
    if request.rate:
        _drain(connection, counted, request.occupy, now)
    else:
        _insert(connection, request, counted, waiting=False, now=now)
    return True


def _fits(
    connection: sa.Connection, request: SlotRequest, counted: Mapping[str, Limit], now: datetime
) -> bool:
    """Say whether a request that comes only now finds room behind all that hold or wait."""
    use = slots.use(connection, counted)
    at = clock.micros(now)
    for name, limit in counted.items():
        ahead = use.get((name, True), 0)
        if ahead and request.priority:
            new = Row(request.request_id, name, 0, True, False, request.priority, at, 0.0, None)
            ahead, _ = slots.ahead(connection, name, new)
        if not _room(limit, use.get((name, False), 0) + ahead, request.occupy, at):
            return False
    return True


def _room(limit: Limit, used: int, occupy: int, now: int) -> bool:
    return used + limit.drained(now) + occupy <= limit.limit + _NEARLY


def _insert(
    connection: sa.Connection,
    request: SlotRequest,
    names: Collection[str],
    *,
    waiting: bool,
    now: datetime,
) -> None:
    lease_seconds = request.lease_seconds or settings.lease_seconds
    at = clock.micros(now)
    slots.insert(connection, request, names, waiting=waiting, lease_seconds=lease_seconds, now=at)


def _drain(
    connection: sa.Connection, counted: Mapping[str, Limit], occupy: int, now: datetime
) -> None:
    for limit in counted.values():
        limits.drain(connection, limit, occupy, now=now)


def _wait_on(
    connection: sa.Connection, mine: list[Row], counted: Mapping[str, Limit], now: datetime
) -> bool:
    """See whether it is the turn of a request that stands in line."""
    first = mine[0]
    if not first.rate:
        # Only time can have made room that nobody was told of.
        decaying = [name for name, limit in counted.items() if limit.decay > 0]
        return first.request_id in settle(connection, decaying, now)
    at = clock.micros(now)
    use = slots.use(connection, counted)
    for name, limit in counted.items():
        ahead, _ = slots.ahead(connection, name, first)
        if not _room(limit, use.get((name, False), 0) + ahead, first.occupy, at):
            return False
    _drain(connection, counted, first.occupy, now)
    slots.delete(connection, [first.request_id])
    settle(connection, counted, now)
    return True


def _standing(
    connection: sa.Connection,
    request: SlotRequest,
    counted: Mapping[str, Limit],
    missing: tuple[str, ...],
    now: datetime,
) -> Grant:
    """Say what a request waits for, and where in line it stands."""
    at = clock.micros(now)
    use = slots.use(connection, counted)
    rows = {row.limit_name: row for row in slots.of_request(connection, request.request_id)}
    fullest, place, again = "", 0, 0.0
    for name, limit in counted.items():
        row = rows.get(name)
        ahead, before = slots.ahead(connection, name, row) if row else (0, 0)
        used = use.get((name, False), 0) + ahead
        if not _room(limit, used, request.occupy, at):
            held = f"{use.get((name, False), 0) + limit.drained(at):g}"
            fullest = f"{name!r} ({held} of {limit.limit} slots in use)"
            place = before + 1
            due = limit.seconds_until(limit.limit - used - request.occupy, at)
            again = None if due is None or again is None else max(again, due)
    return Grant(False, missing, fullest, place, again)


# -- the queue of one limit -------------------------------------------------------------------
def _settle(connection: sa.Connection, limit: Limit, now: datetime) -> list[str]:
    """Give a limit's free slots to those that wait for it, in order, until there are no more."""
    at = clock.micros(now)
    granted: list[str] = []
    free = _free(connection, limit, at)
    last: Row | None = None
    while free > 0 and (rows := slots.queue(connection, limit.name, after=last)):
        for row in rows:
            if free <= 0:
                break
            last = row
            if _dead(row):
                slots.delete(connection, [row.request_id])
                continue
            if not row.rate and row.occupy <= free and _fits_elsewhere(connection, row, at):
                slots.take(connection, row, now=at)
                granted.append(row.request_id)
            free -= row.occupy  # given to it, or kept for it
    return granted


def _free(connection: sa.Connection, limit: Limit, now: int) -> float:
    if not limit.active:
        return float("inf")
    held = slots.use(connection, [limit.name]).get((limit.name, False), 0)
    return limit.limit - held - limit.drained(now) + _NEARLY


def _fits_elsewhere(connection: sa.Connection, row: Row, now: int) -> bool:
    """Say whether a request finds room under the other limits it waits for."""
    names = [other.limit_name for other in slots.of_request(connection, row.request_id)]
    names.remove(row.limit_name)
    if not names:
        return True
    use = slots.use(connection, names)
    for name, limit in limits.by_name(connection, names).items():
        ahead, _ = slots.ahead(connection, name, row)
        used = use.get((name, False), 0) + ahead
        if limit.active and not _room(limit, used, row.occupy, now):
            return False
    return True


def _dead(row: Row) -> bool:
    owner = codec.owner_of(row.owner)
    return owner is not None and owners.alive(owner) is False
