"""`Limits` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.limits import ConcurrencyLimit, Grant, LimitChange, NewLimit, Slot, SlotRequest
from nbflow.model.pages import MOST_ROWS, Page

_SLOTS = "concurrency-limits/slots"


class HttpLimits(OverHttp):
    """The limits of a server."""

    def create_limit(self, new: NewLimit) -> ConcurrencyLimit:
        """Create a limit."""
        text = self._ask("POST", "concurrency-limits", body=new, again=False)
        return reading.answer(ConcurrencyLimit, text)

    def update_limit(
        self, name_or_id: str, change: LimitChange, *, expected: datetime | None = None
    ) -> ConcurrencyLimit:
        """Edit a limit; who waits and now fits is given slots."""
        path = path_of("concurrency-limits", name_or_id)
        text = self._ask("PATCH", path, body=change, expected=expected)
        return reading.answer(ConcurrencyLimit, text)

    def delete_limit(self, name_or_id: str) -> None:
        """Delete a limit; who holds or waits for its slots goes on without."""
        self._ask("DELETE", path_of("concurrency-limits", name_or_id), again=False)

    def reset_limit(self, name_or_id: str) -> ConcurrencyLimit:
        """Take all slots back; who waits is given them."""
        path = path_of("concurrency-limits", name_or_id, "reset")
        return reading.answer(ConcurrencyLimit, self._ask("POST", path, again=False))

    def read_limit(self, name_or_id: str) -> ConcurrencyLimit:
        """Read a limit with its holders and its queue."""
        return self._get(ConcurrencyLimit, path_of("concurrency-limits", name_or_id))

    def list_limits(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[ConcurrencyLimit]:
        """List limits by name, with their holders and queues."""
        query = {"limit": limit, "cursor": cursor}
        return self._get(Page[ConcurrencyLimit], "concurrency-limits", query)

    def list_tag_limits(self) -> tuple[str, ...]:
        """List the names of active limits of tags."""
        return self._get(tuple[str, ...], "concurrency-limits/tags/active")

    def list_slots(self, flow_run_id: str) -> tuple[Slot, ...]:
        """List what a run holds and waits for."""
        return self._get(tuple[Slot, ...], path_of("flow-runs", flow_run_id, "slots"))

    def acquire_slots(self, request: SlotRequest) -> Grant:
        """Take slots of every name, or a place in the queue; asked again, say how it stands."""
        return self._post(Grant, f"{_SLOTS}/acquire", request)

    def release_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Give slots back, or leave the queue; give the requests that were granted by it."""
        return self._of_requests("release", request_ids)

    def renew_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Renew the leases of requests; give those that are no more."""
        return self._of_requests("renew", request_ids)

    def settled_slots(self, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Give those of some requests that wait no longer, after freeing what the dead hold."""
        return self._of_requests("settled", request_ids)

    def _of_requests(self, what: str, request_ids: tuple[str, ...]) -> tuple[str, ...]:
        return self._post(tuple[str, ...], f"{_SLOTS}/{what}", {"request_ids": request_ids})
