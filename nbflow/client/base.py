"""One request to an nbflow server's REST API: what every part of `HttpBackend` stands on.

A request that changes nothing when it is repeated is sent a second time when its connection breaks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from nbflow.client import problems
from nbflow.exceptions import Unreachable
from nbflow.model import editing, reading
from nbflow.model.wire import jsonable

Answer = TypeVar("Answer")

ROOT = "nbflow/api/"


class OverHttp:
    """A server that is asked.

    Args:
        url: the Jupyter server's base address, or its `…/nbflow/api/`.
        token: the server's token; empty when it asks for none.
        timeout: seconds an answer may take.
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 60.0) -> None:
        base = url.rstrip("/") + "/"
        self.url = base if base.endswith(ROOT) else base + ROOT
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"token {token}"
        self._client = httpx.Client(headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _get(
        self, shape: type[Answer], path: str, query: Mapping[str, Any] | None = None
    ) -> Answer:
        return reading.answer(shape, self._ask("GET", path, query=query or {}))

    def _post(self, shape: type[Answer], path: str, body: object) -> Answer:
        return reading.answer(shape, self._ask("POST", path, body=body))

    def _ask(
        self,
        verb: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, Any] | None = None,
        again: bool = True,
        expected: datetime | None = None,
        seconds: float | None = None,
    ) -> str:
        """Send a request and give the answer's text.

        `again`: a repetition changes nothing, so a broken connection is tried once more.
        `expected`: the version an edit was made from; then it is not repeated.
        `seconds`: how long the answer may take, where that is not as for all requests.
        """
        timeout = self._client.timeout if seconds is None else httpx.Timeout(seconds)
        request = self._client.build_request(
            verb, self.url + path, params=_query(query or {}), timeout=timeout, **_content(body)
        )
        if expected is not None:
            request.headers["If-Match"] = editing.etag(expected)
        response = self._send(request, again=again and expected is None)
        if not response.is_success:
            raise problems.error_of(response.status_code, response.text, url=self.url)
        return response.text

    def _send(self, request: httpx.Request, *, again: bool) -> httpx.Response:
        try:
            return self._client.send(request)
        except httpx.TransportError as error:
            if again and not isinstance(error, httpx.TimeoutException):
                return self._send(request, again=False)
            raise Unreachable(
                f"The nbflow server at {self.url} cannot be reached: {error}",
                hint="Is it running, and is NBFLOW_API_URL its address?",
            ) from error


def path_of(*parts: str) -> str:
    """Give a path of the API, each part quoted."""
    # A dot is let through by `quote`, and two of them would lead elsewhere.
    return "/".join(quote(part, safe="").replace(".", "%2E") for part in parts)


def _content(body: object) -> dict[str, Any]:
    if body is None:
        return {}
    text = json.dumps(jsonable(body), allow_nan=False, ensure_ascii=False)
    return {"content": text.encode(), "headers": {"Content-Type": "application/json"}}


def _query(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was said of a query; what is left out is left out."""
    return {name: jsonable(value) for name, value in values.items() if value not in (None, (), [])}
