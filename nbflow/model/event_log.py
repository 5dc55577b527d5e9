"""The event log: what users add to it, and how it is asked. What a view says is `event_views`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, Protocol, cast

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, masking, rows
from nbflow.model.event_views import ID, ROLE, EventView, Labels, Views
from nbflow.model.events import NewEvent
from nbflow.model.names import shown
from nbflow.model.pages import OneOrMore, Page, several
from nbflow.model.shapes import is_sequence

EventSort = Literal["occurred", "-occurred"]
CountBy = Literal["minute", "hour", "day", "event", "resource"]

#: characters of an event's name, of a label's name or value; bytes of a payload
LONGEST_EVENT, LONGEST_LABEL, PAYLOAD_BYTES = 96, 1000, 65_536
#: labels of a resource, related resources, and how deep a payload goes
MOST_LABELS, MOST_RELATED, DEEPEST = 50, 100, 32
#: terms of a filter; events emitted at once
MOST_TERMS, MOST_AT_ONCE = 20, 1000
#: from how long ago events may be followed
MOST_BACKFILL = timedelta(minutes=15)
#: whose names nobody else gives
OURS = "nbflow."
_NAME = re.compile(r"[^\s\x00-\x1f\x7f*!]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class NewEvents:
    """Events to emit together, at most 1000."""

    events: tuple[NewEvent, ...]


@dataclass(frozen=True)
class Emitted:
    """How many events were new: those of a known id change nothing."""

    count: int


@dataclass(frozen=True)
class EventFilter:
    """Which events are meant. Everything left out matches; of several values any one.

    Attributes:
        event: names; `*` stands for any characters, `!` before one leaves it out.
        resource: ids of what they happened to (`nbflow.flow-run.…`); `*` as above.
        related: ids of what they have to do with, or happened to.
        since: at or after this instant; `until`: before. States of task runs count by when they
            were recorded.
    """

    event: OneOrMore = None
    resource: OneOrMore = None
    related: OneOrMore = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class EventsWanted:
    """Which events somebody follows, as `EventFilter` says it.

    Attributes:
        since: those, too, that happened since an instant, at most 15 minutes ago.
        after: those of commits after a number, after a connection broke; null: from now on.
    """

    event: OneOrMore = None
    resource: OneOrMore = None
    related: OneOrMore = None
    since: datetime | None = None
    after: int | None = None


@dataclass(frozen=True)
class EventCount:
    """How many events there are of a name, of a resource, or from an instant on.

    States of task runs that were recorded together count once, as `nbflow.task-run.*`.
    """

    value: str
    count: int
    start: datetime | None = None
    until: datetime | None = None


class Events(Protocol):
    """The part of the Backend that keeps events."""

    def emit_events(self, new: Sequence[NewEvent]) -> Emitted:
        """Keep users' events; one whose id is known changes nothing. Raises InvalidInput."""
        ...

    def list_events(
        self,
        where: EventFilter | None = None,
        *,
        sort: EventSort = "-occurred",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[EventView]:
        """List events. A page may have fewer rows than asked for, and a cursor: look further there.

        Raises InvalidInput.
        """
        ...

    def count_events(self, by: CountBy, where: EventFilter | None = None) -> tuple[EventCount, ...]:
        """Count events by time (oldest first), or by name or resource (most first)."""
        ...

    def view_events(self, since: int, *, limit: int = 200) -> Views:
        """Give the events of at most `limit` commits after a number, in order of commits."""
        ...

    def follow_events(self, where: EventFilter | None = None) -> Iterator[EventView]:
        """Give events as they are committed, without end.

        From now on, or from `since`, which is at most 15 minutes ago; `until` says nothing here.
        Raises InvalidInput.
        """
        ...


# -- checks -----------------------------------------------------------------------------------
def checked(new: NewEvent) -> NewEvent:
    """Give an event as it is kept: its texts masked. Raises InvalidInput naming the field."""
    check_event_name(new.event)
    if not _UUID.fullmatch(str(new.id)):
        raise _bad("id", f"{shown(new.id)} is no UUID.", "Leave it out, or use str(uuid.uuid4()).")
    resource = _labels(new.resource, "resource")
    related = tuple(_related(other, place) for place, other in enumerate(_list(new.related)))
    if new.occurred.tzinfo is None:
        raise _bad("occurred", "occurred has no time zone.", "datetime.now(timezone.utc)")
    if new.follows is not None and not 1 <= len(new.follows) <= LONGEST_EVENT:
        raise _bad("follows", f"{shown(new.follows)} is no event's id.")
    return replace(
        new, resource=resource, related=related, payload=_payload(new.payload), id=new.id.lower()
    )


def check_event_name(name: Any) -> str:
    """Check what an event is called. Raises InvalidInput."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_EVENT:
        raise _bad(
            "event",
            f"{shown(name)} cannot be an event's name.",
            f"Use 1 to {LONGEST_EVENT} characters without spaces, as in shop.order.paid.",
        )
    if name.startswith(OURS):
        raise _bad("event", f"{shown(name)}: only nbflow says what begins with {OURS}")
    return name


def check_backfill(since: datetime | None) -> None:
    """Check from when on somebody follows. Raises InvalidInput."""
    if since is not None and since < clock.now() - MOST_BACKFILL:
        raise InvalidInput(
            "Events can be followed from at most 15 minutes ago on.",
            code="event.since",
            field="since",
            hint="List those before: `nbflow event ls`.",
        )


def _list(related: Any) -> Sequence[Any]:
    if not is_sequence(related) or len(related) > MOST_RELATED:
        raise _bad("related", f"related must be a list of at most {MOST_RELATED} resources.")
    return related


def _related(labels: Any, place: int) -> Labels:
    where = f"related.{place}"
    found = _labels(labels, where)
    if not found.get(ROLE):
        raise _bad(where, f"A related resource says what it is in {ROLE}.")
    return found


def _labels(labels: Any, where: str) -> dict[str, str]:
    if not isinstance(labels, Mapping):
        raise _bad(where, f"{shown(labels)} is no mapping of labels.", f'{{"{ID}": "shop.1"}}')
    found = cast("Mapping[Any, Any]", labels)
    if not found.get(ID):
        raise _bad(where, f"The label {ID} is missing.", f'{{"{ID}": "shop.1"}}')
    if len(found) > MOST_LABELS:
        raise _bad(where, f"{len(found)} labels; {MOST_LABELS} are the most.")
    for name, value in found.items():
        _check_label(name, value, where)
    return masking.mask_json(dict(found))


def _check_label(name: Any, value: Any, where: str) -> None:
    for text in (name, value):
        if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_LABEL or "\0" in text:
            raise _bad(
                where, f"{shown(text)}: labels are texts of 1 to {LONGEST_LABEL} characters."
            )


def _payload(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, Mapping):
        raise _bad("payload", f"{shown(payload)} is no mapping.", "A payload is a JSON object.")
    if _depth(payload) > DEEPEST:
        raise _bad("payload", f"The payload is nested more than {DEEPEST} levels deep.")
    masked = masking.mask_json(dict(cast("Mapping[str, Any]", payload)))
    try:
        text = rows.dumps(masked)
    except InvalidInput as error:
        raise _bad("payload", f"The payload is not JSON: {error}") from None
    if len(text.encode()) > PAYLOAD_BYTES or "\\u0000" in text:
        raise _bad(
            "payload",
            f"The payload has {len(text):,} characters as JSON; {PAYLOAD_BYTES:,} bytes without "
            "NUL are the most.",
            "Keep it in an artifact or a file, and say here where it is.",
        )
    return masked


def _depth(value: Any, deep: int = 0) -> int:
    if deep > DEEPEST:
        return deep
    inside: Iterable[Any] = ()
    if isinstance(value, Mapping):
        inside = cast("Mapping[Any, Any]", value).values()
    elif is_sequence(value):
        inside = value
    return max((_depth(item, deep + 1) for item in inside), default=deep)


def _bad(at: str, message: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(message, code="event.invalid", field=at, hint=hint)


# -- filters ----------------------------------------------------------------------------------
class Patterns:
    """Terms of a filter: a text matches one of them, and none of those after a `!`.

    Raises InvalidInput for too many.
    """

    def __init__(self, terms: OneOrMore, *, field: str) -> None:
        self.terms = several(terms)
        if len(self.terms) > MOST_TERMS or any(len(t) > LONGEST_LABEL for t in self.terms):
            raise InvalidInput(
                f"A filter has at most {MOST_TERMS} terms of {LONGEST_LABEL} characters.",
                code="filter.terms",
                field=field,
            )
        self.wanted = [t for t in self.terms if not t.startswith("!")]
        self._unwanted = [t[1:] for t in self.terms if t.startswith("!")]

    def __bool__(self) -> bool:
        return bool(self.terms)

    @cached_property
    def exact(self) -> tuple[str, ...]:
        """Give the texts that alone may match; none: there are stars."""
        plain = all("*" not in term for term in self.wanted)
        return tuple(self.wanted) if plain else ()

    def matches(self, text: str) -> bool:
        """Say whether a text is meant."""
        meant = not self.wanted or any(_fits(text, term) for term in self.wanted)
        return meant and not any(_fits(text, term) for term in self._unwanted)

    def may_begin(self, start: str) -> bool:
        """Say whether a text that begins so may be meant."""
        firsts = [term.partition("*")[0] for term in self.wanted]
        meant = not firsts or any(f.startswith(start) or start.startswith(f) for f in firsts)
        return meant and not any(_fits(start, term) for term in self._unwanted if "*" in term)

    def says_more_than(self, start: str) -> bool:
        """Say whether it depends on what follows such a beginning."""
        return any(
            term.startswith(start) and term != f"{start}*"
            for term in (*self.wanted, *self._unwanted)
        )


def _fits(text: str, term: str) -> bool:
    """Say whether a text fits a term with stars; in time that grows with the text alone."""
    first, *others = term.split("*")
    if not others:
        return text == term
    last = others.pop()
    if not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in others:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


class Meant:
    """Says of views whether a filter means them (its instants aside)."""

    def __init__(self, where: EventFilter | EventsWanted) -> None:
        self.event = Patterns(where.event, field="event")
        self.resource = Patterns(where.resource, field="resource")
        self.related = Patterns(where.related, field="related")

    def __call__(self, view: EventView) -> bool:
        """Say whether an event is meant."""
        if not self.event.matches(view.event) or not self.resource.matches(view.resource[ID]):
            return False
        about = (view.resource, *view.related)
        return not self.related or any(self.related.matches(other[ID]) for other in about)
