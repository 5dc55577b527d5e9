"""`Backfills` over HTTP."""

from __future__ import annotations

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.backfills import Backfill, Backfilled, NewBackfill
from nbflow.model.pages import MOST_ROWS, Page


class HttpBackfills(OverHttp):
    """The backfills of a server."""

    def plan_backfill(self, new: NewBackfill) -> Backfilled:
        """Say what a backfill would make, and make nothing."""
        return self._post(Backfilled, "backfills/plan", new)

    def create_backfill(self, new: NewBackfill) -> Backfilled:
        """Make a run for each instant."""
        return reading.answer(Backfilled, self._ask("POST", "backfills", body=new, again=False))

    def list_backfills(
        self,
        deployment: str | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[Backfill]:
        """List backfills, newest first."""
        query = {"deployment": deployment, "limit": limit, "cursor": cursor}
        return self._get(Page[Backfill], "backfills", query)

    def read_backfill(self, backfill_id: str) -> Backfill:
        """Read a backfill, with how far its runs are."""
        return self._get(Backfill, path_of("backfills", backfill_id))

    def cancel_backfill(self, backfill_id: str) -> Backfill:
        """Cancel those of its runs that have not ended."""
        return reading.answer(
            Backfill, self._ask("POST", path_of("backfills", backfill_id, "cancel"))
        )
