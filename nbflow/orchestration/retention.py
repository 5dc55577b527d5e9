"""`Retention` over SQL: in batches, so that a writer waits for one of them at most."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import islice

from nbflow.model import clock
from nbflow.model.retention import WHAT, Removed, checked_kinds, days_of
from nbflow.orchestration import removing
from nbflow.orchestration.results import SqlResults
from nbflow.store import event_pruning, journal, retention, snapshots
from nbflow.store.retention import Place

_BATCH = 200
_EVENTS_AT_ONCE = 5_000
#: a file younger than this may be waiting for what will speak of it
_STRAY_AFTER = timedelta(hours=24)


class SqlRetention(SqlResults):
    """What a store keeps, and for how long; its results among it."""

    def prune(
        self, kinds: Collection[str] = (), *, dry_run: bool = False, now: datetime | None = None
    ) -> tuple[Removed, ...]:
        """Delete what is older than its setting says, of some kinds, or of all."""
        now = now or clock.now()
        return tuple(self._prune(kind, now, dry_run) for kind in checked_kinds(kinds))

    def _prune(self, kind: str, now: datetime, dry_run: bool) -> Removed:
        days = days_of(kind)
        before = clock.instant(0) if days is None else now - timedelta(days=days)
        size = 0
        match kind:
            case "runs":
                count = self._prune_runs(before, dry_run) if days else 0
            case "results":
                count, size = self._prune_rows(before, dry_run)
            case "events":
                count = self._prune_events(now, dry_run)
            case "firings":
                count = self._prune_firings(before, dry_run) if days else 0
            case "snapshots":
                count = self._prune_snapshots(now, dry_run)
            case "files":
                count = self._prune_strays(dry_run) + self._prune_folders(now, dry_run)
            case _:
                count = self._drop(kind, before, dry_run) if days else 0
        return Removed(kind, count, WHAT[kind], days, size)

    def _drop(self, kind: str, before: datetime, dry_run: bool) -> int:
        with self.database.read() if dry_run else self._write() as connection:
            return retention.drop(connection, kind, before, dry_run=dry_run)

    def _prune_runs(self, before: datetime, dry_run: bool) -> int:
        """Delete families of runs: those that nobody called, with all that they called."""
        count, after = 0, None
        while True:
            found, removed = self._prune_family(before, after, dry_run)
            count += removed
            if len(found) < _BATCH:
                return count
            after = found[-1]

    def _prune_family(
        self, before: datetime, after: Place | None, dry_run: bool
    ) -> tuple[list[Place], int]:
        left = None
        with self.database.read() if dry_run else self._write() as connection:
            found = retention.old_runs(connection, before, after=after, limit=_BATCH)
            run_ids = retention.with_children(connection, [run_id for _, run_id in found])
            if run_ids and not dry_run:
                left = removing.remove(connection, run_ids)
        if left is not None:
            left.delete()
        return found, len(run_ids)

    def _prune_events(self, now: datetime, dry_run: bool) -> int:
        """Delete events past their time, then the oldest of too many; none that rules have unread.

        What was deleted is marked: a browser that was away since is told to load anew.
        """
        with self.database.read() as connection:
            old = event_pruning.old(connection, now)
            if dry_run:
                return event_pruning.count(connection, old)
        removed = 0
        while True:
            with self.database.write() as connection:
                gone = event_pruning.delete(connection, old, limit=_EVENTS_AT_ONCE)
            removed += gone
            if gone < _EVENTS_AT_ONCE:
                return removed

    def _prune_firings(self, before: datetime, dry_run: bool) -> int:
        if dry_run:
            with self.database.read() as connection:
                return retention.count_firings(connection, before)
        removed = 0
        while True:
            with self.database.write() as connection:
                gone = retention.drop_firings(connection, before, limit=_BATCH)
            removed += gone
            if gone < _BATCH:
                return removed

    def _prune_snapshots(self, now: datetime, dry_run: bool) -> int:
        old = set(snapshots.kept(now - _STRAY_AFTER))
        if not old:
            return 0
        with self.database.read() as connection:
            old -= retention.digests(connection)
        for digest in () if dry_run else old:
            snapshots.forget(digest)
        return len(old)

    def _prune_folders(self, now: datetime, dry_run: bool) -> int:
        count = 0
        folders = retention.stray_folders(now - _STRAY_AFTER)
        while batch := list(islice(folders, _BATCH)):
            with self.database.read() as connection:
                known = retention.known_runs(connection, batch)
            strays = [run_id for run_id in batch if run_id not in known]
            count += len(strays)
            for run_id in () if dry_run else strays:
                journal.forget(run_id)
        return count
