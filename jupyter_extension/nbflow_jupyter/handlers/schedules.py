"""Schedules: when deployments run, what they leave out, and what is to come."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import InvalidInput
from nbflow.model import schedules
from nbflow.model.deployments import NewSchedule
from nbflow.model.scheduling import ScheduleChange, ScheduleFilter
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import ScheduleQuery, UpcomingQuery
from nbflow_jupyter.shapes import Preview, PreviewRequest, SkipRequest

_MOST_INSTANTS = 100


class Schedules(ApiHandler):
    """All schedules."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def get(self) -> None:
        """List schedules, the next due first."""
        asked = self.query(ScheduleQuery)
        await self.answer(
            self.backend.list_schedules, asked, limit=asked.limit, cursor=asked.cursor
        )


class SchedulesOf(ApiHandler):
    """The schedules of one deployment."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def get(self, name_or_id: str) -> None:
        """List a deployment's schedules, the next due first."""
        await self.answer_page(self.backend.list_schedules, ScheduleFilter(name_or_id))

    @web.authenticated
    @authorized(action="execute", resource="nbflow:schedules")
    async def post(self, name_or_id: str) -> None:
        """Give a deployment a schedule; it begins now, nothing is made up."""
        new = self.body(NewSchedule)
        await self.answer(self.backend.create_schedule, name_or_id, new, status=201)


class Schedule(ApiHandler):
    """One schedule."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def get(self, schedule_id: str) -> None:
        """Read a schedule."""
        await self.answer(self.backend.read_schedule, schedule_id)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:schedules")
    async def patch(self, schedule_id: str) -> None:
        """Edit, pause or resume a schedule; other times or parameters count from now."""
        change = self.body(ScheduleChange)
        edit = self.backend.update_schedule
        await self.answer(edit, schedule_id, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:schedules")
    async def delete(self, schedule_id: str) -> None:
        """Delete a schedule and its runs nobody has claimed; past runs stay."""
        await self.done(self.backend.delete_schedule, schedule_id)


class Skip(ApiHandler):
    """An instant to come."""

    @web.authenticated
    @authorized(action="write", resource="nbflow:schedules")
    async def post(self, schedule_id: str) -> None:
        """Leave out one instant to come; asking twice is asking once."""
        due_at = self.body(SkipRequest).due_at
        await self.answer(self.backend.skip_instant, schedule_id, due_at, status=201)


class Skips(ApiHandler):
    """What one schedule left out."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def get(self, schedule_id: str) -> None:
        """List a schedule's recorded skips, newest first."""
        await self.answer_page(self.backend.list_skips, schedule_id)


class Upcoming(ApiHandler):
    """What is to come."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def get(self) -> None:
        """List what active schedules of unpaused deployments will do, soonest first."""
        asked = self.query(UpcomingQuery)
        await self.answer(self.backend.list_upcoming, asked.deployment, limit=asked.limit)


class SchedulePreview(ApiHandler):
    """Schedules nobody has yet."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def post(self) -> None:
        """Say in plain words when a timing is due, and its next instants."""
        await self.answer(_preview, self.body(PreviewRequest))


def _preview(asked: PreviewRequest) -> Preview:
    if not 1 <= asked.count <= _MOST_INSTANTS:
        raise InvalidInput(
            f"count is {asked.count}; it must be 1 to {_MOST_INSTANTS}.",
            code="count.range",
            field="count",
            hint="A schedule has no end: ask again from the last instant on (after).",
        )
    upcoming = asked.timing.next(asked.count, after=asked.after)
    notes = schedules.notes(asked.timing, upcoming)
    return Preview(schedules.describe(asked.timing), tuple(upcoming), notes)
