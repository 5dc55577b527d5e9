"""Who is given slots: what may pass, in which order, and what the dead leave behind.

Rows are added up inside the transaction that gives slots out, so a limit is never exceeded, and
there is no count that could drift. Requests are served by priority, then by time. What waits ahead
keeps its place: later ones pass only where there is room for both, so nobody starves, and since
what waits holds nothing and all queues have one order, nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import ConcurrencySlotAcquisitionError
from nbflow.model import clock
from nbflow.model.limits import Grant, SlotRequest
from nbflow.store import codec, limits, owners, slots
from nbflow.store.limits import Standing
from nbflow.store.slots import Row

#: while nothing ran, nobody far away could renew: leases are not judged before one has passed
_UP_SINCE = clock.monotonic()
#: what adding parts of slots up may be off by
_NEARLY = 1e-6

Standings = Mapping[str, Standing]


def ask(
    connection: sa.Connection, request: SlotRequest, names: tuple[str, ...], now: datetime
) -> Grant:
    """Take slots of every name, or a place in the queue. Raises ConcurrencySlotAcquisitionError."""
    known = limits.standing(connection, names, request.request_id)
    there = any(one.there for one in known.values())
    mine = slots.of_request(connection, request.request_id) if there else []
    if mine and not mine[0].waiting:
        return Grant(True)
    missing = tuple(name for name in names if name not in known)
    _refuse(request, known, missing)
    counted = {name: one for name, one in known.items() if one.limit.active}
    if mine:
        granted = _wait_on(connection, mine[0], counted, now)
    else:
        granted = not counted or _enter(connection, request, counted, now)
    return Grant(True, missing) if granted else _standing(connection, request, missing, now)


def settle(connection: sa.Connection, names: Iterable[str], now: datetime) -> tuple[str, ...]:
    """Give slots of some limits to those that wait and now fit; give their request ids."""
    granted: list[str] = []
    left = set(names)
    while left:
        name = min(left)
        left.discard(name)
        if rows := slots.queue(connection, name):
            granted += _settle(connection, name, rows, now, freed=left)
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


def any_dead(owned: Iterable[tuple[str | None, int]], now: datetime) -> bool:
    """Say whether `bury` would find anything, by the owners and leases of slots."""
    at = clock.micros(now)
    return any(_end_of(owner, lease, at) for owner, lease in owned)


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
def _refuse(request: SlotRequest, known: Standings, missing: tuple[str, ...]) -> None:
    if missing and request.strict:
        raise _never(
            f"There is no concurrency limit {', '.join(map(repr, missing))}.",
            "missing",
            f"Create it: `nbflow concurrency-limit create '{missing[0]}' 1`.",
        )
    for name, (limit, *_) in known.items():
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
    connection: sa.Connection, request: SlotRequest, counted: Standings, now: datetime
) -> bool:
    """Take slots at once, if there are and nobody is ahead; else stand in line, if wanted."""
    at = clock.micros(now)
    new = _row(request, at)
    fits = _fits(connection, new, counted, at)
    # Who waits looks for the dead as time goes by; who does not, has only now.
    if not fits and not request.wait and bury(connection, now):
        fits = _fits(connection, new, limits.standing(connection, counted), at)
    if fits and request.rate:
        _drain(connection, counted, request.occupy, now)
    elif fits or request.wait:
        seconds = request.lease_seconds or settings.lease_seconds
        slots.insert(connection, request, counted, waiting=not fits, lease_seconds=seconds, now=at)
    return fits


def _row(request: SlotRequest, now: int) -> Row:
    """Give a request that comes only now as the queue sees it."""
    return Row(request.request_id, "", request.occupy, True, request.rate, request.priority, now)


def _fits(connection: sa.Connection, row: Row, counted: Standings, now: int) -> bool:
    """Say whether a request finds room under some limits, behind all that came before it."""
    for name, one in counted.items():
        ahead = slots.ahead(connection, name, row)[0] if one.queued else 0
        if one.limit.active and one.room(now, ahead=ahead) + _NEARLY < row.occupy:
            return False
    return True


def _drain(connection: sa.Connection, counted: Standings, occupy: int, now: datetime) -> None:
    for one in counted.values():
        limits.drain(connection, one.limit, occupy, now=now)


def _wait_on(connection: sa.Connection, mine: Row, counted: Standings, now: datetime) -> bool:
    """See whether it is the turn of a request that stands in line."""
    if not mine.rate:  # only time can have made room that nobody was told of
        return mine.request_id in settle(connection, counted, now)
    if not _fits(connection, mine, counted, clock.micros(now)):
        return False
    _drain(connection, counted, mine.occupy, now)
    slots.delete(connection, [mine.request_id])
    settle(connection, counted, now)
    return True


def _standing(
    connection: sa.Connection, request: SlotRequest, missing: tuple[str, ...], now: datetime
) -> Grant:
    """Say what a request waits for, and where in line it stands."""
    at = clock.micros(now)
    rows = {row.limit_name: row for row in slots.of_request(connection, request.request_id)}
    fullest, place, again = "", 0, 0.0
    for name, one in limits.standing(connection, request.names).items():
        row = rows.get(name)
        ahead, before = slots.ahead(connection, name, row or _row(request, at))
        lacking = request.occupy - one.room(at, ahead=ahead)
        if one.limit.active and lacking > _NEARLY:
            used = one.held + one.limit.drained(at)
            fullest = f"{name!r} ({used:g} of {one.limit.limit} slots in use)"
            place = before + 1 if row else 0
            decay = one.limit.decay
            again = None if again is None or decay <= 0 else max(again, lacking / decay)
    return Grant(False, missing, fullest, place, again)


# -- the queue of one limit -------------------------------------------------------------------
def _settle(
    connection: sa.Connection, name: str, rows: list[Row], now: datetime, *, freed: set[str]
) -> list[str]:
    """Give a limit's free slots to those that wait for it, in order, until there are no more.

    Adds to `freed` the limits for which somebody waited who is dead.
    """
    at = clock.micros(now)
    granted: list[str] = []
    (one,) = limits.standing(connection, [name]).values()
    free = one.room(at, ahead=0) + _NEARLY if one.limit.active else float("inf")
    while rows and free > 0:
        for row in rows:
            if free <= 0:
                break
            if _dead(row):
                freed |= slots.delete(connection, [row.request_id]) - {name}
                continue
            if not row.rate and row.occupy <= free and _fits_elsewhere(connection, row, at):
                slots.take(connection, row, now=at)
                granted.append(row.request_id)
            free -= row.occupy  # given to it, or kept for it
        rows = slots.queue(connection, name, after=rows[-1]) if free > 0 else []
    return granted


def _fits_elsewhere(connection: sa.Connection, row: Row, now: int) -> bool:
    """Say whether a request finds room under the other limits it waits for."""
    names = [other.limit_name for other in slots.of_request(connection, row.request_id)]
    names.remove(row.limit_name)
    return not names or _fits(connection, row, limits.standing(connection, names), now)


def _dead(row: Row) -> bool:
    owner = codec.owner_of(row.owner)
    return owner is not None and owners.alive(owner) is False
