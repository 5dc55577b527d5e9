"""`Schedules` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.deployments import NewSchedule, Schedule, Skip
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.scheduling import ScheduleChange, ScheduleFilter, Upcoming


class HttpSchedules(OverHttp):
    """The schedules of a server."""

    def list_schedules(
        self,
        where: ScheduleFilter | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[Schedule]:
        """List schedules, the next due first."""
        query = {**vars(where or ScheduleFilter()), "limit": limit, "cursor": cursor}
        return self._get(Page[Schedule], "schedules", query)

    def read_schedule(self, schedule_id: str) -> Schedule:
        """Read a schedule."""
        return self._get(Schedule, path_of("schedules", schedule_id))

    def create_schedule(self, deployment: str, new: NewSchedule) -> Schedule:
        """Give a deployment a schedule; it begins now."""
        path = path_of("deployments", deployment, "schedules")
        return reading.answer(Schedule, self._ask("POST", path, body=new, again=False))

    def update_schedule(
        self, schedule_id: str, change: ScheduleChange, *, expected: datetime | None = None
    ) -> Schedule:
        """Edit, pause or resume a schedule."""
        path = path_of("schedules", schedule_id)
        text = self._ask("PATCH", path, body=change, expected=expected)
        return reading.answer(Schedule, text)

    def delete_schedule(self, schedule_id: str) -> None:
        """Delete a schedule and its runs nobody has claimed."""
        self._ask("DELETE", path_of("schedules", schedule_id), again=False)

    def skip_instant(self, schedule_id: str, due_at: datetime) -> Skip:
        """Leave out one instant to come."""
        return self._post(Skip, path_of("schedules", schedule_id, "skip"), {"due_at": due_at})

    def list_skips(
        self, schedule_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Skip]:
        """List a schedule's recorded skips, newest first."""
        path = path_of("schedules", schedule_id, "skips")
        return self._get(Page[Skip], path, {"limit": limit, "cursor": cursor})

    def list_upcoming(
        self, deployment: str | None = None, *, limit: int = 100
    ) -> tuple[Upcoming, ...]:
        """List what active schedules of unpaused deployments will do, soonest first."""
        query = {"deployment": deployment, "limit": limit}
        return self._get(tuple[Upcoming, ...], "schedules/upcoming", query)
