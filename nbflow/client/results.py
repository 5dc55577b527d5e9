"""`Results` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.pages import Page
from nbflow.model.results import MOST, Pruned, ResultRecord


class HttpResults(OverHttp):
    """The results a server knows of."""

    def read_result(self, key: str) -> ResultRecord:
        """Read the result of a key, expired or not."""
        return self._get(ResultRecord, path_of("results", key))

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
        query = {
            "flow_run_id": flow_run_id,
            "task_key": task_key,
            "limit": limit,
            "cursor": cursor,
            "data": data or None,
        }
        return self._get(Page[ResultRecord], "results", query)

    def delete_result(self, key: str) -> None:
        """Forget a result; the server deletes its file."""
        self._ask("DELETE", path_of("results", key), again=False)

    def prune_results(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Delete results made before an instant, or expired, and files no result speaks of."""
        body = {"before": before, "dry_run": dry_run}
        return reading.answer(Pruned, self._ask("POST", "results/prune", body=body))
