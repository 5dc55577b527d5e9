"""Limits: how many may do something at once, or how often; slots: who does it now, and who waits.

A slot is a lease of a live process, not a count: what holds one is a row, and what may still pass
is decided by adding these rows up inside the transaction that gives slots out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nbflow.exceptions import InvalidInput
from nbflow.model.ids import uuid7
from nbflow.model.names import check_name, check_tags, shown
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.runs import Owner

#: the limit of a tag's task runs is named after it
TAG_PREFIX = "tag:"
MOST_SLOTS = 2**31 - 1


@dataclass(frozen=True)
class Slot:
    """Slots of one limit that somebody holds, or waits for.

    Attributes:
        request_id: what was asked for together has one id.
        position: 0: these slots are held; 1: the next to be given, and so on.
        priority: those with a lower one are given theirs first.
        taken_at: since when they are held; None while they are waited for.
        lease_until: until when the holder is trusted to be alive, where its process is not seen.
        flow_run_id: the run they are for; None outside any.
    """

    request_id: str
    limit_name: str
    occupy: int
    position: int
    priority: int
    asked_at: datetime
    taken_at: datetime | None
    lease_until: datetime
    owner: Owner | None = None
    flow_run_id: str | None = None
    flow_run_name: str | None = None
    task_run_id: str | None = None
    task_run_name: str | None = None


@dataclass(frozen=True)
class ConcurrencyLimit:
    """How many slots there are under a name.

    Attributes:
        limit: slots; 0: nothing passes.
        active: False: everything passes.
        slot_decay_per_second: how many slots that `rate_limit` took come back each second; 0: none
            can be taken for good.
        active_slots: slots in use now; those of `rate_limit` in part.
        slots: who holds some, longest first, then who waits, first in line first.
    """

    id: str
    name: str
    limit: int
    active: bool
    slot_decay_per_second: float
    created_at: datetime
    updated_at: datetime
    active_slots: float = 0.0
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class NewLimit:
    """What is said to create a limit."""

    name: str
    limit: int
    active: bool = True
    slot_decay_per_second: float = 0.0


@dataclass(frozen=True)
class LimitChange:
    """An edit of a limit; None leaves a field as it is."""

    limit: int | None = None
    active: bool | None = None
    slot_decay_per_second: float | None = None


@dataclass(frozen=True)
class SlotRequest:
    """Slots asked for: of every name, or of none.

    Attributes:
        occupy: slots of each name.
        rate: they are taken for good and come back by decay.
        strict: a name without a limit is an error; else it does not count.
        wait: take a place in the queue when there are none now.
        lease_seconds: how long they stay taken after the last renewal.
        owner: the process that asks; its death gives them back.
    """

    names: tuple[str, ...]
    occupy: int = 1
    rate: bool = False
    strict: bool = False
    wait: bool = True
    priority: int = 0
    lease_seconds: float | None = None
    owner: Owner | None = None
    flow_run_id: str | None = None
    task_run_id: str | None = None
    request_id: str = field(default_factory=uuid7)


@dataclass(frozen=True)
class Grant:
    """The answer to a request.

    Attributes:
        granted: all slots are taken; else there were not enough.
        missing: names without a limit.
        waiting_for: the name that has no room, and how it stands, for a person.
        position: the place in its queue, from 1.
        ask_again_seconds: when decay alone may have made room; None: only a release does.
    """

    granted: bool
    missing: tuple[str, ...] = ()
    waiting_for: str = ""
    position: int = 0
    ask_again_seconds: float | None = None


class Limits(Protocol):
    """The part of the Backend that keeps limits and gives their slots out."""

    def create_limit(self, new: NewLimit) -> ConcurrencyLimit:
        """Create a limit. Raises InvalidInput, Conflict (the name is taken)."""
        ...

    def update_limit(
        self, name_or_id: str, change: LimitChange, *, expected: datetime | None = None
    ) -> ConcurrencyLimit:
        """Edit a limit; who waits and now fits is given slots.

        Raises NotFound, InvalidInput, Stale (it is not as `expected`).
        """
        ...

    def delete_limit(self, name_or_id: str) -> None:
        """Delete a limit; who holds or waits for its slots goes on without. Raises NotFound."""
        ...

    def reset_limit(self, name_or_id: str) -> ConcurrencyLimit:
        """Take all slots back; who waits is given them. Raises NotFound."""
        ...

    def read_limit(self, name_or_id: str) -> ConcurrencyLimit:
        """Read a limit with its holders and its queue. Raises NotFound."""
        ...

    def list_limits(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[ConcurrencyLimit]:
        """List limits by name, with their holders and queues."""
        ...

    def list_tag_limits(self) -> tuple[str, ...]:
        """List the names of active limits of tags."""
        ...

    def list_slots(self, flow_run_id: str) -> tuple[Slot, ...]:
        """List what a run holds and waits for."""
        ...

    def acquire_slots(self, request: SlotRequest) -> Grant:
        """Take slots of every name, or a place in the queue; asked again, say how it stands.

        Raises ConcurrencySlotAcquisitionError for what can never be granted: a limit of 0, or of
        fewer slots than asked for, no decay for a rate, no such limit when `strict`; InvalidInput.
        """
        ...

    def release_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Give slots back, or leave the queue; give the requests that were granted by it."""
        ...

    def renew_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Renew the leases of requests; give those that are no more."""
        ...

    def settled_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Give those of some requests that wait no longer, after freeing what the dead hold."""
        ...


def check_limit_name(value: Any, *, field: str = "name") -> str:
    """Give a limit's name in the form it is kept. Raises InvalidInput."""
    if isinstance(value, str) and value.strip().startswith(TAG_PREFIX):
        try:
            (tag,) = check_tags([value.strip().removeprefix(TAG_PREFIX)])
        except InvalidInput as error:
            raise InvalidInput(error.message, code="name.invalid", field=field) from None
        return TAG_PREFIX + tag
    return check_name(value, field=field)


def check_count(value: Any, *, field: str, least: int = 0) -> int:
    """Give a number of slots. Raises InvalidInput."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= MOST_SLOTS:
        raise InvalidInput(
            f"{field} is {shown(value)}; it must be a whole number from {least} to {MOST_SLOTS}.",
            code="limit.count",
            field=field,
        )
    return value


def check_decay(value: Any, *, field: str = "slot_decay_per_second") -> float:
    """Give how many slots come back each second. Raises InvalidInput."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and 0 <= value <= MOST_SLOTS):
        raise InvalidInput(
            f"{field} is {shown(value)}; it must be a number from 0 to {MOST_SLOTS}.",
            code="limit.decay",
            field=field,
        )
    return float(value)


def checked_limit(new: NewLimit) -> NewLimit:
    """Give a new limit as it is kept. Raises InvalidInput."""
    return NewLimit(
        check_limit_name(new.name),
        check_count(new.limit, field="limit"),
        new.active,
        check_decay(new.slot_decay_per_second),
    )


def checked_request(request: SlotRequest) -> tuple[str, ...]:
    """Give the names of a request, each once. Raises InvalidInput."""
    check_count(request.occupy, field="occupy", least=1)
    return tuple(dict.fromkeys(check_limit_name(name, field="names") for name in request.names))
