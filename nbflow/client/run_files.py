"""`RunFiles` over HTTP: bytes as they are, in parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from nbflow.client import problems
from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.run_files import Export, Home, ResultFile, RunFile, Written


class HttpRunFiles(OverHttp):
    """The files of a server, whose disk this process may not see."""

    #: gives what only who shares the server's home folder finds, too; set by `connect`
    fingerprint: Callable[[], str] | None = None

    def shares_home(self) -> bool:
        """Say whether the server's home folder is this process's."""
        return self.fingerprint is not None and self._shares_home

    @cached_property
    def _shares_home(self) -> bool:
        assert self.fingerprint is not None
        return self.fingerprint() == self._get(Home, "home").fingerprint

    def list_run_files(self, flow_run_id: str) -> tuple[RunFile, ...]:
        """List the files of all attempts of a run."""
        return self._get(tuple[RunFile, ...], path_of("flow-runs", flow_run_id, "files"))

    def read_run_file(self, flow_run_id: str, attempt: int, name: str, *, offset: int) -> bytes:
        """Read at most `PART` bytes of a file from a place on."""
        path = path_of("flow-runs", flow_run_id, "files", str(attempt))
        return self._bytes("GET", path, {"name": name, "offset": offset})

    def write_run_file(
        self, flow_run_id: str, attempt: int, name: str, data: bytes, *, offset: int
    ) -> int:
        """Add a part to a file of a run's latest attempt; give its size then."""
        path = path_of("flow-runs", flow_run_id, "files", str(attempt))
        return self._put(path, {"name": name, "offset": offset}, data)

    def list_exports(self, flow_run_id: str) -> tuple[Export, ...]:
        """List the executed notebook and its exports by name."""
        return self._get(tuple[Export, ...], path_of("flow-runs", flow_run_id, "exports"))

    def read_export(self, flow_run_id: str, name: str) -> bytes:
        """Read the executed notebook or an export of it."""
        return self._bytes("GET", path_of("flow-runs", flow_run_id, "exports", name), {})

    def lacking_result_files(self, files: tuple[ResultFile, ...]) -> tuple[str, ...]:
        """Give the locations of those that the server does not have whole."""
        return self._post(tuple[str, ...], "results/files/lacking", {"files": files})

    def read_result_file(self, location: str, *, offset: int) -> bytes:
        """Read at most `PART` bytes of a result's file."""
        _, folder, name = location.split("/")
        return self._bytes("GET", path_of("results", "files", folder, name), {"offset": offset})

    def write_result_file(self, file: ResultFile, data: bytes, *, offset: int) -> int:
        """Add a part to a result's file, which appears when it is whole; give its size then."""
        _, folder, name = file.location.split("/")
        path = path_of("results", "files", folder, name)
        return self._put(path, {"offset": offset, "size": file.size}, data)

    def _put(self, path: str, query: Mapping[str, Any], data: bytes) -> int:
        return reading.answer(Written, self._bytes("PUT", path, query, data)).size

    def _bytes(
        self, verb: str, path: str, query: Mapping[str, Any], data: bytes | None = None
    ) -> bytes:
        headers = {} if data is None else {"Content-Type": "application/octet-stream"}
        request = self._client.build_request(
            verb, self.url + path, params=query, content=data, headers=headers
        )
        response = self._send(request, again=True)
        if not response.is_success:
            raise problems.error_of(response.status_code, response.text, url=self.url)
        return response.content
