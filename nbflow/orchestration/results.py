"""`Results` over SQL: what runs kept, read and deleted; their files go with their rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.pages import Page
from nbflow.model.results import MOST, Pruned, ResultRecord
from nbflow.orchestration.base import OverSql
from nbflow.store import result_files, results

_BATCH = 200
#: a file younger than this may be waiting for its record
_STRAY_AFTER = timedelta(hours=24)


class SqlResults(OverSql):
    """The results of a store."""

    def read_result(self, key: str) -> ResultRecord:
        """Read the result of a key, expired or not."""
        with self.database.read() as connection:
            return results.get(connection, key)

    def list_results(
        self,
        flow_run_id: str | None = None,
        *,
        task_key: str | None = None,
        limit: int = MOST,
        cursor: str | None = None,
        data: bool = False,
    ) -> Page[ResultRecord]:
        """List the results of a run, or of a task."""
        if (flow_run_id is None) is (task_key is None):
            raise InvalidInput(
                "Say whose results to list.", field="flow_run_id", hint="Or give a task_key."
            )
        with self.database.read() as connection:
            return results.page(
                connection,
                flow_run_id,
                task_key=task_key,
                limit=limit,
                cursor=cursor,
                data=data,
            )

    def delete_result(self, key: str) -> None:
        """Forget a result, and delete its file."""
        with self._write() as connection:
            gone = results.get(connection, key)
            results.delete(connection, [key])
        _delete_files([gone.location])

    def prune_results(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Delete results made before an instant, or expired, and files no result speaks of."""
        count, size = self._prune_rows(before, dry_run)
        return Pruned(count, size, self._prune_strays(dry_run))

    def _prune_rows(self, before: datetime, dry_run: bool) -> tuple[int, int]:
        count = size = 0
        limits = {"before": clock.micros(before), "now": clock.micros(clock.now())}
        after = ""
        while True:
            # In batches: a writer waits for one of them at most.
            with self.database.read() if dry_run else self._write() as connection:
                old = results.old(connection, **limits, limit=_BATCH, after=after)
                if not dry_run and old:
                    results.delete(connection, [row.key for row in old])
            if not dry_run:
                _delete_files(row.location for row in old)
            count, size = count + len(old), size + sum(row.size for row in old)
            if len(old) < _BATCH:
                return count, size
            after = old[-1].key

    def _prune_strays(self, dry_run: bool) -> int:
        count = 0
        files = result_files.home_files(clock.now() - _STRAY_AFTER)
        while batch := list(islice(files, _BATCH)):
            with self.database.read() as connection:
                known = results.known_files(connection, batch)
            strays = [file for file in batch if file not in known]
            count += len(strays)
            if not dry_run:
                _delete_files(strays)
        return count


def _delete_files(locations: Iterable[str | None]) -> None:
    for location in locations:
        if location is not None:
            result_files.delete(location)
