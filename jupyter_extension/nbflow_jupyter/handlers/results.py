"""Results: what is known of them, and their bytes as a download. None is ever loaded here.

A result is a program's data, often a pickle: reading one runs code, so that only its owner's own
process does. The server checks size and checksum, and hands bytes out as a file.
"""

from __future__ import annotations

from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow import settings
from nbflow.exceptions import NbflowError
from nbflow.model.results import ResultRecord
from nbflow.store import result_files
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import ResultQuery
from nbflow_jupyter.shapes import PruneRequest


class NotHere(NbflowError):
    """The bytes of this result do not lie with this server."""

    status = 409
    code = "result.elsewhere"


class TooLargeToHandOut(NbflowError):
    """This result is larger than the server hands out."""

    status = 413
    code = "result.too_large"


class Results(ApiHandler):
    """The results of a run, or of a task."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self) -> None:
        """List results: those of a run by key, those of a task newest first."""
        asked = self.query(ResultQuery)
        await self.answer(
            self.backend.list_results,
            asked.flow_run_id,
            task_key=asked.task_key,
            limit=asked.limit,
            cursor=asked.cursor,
            data=asked.data,
        )


class Result(ApiHandler):
    """One result."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, key: str) -> None:
        """Read what is known of a result; the bytes of a small one are in it, in base64."""
        await self.answer(self.backend.read_result, key)

    @web.authenticated
    @authorized(action="write", resource="nbflow:results")
    async def delete(self, key: str) -> None:
        """Forget a result, and delete its file."""
        await self.done(self.backend.delete_result, key)


class Content(ApiHandler):
    """The bytes of a result."""

    def set_default_headers(self) -> None:
        """Let no browser run anything in the answer, nor guess what it is."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    @property
    def content_security_policy(self) -> str:
        """Give the policy of an answer that is only ever data."""
        return "sandbox; default-src 'none'"

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, key: str) -> None:
        """Give the bytes of a result as a download, as its serializer wrote them."""
        record = await self.off_loop(self.backend.read_result, key)
        data = await self.off_loop(_bytes, record)
        name = quote(result_files.name_of(key).replace("/", "_"), safe="")
        self.set_header("Content-Disposition", f'attachment; filename="{name}.bin"')
        self.set_header("X-Nbflow-Serializer", quote(record.serializer, safe="/"))
        self.finish(data, set_content_type="application/octet-stream")


class Prune(ApiHandler):
    """Deleting what is old."""

    @web.authenticated
    @authorized(action="write", resource="nbflow:results")
    async def post(self) -> None:
        """Delete results made before an instant, or expired, and files no result speaks of."""
        asked = self.body(PruneRequest)
        await self.answer(self.backend.prune_results, asked.before, dry_run=asked.dry_run)


def _bytes(record: ResultRecord) -> bytes:
    """Give a result's bytes, checked. Raises NotHere, TooLargeToHandOut, ResultGone."""
    if record.data is not None:
        return result_files.checked(record.data, record)
    location = record.location or ""
    if result_files.is_address(location):
        # Anybody who may record a result says where it lies: the server follows no such word.
        raise NotHere(f"This result lies at {location}; read it from there.", field="key")
    most = settings.result_download_bytes
    if record.size > most:
        raise TooLargeToHandOut(
            f"This result has {record.size:,} bytes; {most:,} is the most that is handed out.",
            field="key",
            hint=f"It is the file {location} in the server's NBFLOW_HOME.",
        )
    return result_files.checked(result_files.read(location), record)
