"""`nbflow database …`: the store itself: schema, copies, whether it is whole, what it keeps.

These open the store whatever its schema is, so they run where it lies, never through a server.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow import settings
from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, duration, takes
from nbflow.connect import connect
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model.retention import KINDS
from nbflow.results import prune as prune_results

if TYPE_CHECKING:
    from nbflow.store.database import Database

_FORCE = argument("--force", action="store_true", help="though a server or a worker uses the store")
_NO_BACKUP = argument(
    "--no-backup", action="store_true", help="keep no copy of the store as it was: you have one"
)


@takes(_NO_BACKUP, OUTPUT)
def upgrade(*, no_backup: bool, output: str) -> None:
    """Bring the store's schema up to date; it is kept as it was, in a copy."""
    store = _open()
    before = store.version()
    if before is None:
        store.prepare()
    kept = store.upgrade(keep=not no_backup)
    after = store.version()
    _say(output, {"from": before, "to": after, "kept": kept})
    if output == "text" and kept is None and before not in (None, after):
        printing.note("Nothing was copied before.")


@takes(
    argument("--to", default=None, metavar="REVISION", help="to this one (default: one back)"),
    _FORCE,
    _NO_BACKUP,
    OUTPUT,
)
def downgrade(*, to: str | None, force: bool, no_backup: bool, output: str) -> None:
    """Take the store's schema back, for an older nbflow; it is kept as it was, in a copy."""
    store = _open()
    before = store.version()
    if before is None:
        raise InvalidInput("There is no store yet.", hint="It is made when it is first needed.")
    _refuse_in_use(store, force)
    kept = store.downgrade(to, keep=not no_backup)
    _say(output, {"from": before, "to": store.version(), "kept": kept})


@takes(argument("file", type=Path, help="a file that is not there yet"), OUTPUT)
def backup(*, file: Path, output: str) -> None:
    """Copy the store into a file, while it is in use; results' files are not in it."""
    from nbflow.store import backups

    size = backups.backup(_url(), file.absolute())
    if output == "json":
        printing.as_json({"file": str(file.absolute()), "bytes": size})
        return
    print(f"{file}: {size:,} bytes. Results' files lie in {settings.home() / 'results'}.")


@takes(argument("file", type=Path, help="what `nbflow database backup` made"), _FORCE, OUTPUT)
def restore(*, file: Path, force: bool, output: str) -> None:
    """Put a copy in the store's place; a SQLite store is kept as it was, beside itself."""
    from nbflow.store import backups

    store = _open()
    if store.version() is not None:
        _refuse_in_use(store, force)
    store.close()
    kept = backups.restore(_url(), file.absolute())
    after = _open().version()
    _say(output, {"from": str(file.absolute()), "to": after, "kept": kept})
    if output == "text":
        printing.note("`nbflow database check` looks whether it is whole.")


@takes(
    argument("--no-files", action="store_true", help="do not read the files of results"),
    OUTPUT,
)
def check(*, no_files: bool, output: str) -> int:
    """Look for anything wrong in the store; exit 1 when there is."""
    from nbflow.store import integrity

    store = _open()
    if store.version() is None:
        raise InvalidInput("There is no store yet.", hint="It is made when it is first needed.")
    found = [one._asdict() for one in integrity.check(store)]
    if not found:
        found = list(_broken(store, files=not no_files))
    if output == "json":
        printing.as_json({"ok": not found, "problems": found})
    else:
        for one in found:
            print(printing.clean(f"{one['what']}: {one['message']} {one['hint']}"))
        print(f"{len(found)} problems." if found else "The store is whole.")
    return int(bool(found))


def _broken(store: Database, *, files: bool) -> Any:
    from nbflow.model import clock
    from nbflow.orchestration import invariants

    for one in invariants.check(store, now=clock.now(), files=files):
        yield {"what": f"{one.invariant} {one.subject}", "message": one.message, "hint": _way(one)}


def _way(one: Any) -> str:
    match one.invariant:
        case "I4":
            return "Restore its file from a backup, or run it again."
        case "I2" | "I5":
            return "Start a server: it ends what nobody holds."
        case "I9":
            return "Start a server: nobody schedules now."
        case _:
            return "Report it, with a backup from before and after."


@takes(
    argument("--older-than", type=duration, default=None, metavar="DUR",
             help="only results, those made more than 2h, 30d, … ago"),
    argument("--kind", action="append", default=[], choices=tuple(KINDS), dest="kinds",
             help="only this kind; may be said several times (default: all)"),
    argument("--dry-run", action="store_true", help="delete nothing, say what would be"),
    OUTPUT,
)  # fmt: skip
def prune(*, older_than: timedelta | None, kinds: list[str], dry_run: bool, output: str) -> None:
    """Delete what is older than the settings say: runs, results, records, stray files."""
    if older_than is not None:
        _prune_results(older_than, dry_run, output)
        return
    gone = connect().prune(kinds, dry_run=dry_run)
    if output == "json":
        printing.as_json(gone)
        return
    printing.columns(
        ("kind", "would go" if dry_run else "deleted", "kept for", "what"),
        (
            (one.kind, f"{one.count:,}", f"{one.days:g} days" if one.days else "", one.what)
            for one in gone
        ),
        none="",
    )


def _prune_results(older_than: timedelta, dry_run: bool, output: str) -> None:
    gone = prune_results(older_than, dry_run=dry_run)
    if output == "json":
        printing.as_json(gone)
        return
    verb = "would be deleted" if dry_run else "deleted"
    print(f"{gone.results} results ({gone.bytes:,} bytes) and {gone.files} stray files {verb}.")


def _url() -> str:
    if settings.api_url:
        raise InvalidInput(
            f"The store belongs to the server {settings.api_url}.",
            field="NBFLOW_API_URL",
            hint="Run this where the store lies, without NBFLOW_API_URL.",
        )
    return settings.store_url()


def _open() -> Database:
    from nbflow.store.database import Database

    return Database(_url())


def _refuse_in_use(store: Database, force: bool) -> None:
    """Refuse to change what a server or a worker uses. Raises Conflict."""
    from nbflow.store import users

    if not force and (who := users.present(store)):
        raise Conflict(
            f"The store is in use by {', '.join(who)}.",
            code="store.used",
            hint="Stop it first, or say --force.",
        )


def _say(output: str, said: dict[str, Any]) -> None:
    said["kept"] = None if said["kept"] is None else str(said["kept"])
    if output == "json":
        printing.as_json(said)
        return
    if said["from"] == said["to"]:
        print(f"The schema is {said['to']}; nothing was to be done.")
        return
    print(f"{said['from'] or 'Nothing'} → schema {said['to']}.")
    if said["kept"]:
        print(f"As it was: {said['kept']}")
