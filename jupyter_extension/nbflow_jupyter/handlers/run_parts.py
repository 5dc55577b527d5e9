"""What lies inside runs: task runs, log lines (listed, downloaded, followed), the graph."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable

from jupyter_server.auth.decorator import authorized
from tornado import iostream, web

from nbflow.model import clock
from nbflow.model.runs import LogEntry
from nbflow_jupyter.base import ApiHandler, dumps
from nbflow_jupyter.queries import LogDownload, LogQuery, RunGraphQuery, TaskRunQuery

#: how often a log that is followed is looked at
_LOOK_SECONDS = 0.5
_TYPES = {"text": "text/plain; charset=utf-8", "ndjson": "application/x-ndjson"}


class TaskRuns(ApiHandler):
    """Task runs of all flow runs."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self) -> None:
        """List task runs, newest first."""
        asked = self.query(TaskRunQuery)
        await self.answer(
            self.backend.find_task_runs,
            asked,
            sort=asked.sort,
            limit=asked.limit,
            cursor=asked.cursor,
        )


class Graph(ApiHandler):
    """A run's graph."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """Give a flow run's task runs and the runs it called, with what each took from which."""
        asked = self.query(RunGraphQuery)
        await self.answer(self.backend.read_run_graph, flow_run_id, since=asked.since)


class AllLogs(ApiHandler):
    """The log of all runs."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:logs")
    async def get(self) -> None:
        """List log lines of any flow runs, in the order they were written."""
        await self._list(None)

    async def _list(self, flow_run_id: str | None) -> None:
        asked = self.query(LogQuery)
        await self.answer(
            self.backend.list_logs,
            flow_run_id,
            where=asked,
            sort=asked.sort,
            limit=asked.limit,
            after=asked.after,
        )


class Logs(AllLogs):
    """A run's log."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:logs")
    async def get(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, flow_run_id: str
    ) -> None:
        """List a flow run's log lines, oldest first."""
        await self._list(flow_run_id)


class Download(ApiHandler):
    """A run's log as a file."""

    _left = False

    @web.authenticated
    @authorized(action="read", resource="nbflow:logs")
    async def get(self, flow_run_id: str) -> None:
        """Give a flow run's log as text or as a JSON object a line; `follow`: as it is written.

        A page of it is in memory at a time, and the next one is read when that has been sent.
        """
        asked = self.query(LogDownload)
        run = await self.off_loop(self.backend.read_flow_run, flow_run_id)
        self.set_header("Content-Type", _TYPES[asked.format])
        self.set_header("X-Content-Type-Options", "nosniff")
        ending = "log" if asked.format == "text" else "ndjson"
        self.set_header("Content-Disposition", f'attachment; filename="{run.id}.{ending}"')
        after: str | None = None
        try:
            if asked.follow:
                await self.flush()  # who follows a run that has said nothing yet is answered
            while not self._left:
                run = await self.off_loop(self.backend.read_flow_run, flow_run_id)
                after = await self._send(flow_run_id, asked, after)
                if not asked.follow or run.state.is_final():
                    break
                await asyncio.sleep(_LOOK_SECONDS)
        except iostream.StreamClosedError:  # who asked is gone
            return
        if not self._left:
            self.finish(set_content_type=_TYPES[asked.format])

    def on_connection_close(self) -> None:
        """Follow no longer for who is gone; of a silent run nothing is sent that would tell."""
        super().on_connection_close()
        self._left = True

    async def _send(self, flow_run_id: str, asked: LogDownload, after: str | None) -> str | None:
        """Send all there is after a line; give the place of the last one."""
        while True:
            page = await self.off_loop(
                self.backend.list_logs, flow_run_id, where=asked, after=after
            )
            if page.rows:
                text = await self.off_loop(_written, page.rows, asked.format)
                self.write(text)
                await self.flush()
                last = page.rows[-1]
                after = f"{clock.micros(last.at)}.{last.id}"
            if page.cursor is None:
                return after


def _written(lines: Iterable[LogEntry], format: str) -> str:
    if format == "ndjson":
        return "".join(f"{dumps(line)}\n" for line in lines)
    return "".join(
        f"{line.at.isoformat()} {logging.getLevelName(line.level):<7} {line.logger} "
        f"{json.dumps(line.message, ensure_ascii=False)[1:-1]}\n"
        for line in lines
    )
