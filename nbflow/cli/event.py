"""`nbflow event …`: what happened, listed, followed, and told by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, duration, positive, takes, usage
from nbflow.connect import connect
from nbflow.model import clock
from nbflow.model.event_log import EventFilter, checked
from nbflow.model.event_views import ID, NAME, ROLE, EventView
from nbflow.model.events import NewEvent
from nbflow.model.pages import MOST_ROWS, every
from nbflow.model.wire import jsonable

WHICH = (
    argument("--event", action="append", default=[], metavar="NAME",
             help="its name; * stands for any characters, ! before it leaves it out (repeat)"),
    argument("--resource", action="append", default=[], metavar="ID",
             help="what it happened to, as nbflow.flow-run.ID or shop.* (repeat)"),
    argument("--related", action="append", default=[], metavar="ID",
             help="what it has to do with (repeat)"),
)  # fmt: skip


@takes(
    *WHICH,
    argument("--since", type=duration, default=None, metavar="DUR", help="not older than, as 2h"),
    argument("--limit", type=positive, default=50, help="at most so many (default: 50)"),
    OUTPUT,
)
def ls(
    *,
    event: list[str],
    resource: list[str],
    related: list[str],
    since: timedelta | None,
    limit: int,
    output: str,
) -> None:
    """List events, newest first."""
    after = None if since is None else clock.now() - since
    where = EventFilter(tuple(event), tuple(resource), tuple(related), since=after)
    pages = every(connect().list_events, where, limit=min(limit, MOST_ROWS))
    found = tuple(islice(pages, limit))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("occurred", "event", "resource", "name", "id"),
        ((printing.instant(v.occurred), v.event, v.resource[ID], v.resource.get(NAME, ""), v.id)
         for v in found),
        none="There are no such events.",
    )  # fmt: skip


@takes(
    *WHICH,
    argument(
        "--since",
        type=duration,
        default=None,
        metavar="DUR",
        help="show those, too, of the last minutes (at most 15m)",
    ),
    argument("--format", choices=("text", "json"), default="text", help="a line of text, or JSON"),
    argument("--output-file", default=None, metavar="FILE", help="add the lines to a file"),
    argument("--count", type=positive, default=None, metavar="N", help="end after so many"),
)
def stream(
    *,
    event: list[str],
    resource: list[str],
    related: list[str],
    since: timedelta | None,
    format: str,
    output_file: str | None,
    count: int | None,
) -> None:
    """Show events as they are committed, one a line, until interrupted."""
    after = None if since is None else clock.now() - since
    where = EventFilter(tuple(event), tuple(resource), tuple(related), since=after)
    with _opened(output_file) as out:
        for view in islice(connect().follow_events(where), count):
            out.write(f"{_line(view, format)}\n")
            out.flush()


@contextmanager
def _opened(path: str | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise usage(f"{path} cannot be written: {error.strerror}.", field="output-file") from None


def _line(view: EventView, format: str) -> str:
    if format == "json":
        return json.dumps(jsonable(view), ensure_ascii=False)
    named = view.resource.get(NAME, "")
    told = (printing.instant(view.occurred), view.event, view.resource[ID], named)
    return printing.clean("  ".join(filter(None, told)))


@takes(
    argument("event", metavar="NAME", help="what happened, as shop.order.paid"),
    argument("--resource", required=True, metavar="ID", help="what it happened to"),
    argument("--label", action="append", default=[], metavar="NAME=VALUE",
             help="another label of that (repeat)"),
    argument("--related", action="append", default=[], metavar="ROLE=ID",
             help="what it has to do with (repeat)"),
    argument("--payload", default=None, metavar="JSON", help="a JSON object"),
    argument("--id", default=None, metavar="UUID", help="a second one of this id does nothing"),
    OUTPUT,
)  # fmt: skip
def emit(
    *,
    event: str,
    resource: str,
    label: list[str],
    related: list[str],
    payload: str | None,
    id: str | None,
    output: str,
) -> None:
    """Tell that something happened."""
    others = tuple({ID: of, ROLE: role} for role, of in (_pair(one, "related") for one in related))
    labels = {**dict(_pair(one, "label") for one in label), ID: resource}
    said: dict[str, Any] = {} if id is None else {"id": id}
    new = checked(NewEvent(event, labels, others, _payload(payload), **said))
    count = connect().emit_events([new]).count
    if output == "json":
        printing.as_json(new)
        return
    print(f"{new.id}: {'emitted' if count else 'was there already'}.")


def _pair(text: str, flag: str) -> tuple[str, str]:
    name, there, value = text.partition("=")
    if not there or not name or not value:
        raise usage(f"--{flag} {text!r} has no =.", f"Write --{flag} NAME=VALUE.", field=flag)
    return name, value


def _payload(text: str | None) -> Any:
    try:
        return {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        raise usage(
            "The payload is not JSON.", """Write --payload '{"n": 1}'.""", field="payload"
        ) from None
