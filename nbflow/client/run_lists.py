"""Flow runs by the many, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.pages import Count, Page
from nbflow.model.run_lists import (
    Bucket,
    BulkAnswer,
    BulkRequest,
    FlowSummary,
    Lateness,
    MadeFlowRuns,
    RunChange,
    RunFilter,
    RunSort,
)
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Accept


class HttpRunLists(OverHttp):
    """The many flow runs of a server."""

    def list_flow_runs(
        self,
        where: RunFilter | None = None,
        *,
        sort: RunSort = "-due_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[FlowRun]:
        """List runs, newest due first unless another order is asked for."""
        query = _said(where) | {"sort": sort, "limit": limit, "cursor": cursor}
        return self._get(Page[FlowRun], "flow-runs", query)

    def count_flow_runs(self, where: RunFilter | None = None) -> Count:
        """Count runs, up to 10,000."""
        return self._get(Count, "flow-runs/count", _said(where))

    def read_history(
        self,
        since: datetime,
        until: datetime,
        interval_seconds: float,
        where: RunFilter | None = None,
    ) -> tuple[Bucket, ...]:
        """Count the runs due in a span by time and state."""
        span = {"since": since, "until": until, "interval_seconds": interval_seconds}
        return self._get(tuple[Bucket, ...], "flow-runs/history", _said(where) | span)

    def read_lateness(self, where: RunFilter | None = None) -> Lateness:
        """Say how late runs started, or are by now."""
        return self._get(Lateness, "flow-runs/lateness", _said(where))

    def create_flow_runs(self, new: Sequence[NewFlowRun]) -> tuple[str, ...]:
        """Create many runs, all or none."""
        return self._post(MadeFlowRuns, "flow-runs/create", {"flow_runs": new}).ids

    def update_flow_run(self, flow_run_id: str, change: RunChange) -> FlowRun:
        """Edit a run's name or tags."""
        text = self._ask("PATCH", path_of("flow-runs", flow_run_id), body=change)
        return reading.answer(FlowRun, text)

    def force_state(self, flow_run_id: str, state: State) -> Accept:
        """Set a run's state against the rules."""
        path = path_of("flow-runs", flow_run_id, "set-state")
        return self._post(Accept, path, {"state": state, "force": True})

    def change_flow_runs(self, request: BulkRequest) -> BulkAnswer:
        """Cancel, delete, retry or tag several runs, each by itself."""
        return self._post(BulkAnswer, "flow-runs/bulk", request)

    def list_flows(
        self, search: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FlowSummary]:
        """List flows by name."""
        query = {"search": search, "limit": limit, "cursor": cursor}
        return self._get(Page[FlowSummary], "flows", query)

    def read_flow(self, name: str) -> FlowSummary:
        """Read a flow."""
        return self._get(FlowSummary, path_of("flows", name))


def _said(where: RunFilter | None) -> dict[str, Any]:
    """Give a filter as a query: what is as it always is, is left out."""
    return {name: value for name, value in vars(where or RunFilter()).items() if value is not False}
