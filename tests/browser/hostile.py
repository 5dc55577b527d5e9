"""The same house, with texts in every place of it that would run, load or steer something.

They are written into the store itself: what the API refuses (a name with `<`) may yet be there from
another release, a shared database or a hand. Nothing here knows the screens.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.browser.house import House

#: by table: columns of plain text; `*` after a name: JSON, of which every text becomes a payload
SINKS = {
    "flow_run": "name flow_name state_message created_by path function tags* parameters*",
    "flow_run_state": "message",
    "task_run": "name note tags* key",
    "log": "message logger",
    "artifact": "key description data*",
    "result": "task_key preview",
    "deployment": "name flow_name description path created_by function tags* parameters*",
    "deployment_version": "note created_by",
    "schedule": "slug problem",
    "work_pool": "name description",
    "work_queue": "name description",
    "worker": "name version",
    "concurrency_limit": "name",
    "variable": "name value* tags*",
    "automation": "name description tags*",
    "block_type": "name description code_example",
    "block_document": "name data*",
    "firing": "reason",
    "automation_action": "message",
}
#: where a name is spoken of elsewhere
REFERENCES = {
    "work_pool.name": ["flow_run", "deployment", "work_queue", "worker"],
}
KINDS = ("text/html", "image/svg+xml", "text/markdown", "application/javascript", "text/plain")
OTHERS = ("stream", "error", "source", "markdown cell", "raw cell", "attachment name")


def poison(lab: Any, house: House, payloads: Sequence[str]) -> int:
    """Write the payloads everywhere; give in how many kinds of places."""
    with sqlite3.connect(lab.home / "nbflow.sqlite", timeout=30) as store:
        count = sum(
            _fill(store, table, columns.split(), payloads, house)
            for table, columns in SINKS.items()
        )
        (run_dir,) = store.execute(
            "select run_dir from flow_run where id = ?", [house.failed]
        ).fetchone()
    return count + _poison_notebook(lab.home / run_dir / "notebook.ipynb", payloads)


def renamed(lab: Any, house: House) -> House:
    """Give the house by the names that its pool, artifact and limit have now."""
    with sqlite3.connect(lab.home / "nbflow.sqlite", timeout=30) as store:

        def last(column: str, table: str) -> str:
            found = f"select {column} from {table} where {column} is not null order by rowid desc"
            return store.execute(found).fetchone()[0]

        return replace(
            house,
            pool=last("name", "work_pool"),
            artifact=last("key", "artifact"),
            limit=last("name", "concurrency_limit"),
        )


def _fill(
    store: sqlite3.Connection, table: str, columns: list[str], payloads: Sequence[str], house: House
) -> int:
    """Give every row of a table other payloads; those a page is opened for get all of them."""
    runs = {house.completed, house.failed, house.flow_run, house.late, house.asking}
    opened = {*runs, house.deployment, house.block}
    rows = store.execute(f'select rowid, * from "{table}"')
    names = [one[0] for one in rows.description]
    for at, row in enumerate(rows.fetchall()):
        found = dict(zip(names, row, strict=True))
        for shift, column in enumerate(columns):
            name = column.rstrip("*")
            said = payloads[(at + shift * 7) % len(payloads)]
            if found.get("id") in opened:
                said = "\n".join(payloads)
            new = _replaced(found[name], said) if column.endswith("*") else f"{said} {at}"
            if found[name] is not None or not column.endswith("*"):
                _set(store, table, name, found, new)
    return len(columns)


def _set(
    store: sqlite3.Connection, table: str, name: str, found: dict[str, Any], new: str | None
) -> None:
    store.execute(f'update "{table}" set "{name}" = ? where rowid = ?', [new, found["rowid"]])
    for other in REFERENCES.get(f"{table}.{name}", ()):
        store.execute(f'update "{other}" set "{table}" = ? where "{table}" = ?', [new, found[name]])


def _replaced(text: str | None, said: str) -> str | None:
    """Put a payload in place of every text of a JSON value, its lists grown to all lines of it."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return said
        if isinstance(value, dict):
            kept = {key: walk(one) for key, one in value.items()}
            return kept or {said: said}
        if isinstance(value, list):
            return [walk(one) for one in value] or [said]
        return value

    return None if text is None else json.dumps(walk(json.loads(text)))


def _poison_notebook(path: Path, payloads: Sequence[str]) -> int:
    """Write the payloads into an executed notebook: cells, and outputs of every kind."""
    whole = json.loads(path.read_text())
    cells = []
    for at, said in enumerate(payloads):
        shown = [
            {"output_type": "display_data", "metadata": {}, "data": {kind: said}} for kind in KINDS
        ]
        outputs = [
            *shown,
            {"output_type": "stream", "name": "stdout", "text": said},
            {"output_type": "error", "ename": said, "evalue": said, "traceback": [said]},
        ]
        common = {"metadata": {"tags": [said]}, "source": said}
        cells += [
            {"cell_type": "code", "id": f"x-{at}", "execution_count": 1, "outputs": outputs}
            | common,
            {"cell_type": "markdown", "id": f"m-{at}", "attachments": {said: {"image/png": said}}}
            | common,
            {"cell_type": "raw", "id": f"r-{at}"} | common,
        ]
    path.write_text(json.dumps({**whole, "cells": cells}))
    return len(KINDS) + len(OTHERS)
