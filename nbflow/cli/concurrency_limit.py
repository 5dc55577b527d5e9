"""`nbflow concurrency-limit …`: how many at once, or how often; who holds slots, and who waits."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes, usage
from nbflow.connect import connect
from nbflow.model import clock
from nbflow.model.backend import Backend
from nbflow.model.limits import TAG_PREFIX, ConcurrencyLimit, LimitChange, NewLimit, Slot
from nbflow.model.pages import every
from nbflow.model.runs import FlowRun

NAME = argument("name", metavar="NAME", help="the limit's name or id; `tag:TAG` for a tag's")
_MOST_HOLDERS = 10
_DECAY = argument(
    "--slot-decay-per-second", type=float, default=None, metavar="N",
    help="slots that rate_limit took and that come back each second",
)  # fmt: skip


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List limits by name, with how many slots are in use."""
    found = tuple(every(connect().list_limits))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("name", "in use", "waiting", "decay", "active"),
        (
            (one.name, _use(one), str(sum(s.position > 0 for s in one.slots) or ""),
             f"{one.slot_decay_per_second:g}/s" if one.slot_decay_per_second else "",
             "yes" if one.active else "no")
            for one in found
        ),
        none="There are no limits. `nbflow concurrency-limit create NAME LIMIT` makes one.",
    )  # fmt: skip


@takes(NAME, OUTPUT)
def inspect(*, name: str, output: str) -> None:
    """Show a limit, who holds its slots, and who waits for them in which order."""
    _show(connect().read_limit(name), output)


@takes(
    argument("words", nargs="*", metavar="NAME LIMIT", help="its name and how many slots it has"),
    argument("--tag", default=None, help="limit the task runs with this tag: only LIMIT is said"),
    _DECAY,
    argument("--inactive", action="store_true", help="let everything pass for now"),
    OUTPUT,
)
def create(
    *,
    words: list[str],
    tag: str | None,
    slot_decay_per_second: float | None,
    inactive: bool,
    output: str,
) -> None:
    """Create a limit of a name, or of the task runs with a tag."""
    names = words if tag is None else [TAG_PREFIX + tag, *words]
    if len(names) != 2:
        raise usage(
            "A limit has a name and a number of slots.",
            "Say `nbflow concurrency-limit create NAME LIMIT`, or `create --tag TAG LIMIT`.",
        )
    new = NewLimit(names[0], _slots(names[1]), not inactive, slot_decay_per_second or 0.0)
    _show(connect().create_limit(new), output)


@takes(
    NAME,
    argument("--limit", type=int, default=None, metavar="N", help="how many slots it has"),
    argument("--active", action=argparse.BooleanOptionalAction, default=None,
             help="whether it limits anything"),
    _DECAY,
    OUTPUT,
)  # fmt: skip
def update(
    *,
    name: str,
    limit: int | None,
    active: bool | None,
    slot_decay_per_second: float | None,
    output: str,
) -> None:
    """Change a limit; who waits and now fits is let in."""
    change = LimitChange(limit, active, slot_decay_per_second)
    if change == LimitChange():
        raise usage("Nothing was said to change.", "Say --limit, --active or --no-active.")
    _show(connect().update_limit(name, change), output)


@takes(NAME, OUTPUT)
def reset(*, name: str, output: str) -> None:
    """Take back the slots that are in use; who waits is let in."""
    _show(connect().reset_limit(name), output)


@takes(NAME, OUTPUT)
def delete(*, name: str, output: str) -> None:
    """Delete a limit; who holds or waits for its slots goes on without."""
    connect().delete_limit(name)
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


@dataclass(frozen=True)
class Wait:
    """Why a run, or a task of it, does not go on: slots it waits for, and who has them."""

    who: str
    limit: str
    in_use: str
    held_by: tuple[str, ...]
    position: int


def waits_of(backend: Backend, run: FlowRun) -> tuple[Wait, ...]:
    """Give what a run waits for of limits; nothing for one that has ended."""
    if run.state.is_final():
        return ()
    waiting = [slot for slot in backend.list_slots(run.id) if slot.position > 0]
    limits = {name: backend.read_limit(name) for name in {slot.limit_name for slot in waiting}}
    return tuple(_wait(slot, limits[slot.limit_name]) for slot in waiting)


def show_waits(waits: tuple[Wait, ...]) -> None:
    """Print what is waited for, one limit a line."""
    printing.columns(
        ("", "who", "limit", "in use", "by", "number in line"),
        (
            ("  ", one.who, one.limit, one.in_use, ", ".join(one.held_by), str(one.position))
            for one in waits
        ),
        none="",
    )


def _wait(slot: Slot, limit: ConcurrencyLimit) -> Wait:
    holders = tuple(_who(other) for other in limit.slots if other.position == 0)
    return Wait(_who(slot), limit.name, _use(limit), holders[:_MOST_HOLDERS], slot.position)


def _show(limit: ConcurrencyLimit, output: str) -> None:
    if output == "json":
        printing.as_json(limit)
        return
    decay = limit.slot_decay_per_second
    printing.facts(
        [
            ("Limit", f"{limit.name}  ({limit.id})"),
            ("In use", f"{_use(limit)} slots"),
            ("Decay", f"{decay:g} slots a second" if decay else None),
            ("Active", "yes" if limit.active else "no: everything passes"),
        ]
    )
    if limit.slots:
        printing.heading("Slots")
        printing.columns(
            ("", "slots", "who", "since"),
            (
                (f"  {slot.position or 'held'}", str(slot.occupy), _who(slot), _since(slot))
                for slot in limit.slots
            ),
            none="",
        )


def _use(limit: ConcurrencyLimit) -> str:
    return f"{limit.active_slots:.3g} of {limit.limit}"


def _who(slot: Slot) -> str:
    """Name the run, or the process, that asked."""
    if slot.flow_run_name is not None:
        return " / ".join(filter(None, (slot.flow_run_name, slot.task_run_name)))
    if slot.owner is None:
        return slot.request_id
    return f"process {slot.owner.pid} on {slot.owner.host}"


def _since(slot: Slot) -> str:
    at = slot.taken_at or slot.asked_at
    return printing.seconds(max((clock.now() - at).total_seconds(), 0.0))


def _slots(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise usage(f"{text!r} is not a number of slots.", field="limit") from None
