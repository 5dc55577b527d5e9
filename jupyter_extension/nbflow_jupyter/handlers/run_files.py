"""Files of runs and results in parts, for workers and kernels that do not see this server's disk.

Bytes as they are: nothing here reads what is in them. A result is unpickled by nobody but who runs.
"""

from __future__ import annotations

import re

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import InvalidInput
from nbflow.model import run_files
from nbflow.model.run_files import PART, Home, ResultFile, Written
from nbflow.store import homes
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import PartQuery, ResultPartQuery
from nbflow_jupyter.shapes import ResultFiles

#: what a name of a file is not given
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class HomeOf(ApiHandler):
    """The home folder of this server."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def get(self) -> None:
        """Give what only a process that shares this server's home folder finds there, too."""
        await self.answer(lambda: Home(homes.fingerprint()))


class _Parts(ApiHandler):
    """Bytes in parts."""

    largest_body = PART
    _track_activity = False

    def set_default_headers(self) -> None:
        """Let no browser run anything in the answer, nor guess what it is."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    @property
    def content_security_policy(self) -> str:
        """Give the policy of an answer that is only ever data."""
        return "sandbox; default-src 'none'"

    def _give(self, data: bytes) -> None:
        self.set_header("Content-Disposition", "attachment")
        self.finish(data, set_content_type="application/octet-stream")


class Files(ApiHandler):
    """The files of a run."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, flow_run_id: str) -> None:
        """List the files of all attempts of a run."""
        await self.answer(self.backend.list_run_files, flow_run_id)


class OfAttempt(_Parts):
    """One file of an attempt."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, flow_run_id: str, attempt: str) -> None:
        """Give at most 1,000,000 bytes of a file, from a place on; none: it ends there."""
        asked = self.query(PartQuery)
        read = self.backend.read_run_file
        number = _number(attempt)
        self._give(await self.off_loop(read, flow_run_id, number, asked.name, offset=asked.offset))

    @web.authenticated
    @authorized(action="execute", resource="nbflow:records")
    async def put(self, flow_run_id: str, attempt: str) -> None:
        """Add a part to a file of the latest attempt; one that is there already changes nothing."""
        asked, data, number = self.query(PartQuery), self.raw_body(), _number(attempt)
        write = self.backend.write_run_file
        await self.answer(
            lambda: Written(write(flow_run_id, number, asked.name, data, offset=asked.offset))
        )


class Exports(ApiHandler):
    """What was made of a run's notebook."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, flow_run_id: str) -> None:
        """List the executed notebook of a run's latest attempt, and its exports."""
        await self.answer(self.backend.list_exports, flow_run_id)


class OneExport(_Parts):
    """The executed notebook, or an export of it, as a download."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, flow_run_id: str, name: str) -> None:
        """Give the executed notebook or an export of it; nothing in it runs, nor is made anew."""
        run = await self.off_loop(self.backend.read_flow_run, flow_run_id)
        data = await self.off_loop(self.backend.read_export, flow_run_id, name)
        saved = _UNSAFE.sub("_", run.name) + name.removeprefix("notebook")
        self.set_header("Content-Disposition", f'attachment; filename="{saved}"')
        self.finish(data, set_content_type=run_files.media_type(name))


class Lacking(ApiHandler):
    """Which files of results are not here."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:records")
    async def post(self) -> None:
        """Give the locations of those that this server does not have whole."""
        await self.answer(self.backend.lacking_result_files, self.body(ResultFiles).files)


class OfResult(_Parts):
    """One file of a result."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, folder: str, name: str) -> None:
        """Give at most 1,000,000 bytes of a result's file, from a place on."""
        asked, read = self.query(ResultPartQuery), self.backend.read_result_file
        location = f"results/{folder}/{name}"
        self._give(await self.off_loop(read, location, offset=asked.offset))

    @web.authenticated
    @authorized(action="execute", resource="nbflow:records")
    async def put(self, folder: str, name: str) -> None:
        """Add a part to a result's file; the file appears when it is whole."""
        asked, data = self.query(ResultPartQuery), self.raw_body()
        file = ResultFile(f"results/{folder}/{name}", asked.size)
        write = self.backend.write_result_file
        await self.answer(lambda: Written(write(file, data, offset=asked.offset)))


def _number(attempt: str) -> int:
    if not (attempt.isascii() and attempt.isdigit() and len(attempt) < 10):
        raise InvalidInput("An attempt is a whole number.", code="attempt.invalid", field="attempt")
    return int(attempt)
