"""`nbflow automation …`: rules that act on what happens, made of files; why they fired, or not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, duration, positive, takes, usage
from nbflow.connect import connect
from nbflow.model import automations_declared, clock
from nbflow.model.automations import (
    Automation,
    AutomationChange,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
)
from nbflow.model.pages import every

NAME = argument("name", metavar="NAME", help="the automation's name or id")
FILE = argument("file", metavar="FILE", help="a YAML or JSON file")


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List automations by name."""
    found = tuple(every(connect().list_automations))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("name", "state", "waits for", "does", "tags"),
        ((a.name, _state(a), a.trigger["type"], _does(a), ", ".join(a.tags)) for a in found),
        none="There are no automations. `nbflow automation create FILE` makes some.",
    )


@takes(NAME, OUTPUT)
def inspect(*, name: str, output: str) -> None:
    """Show an automation, what it saw so far, and why it fired or did not."""
    backend = connect()
    found, standing = backend.read_automation(name), backend.read_standing(name)
    if output == "json":
        printing.as_json({"automation": found, "standing": standing})
        return
    _show(found)
    _stands(standing)


@takes(FILE, OUTPUT)
def create(*, file: str, output: str) -> None:
    """Make the automations a file says: one, or a list below `automations`."""
    wanted = _read(file)
    backend = connect()
    made = tuple(backend.create_automation(one) for one in wanted)
    if output == "json":
        printing.as_json(made)
        return
    for one in made:
        print(f"{one.name}: made ({one.id}).")


@takes(NAME, FILE, OUTPUT)
def update(*, name: str, file: str, output: str) -> None:
    """Change an automation into what a file says; with another trigger it counts anew."""
    wanted = _read(file)
    if len(wanted) != 1:
        raise usage(f"{file} says {len(wanted)} automations; one is changed.", field="file")
    said = {one: getattr(wanted[0], one) for one in AutomationChange.__dataclass_fields__}
    _print(connect().update_automation(name, AutomationChange(**said)), output)


@takes(NAME, OUTPUT)
def pause(*, name: str, output: str) -> None:
    """Let an automation rest."""
    _print(connect().update_automation(name, AutomationChange(enabled=False)), output)


@takes(NAME, OUTPUT)
def resume(*, name: str, output: str) -> None:
    """Let an automation work again; events from now on count."""
    _print(connect().update_automation(name, AutomationChange(enabled=True)), output)


@takes(NAME, OUTPUT)
def delete(*, name: str, output: str) -> None:
    """Delete an automation, and what it has counted."""
    connect().delete_automation(name)
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


@takes(
    argument("name", metavar="NAME", nargs="?", default=None, help="its name or id"),
    argument("--file", default=None, help="instead: what a YAML or JSON file says"),
    argument("--since", type=duration, default=timedelta(days=1), metavar="DUR",
             help="how far back (default: 1d)"),
    argument("--event", default=None, metavar="JSON", help="instead: one event, as JSON"),
    OUTPUT,
)  # fmt: skip
def test(
    *, name: str | None, file: str | None, since: timedelta, event: str | None, output: str
) -> None:
    """Try an automation on past events: what it would have decided. Nothing is done."""
    if (name is None) == (file is None):
        raise usage("Say NAME or --file.", field="name")
    asked = TestAsked(
        automation=None if file is None else _read(file)[0],
        name_or_id=name,
        since=clock.now() - since,
        event=None if event is None else _event(event),
    )
    found = connect().test_automation(asked)
    if output == "json":
        printing.as_json(found)
        return
    print(f"{found.read} events read, {found.seen} listened to, {found.matched} counted.")
    _firings(found.firings, none=f"It would not have fired. {found.why_not or ''}".strip())


@takes(
    NAME,
    argument("--limit", type=positive, default=20, help="at most so many (default: 20)"),
    OUTPUT,
)
def firings(*, name: str, limit: int, output: str) -> None:
    """List what an automation did, newest first."""
    found = connect().list_firings(name, limit=limit).rows
    if output == "json":
        printing.as_json(found)
        return
    _firings(found, none="It has not fired. `nbflow automation inspect` says why not.")


def _read(file: str) -> tuple[NewAutomation, ...]:
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise usage(f"{file} cannot be read: {error}.", field="file") from None
    return automations_declared.read(text, name=path.name)


def _event(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise usage("--event is no JSON.", field="event") from None


def _print(found: Automation, output: str) -> None:
    if output == "json":
        printing.as_json(found)
        return
    _show(found)


def _show(found: Automation) -> None:
    printing.facts(
        [
            ("Automation", found.name),
            ("Id", found.id),
            ("State", _state(found)),
            ("Description", found.description),
            ("Waits for", json.dumps(found.trigger, ensure_ascii=False)),
            ("Does", _does(found)),
            ("When it is over", ", ".join(one["type"] for one in found.actions_on_resolve)),
            ("Tags", ", ".join(found.tags)),
            ("Made", printing.instant(found.created_at)),
        ]
    )


def _stands(standing: Standing) -> None:
    missed, last = standing.missed, standing.last_firing
    printing.facts(
        [
            ("Counts since", printing.instant(standing.since)),
            ("Events", f"{standing.seen} listened to, {standing.matched} counted"),
            ("Not read yet", f"{standing.behind} events" if standing.behind else None),
            ("Last counted", printing.instant(standing.last_match_at)),
            ("Last not counted", f"{missed['event']}: {missed['why']}" if missed else None),
            ("Last firing", last and f"{printing.instant(last.at)}: {last.reason}"),
            ("Held", f"{standing.held} firings" if standing.held else None),
            ("Lost", f"{standing.lost} events, deleted unread" if standing.lost else None),
            ("Paused because", standing.paused_because),
        ]
    )


def _firings(found: tuple[Firing, ...], *, none: str) -> None:
    printing.columns(
        ("when", "what", "why", "actions"),
        ((printing.instant(one.at), one.kind, one.reason, _done(one)) for one in found),
        none=none,
    )


def _done(one: Firing) -> str:
    return ", ".join(f"{a.action['type']} {a.state}" for a in one.actions)


def _state(found: Automation) -> str:
    return "enabled" if found.enabled else "paused"


def _does(found: Automation) -> str:
    return ", ".join(one["type"] for one in (*found.actions, *found.actions_on_trigger))
