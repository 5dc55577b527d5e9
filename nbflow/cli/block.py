"""`nbflow block …`: blocks by `TYPE/NAME`, and the types a module defines."""

from __future__ import annotations

import inspect as inspecting
import json
import runpy
import sys
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, positive, takes, usage
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput
from nbflow.model.blocks import BlockDocument, NewBlock
from nbflow.model.event_log import EventFilter
from nbflow.model.event_views import EventView
from nbflow.model.pages import MOST_ROWS, Page, every
from nbflow.model.shapes import is_mapping

NAME = argument("name", metavar="TYPE/NAME", help="the block, or its id")


@takes(
    argument("--type", default=None, help="of this type only"),
    argument("--capability", default=None, help="only those that can do this"),
    OUTPUT,
)
def ls(*, type: str | None, capability: str | None, output: str) -> None:
    """List blocks by type and name."""
    backend = connect()

    def pages(**place: Any) -> Page[BlockDocument]:
        return backend.list_blocks(type_slug=type, capability=capability, **place)

    found = tuple(every(pages))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("block", "id", "saved"),
        ((one.label, one.id, printing.instant(one.updated_at)) for one in found),
        none="There are no blocks. `nbflow block create TYPE NAME` makes one.",
    )


@takes(NAME, OUTPUT)
def inspect(*, name: str, output: str) -> None:
    """Show a block; its secrets are asterisks."""
    _show(connect().read_block(name), output)


@takes(
    NAME,
    argument("--limit", type=positive, default=50, help="at most so many (default: 50)"),
    OUTPUT,
)
def history(*, name: str, limit: int, output: str) -> None:
    """Show what was done with a block, when and by whom, newest first; never its fields."""
    backend = connect()
    where = EventFilter(resource=f"nbflow.block.{backend.read_block(name).id}")
    pages = every(backend.list_events, where, limit=min(limit, MOST_ROWS))
    found = [_done(view) for view in islice(pages, limit)]
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("at", "event", "by", "flow run"),
        ((printing.instant(one["at"]), one["event"], one["by"] or "", one["flow_run_id"] or "")
         for one in found),
        none="Its events are not kept any more.",
    )  # fmt: skip


def _done(view: EventView) -> dict[str, Any]:
    told = {name: view.payload.get(name) for name in ("by", "flow_run_id")}
    return {"at": view.occurred, "event": view.event, **told}


@takes(
    argument("type", metavar="TYPE", help="the type's slug: `nbflow block type ls` lists them"),
    argument("name", metavar="NAME", help="lower-case letters, digits, dashes"),
    argument("--set", action="append", default=[], metavar="FIELD=VALUE",
             help="a field; JSON, what is not JSON is text (repeat)"),
    argument("--data", default=None, metavar="FILE", help="the fields as JSON; - reads stdin"),
    argument("--overwrite", action="store_true", help="also when it is there already"),
    OUTPUT,
)  # fmt: skip
def create(
    *, type: str, name: str, set: list[str], data: str | None, overwrite: bool, output: str
) -> None:
    """Save a block. Give secrets by --data, or they stay in the shell's history."""
    fields = {**_file(data), **dict(map(_field, set))}
    _show(connect().save_block(NewBlock(type, name, fields, overwrite=overwrite)), output)


@takes(NAME, OUTPUT)
def delete(*, name: str, output: str) -> None:
    """Delete a block that no other refers to."""
    connect().delete_block(name)
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


@takes(
    argument("-m", "--module", default=None, help="a module that can be imported"),
    argument("-f", "--file", default=None, type=Path, help="a Python file; it is executed"),
    OUTPUT,
)
def register(*, module: str | None, file: Path | None, output: str) -> None:
    """Make the block types that a module or file defines known, so that forms offer them."""
    if (module is None) == (file is None):
        raise usage("Say either a module or a file.", "nbflow block register -m MODULE | -f FILE")
    found = _defined(_of_module(module) if module else _of_file(file or Path()))
    if not found:
        raise InvalidInput("There is no block class in it.", code="block.none", field="module")
    for one in found:
        one.register_type_and_schema()
    slugs = [one.get_block_type_slug() for one in found]
    if output == "json":
        printing.as_json({"registered": slugs})
        return
    print("\n".join(f"{slug}: registered." for slug in slugs))


def _of_module(name: str) -> dict[str, Any]:
    sys.path.insert(0, "")
    try:
        return vars(import_module(name))
    except ImportError as error:
        message = f"The module {name} cannot be imported: {error}."
        raise InvalidInput(message, code="block.module", field="module") from None
    finally:
        sys.path.remove("")


def _of_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", code="block.file", field="file")
    return runpy.run_path(str(path))


def _defined(names: dict[str, Any]) -> list[Any]:
    """Give the block classes among names: those defined there, not those imported."""
    from nbflow.blocks import Block

    found = [one for one in names.values() if inspecting.isclass(one) and issubclass(one, Block)]
    here = names.get("__name__")
    own = [one for one in found if one.__module__ == here and not one.is_abstract()]
    return list(dict.fromkeys(own))


def _field(text: str) -> tuple[str, Any]:
    name, between, value = text.partition("=")
    if not between:
        raise usage(f"{text!r} says no value.", "Write FIELD=VALUE.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        said = json.loads(sys.stdin.read() if path == "-" else Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path} is no JSON: {error}."
        raise InvalidInput(message, code="block.file", field="data") from None
    if not is_mapping(said):
        raise InvalidInput(f"{path} is no JSON object.", code="block.file", field="data")
    return dict(said)


def _show(found: BlockDocument, output: str) -> None:
    if output == "json":
        printing.as_json(found)
        return
    fields = ((name, json.dumps(value, ensure_ascii=False)) for name, value in found.data.items())
    printing.facts(
        [
            ("Block", found.label),
            ("Id", found.id),
            ("Schema", found.schema_checksum),
            ("Saved", printing.instant(found.updated_at)),
            *fields,
        ]
    )
