"""What every handler stands on: who may ask, the body and the query read, the answer or the error.

A handler parses, calls, answers, and has no `try`: `nbflow.exceptions` know their status, and the
one place where they become an answer is `Problems`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from jupyter_server.auth import Authorizer, IdentityProvider
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from nbflow.exceptions import InvalidInput, NbflowError, Stale
from nbflow.model import clock, editing, reading
from nbflow.model.wire import jsonable
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow_jupyter import body, tokens

if TYPE_CHECKING:
    from nbflow_jupyter.running import Running

Shape = TypeVar("Shape")
Value = TypeVar("Value")

#: query names that are Jupyter's own; a number alone is JupyterLab's way around a cache
_NOT_OURS = re.compile(r"token|_xsrf|no_track_activity|\d+")
#: an ETag of ours: the version, then what tells equal contents from others
_VERSION = re.compile(r'"(\d{1,17})(?:-[0-9a-f]+)?"')
_COUNT = re.compile(r"-?\d{1,19}")
_FLAGS: dict[str, Any] = {"true": True, "false": False, "1": True, "0": False}

_CODES = {
    400: ("request.malformed", "The request is malformed."),
    403: ("forbidden", "You are not allowed to do that."),
    404: ("not_found", "There is nothing here."),
    405: ("method.not_allowed", "This route does not take that verb."),
    426: ("websocket.required", "This route speaks WebSocket only."),
}


class Problems(web.RequestHandler):
    """Errors as `{code, message, field?, hint?}`: never HTML, never a traceback.

    Nobody unknown gets further, not even to learn which verbs a route takes.
    """

    async def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Refuse who is not known."""
        await super().prepare(*args, **kwargs)  # pyright: ignore[reportGeneralTypeIssues]
        if self.request.method != "OPTIONS" and not self.current_user:
            raise web.HTTPError(403)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with what went wrong."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if isinstance(error, NbflowError):
            self.set_status(error.status)
            problem = error.problem()
        else:
            problem = _http_problem(status_code, error)
        if isinstance(error, Stale):
            self.set_header("Etag", editing.etag(error.updated_at))
            problem["current"] = jsonable(error.current)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.verbs()))
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(problem))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what nobody expected; an answer that says what is wrong needs no log line."""
        if not isinstance(value, NbflowError) or value.status == 500:
            super().log_exception(typ, value, tb)

    @classmethod
    def verbs(cls) -> list[str]:
        """List the verbs this route takes."""
        unused = web.RequestHandler._unimplemented_method
        return [verb for verb in cls.SUPPORTED_METHODS if getattr(cls, verb.lower()) is not unused]


def _http_problem(status: int, error: object) -> dict[str, Any]:
    if status >= 500:
        message = "nbflow met an error it did not expect."
        return {"code": "internal", "message": message, "hint": "The server's log has it."}
    code, message = _CODES.get(status, ("request", "The request cannot be answered."))
    if isinstance(error, web.HTTPError) and error.log_message:
        message = error.log_message % error.args
    return {"code": code, "message": message}


@web.stream_request_body
class ApiHandler(Problems, ExtensionHandlerMixin, APIHandler):  # pyright: ignore[reportIncompatibleVariableOverride]
    """One route of nbflow's REST API. Its verbs are decorated with literals, each by itself."""

    #: of the one editable noun that is answered
    version: datetime | None = None
    #: bytes of a body; more is refused before it is read
    largest_body = body.LARGEST
    #: keys of a body, counted at every depth; 0: any number
    most_keys = body.MOST_KEYS
    _door: tokens.Door | None = None

    async def prepare(self) -> None:
        """Refuse what is too large, and everything while there is no store."""
        self._chunks: list[bytes] = []
        self._received = 0
        self._door = await tokens.admit(self)
        await super().prepare()
        if self.request.method == "OPTIONS":
            return
        announced = self.request.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced[:19]) > self.largest_body:
            raise self._too_large()
        await self.running.ready()

    def data_received(self, chunk: bytes) -> None:
        """Take in a part of the body, as far as it may go."""
        self._received += len(chunk)
        if self._received <= self.largest_body:
            self._chunks.append(chunk)

    # -- who asks -----------------------------------------------------------------------------
    @property
    def identity_provider(self) -> IdentityProvider:
        """Who says who asks: the server's provider, or the token that was presented."""
        return super().identity_provider if self._door is None else self._door.identity

    @property
    def authorizer(self) -> Authorizer:
        """Who says what may be done: the server's authorizer; of a token the door has said it."""
        return super().authorizer if self._door is None else self._door.authorizer

    @property
    def token_id(self) -> str | None:
        """Give the token that was presented; None: a user of the server asks."""
        return None if self._door is None else self._door.token.id

    # -- what is behind -----------------------------------------------------------------------
    @property
    def running(self) -> Running:
        """What runs behind this server."""
        return self.settings["nbflow_running"]

    @property
    def backend(self) -> Orchestrator:
        """The authority."""
        return self.running.orchestrator

    # -- what is asked ------------------------------------------------------------------------
    def body(self, shape: type[Shape]) -> Shape:
        """Read the body. Raises MalformedRequest, InvalidInput."""
        if self._received > self.largest_body:
            raise self._too_large()
        body.check_media_type(self.request.headers.get("Content-Type"))
        asked = reading.request(shape, self._text())
        if self._door is not None:
            self._door.check_body(asked)
        return asked

    def _text(self) -> str:
        return body.text_of(b"".join(self._chunks), most_keys=self.most_keys)

    def query(self, shape: type[Shape]) -> Shape:
        """Read the query. Raises InvalidInput."""
        given = {
            name: self.get_query_arguments(name, strip=False)
            for name in self.request.query_arguments
            if not _NOT_OURS.fullmatch(name)
        }
        types = get_type_hints(shape)
        values = {name: _value(name, texts, types.get(name)) for name, texts in given.items()}
        return reading.request(shape, json.dumps(values))

    def idempotency_key(self) -> str | None:
        """Give the Idempotency-Key header. Raises InvalidInput."""
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not 1 <= len(key.strip()) <= 255:
            raise InvalidInput(
                "The Idempotency-Key is empty or too long.",
                code="idempotency.invalid",
                field="Idempotency-Key",
                hint="Send 1 to 255 characters, a UUID for example.",
            )
        return key

    def expected(self) -> datetime | None:
        """Give the version an edit was made from (If-Match); None: any. Raises nothing.

        What is no version of ours matches none: the edit is then refused with the current one.
        """
        said = self.request.headers.get("If-Match")
        if said is None or said.strip() == "*":
            return None
        found = _VERSION.fullmatch(said.strip())
        return clock.instant(int(found.group(1)) if found else 0)

    def _too_large(self) -> body.TooLarge:
        return body.TooLarge(f"The body is larger than {self.largest_body:,} bytes.")

    # -- what is answered ---------------------------------------------------------------------
    async def off_loop(self, call: Callable[..., Value], *args: Any, **kwargs: Any) -> Value:
        """Call what may wait for the disk in a thread, so that kernels' messages go on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.running.threads, partial(call, *args, **kwargs))

    async def answer(
        self, call: Callable[..., Any], *args: Any, status: int = 200, **kwargs: Any
    ) -> None:
        """Answer with what a call gives, made JSON in the same thread."""
        version, text = await self.off_loop(lambda: _told(call(*args, **kwargs)))
        self.version = version
        if version is not None and self.request.method != "GET":
            self.set_header("Etag", editing.etag(version))
        self.set_status(status)
        self.finish(text)

    def compute_etag(self) -> str | None:
        """Give the answer's ETag: the version first, where it has one, for the next edit.

        What is not edited (a deployment's next instants, a limit's slots) changes, too: so the
        content's digest follows, and `If-None-Match` means the whole answer.
        """
        plain = super().compute_etag()
        if plain is None or self.version is None:
            return plain
        return f'{editing.etag(self.version)[:-1]}-{plain.strip(chr(34))}"'

    async def done(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call, and answer 204: there is nothing to say."""
        await self.off_loop(call, *args, **kwargs)
        self.set_status(204)
        self.finish()


def _told(value: Any) -> tuple[datetime | None, str]:
    """Give an answer's version, where it is one editable noun, and its JSON."""
    return getattr(value, "updated_at", None), dumps(value)


def dumps(value: Any) -> str:
    """Write a model value as JSON text."""
    return json.dumps(jsonable(value), ensure_ascii=False, separators=(",", ":"))


def _value(name: str, texts: list[str], shape: Any) -> Any:
    """Give a query's texts as the field's type; what does not fit stays text, to be refused."""
    if "tuple" in str(shape):
        return texts
    if len(texts) > 1:
        raise InvalidInput(f"{name} is given twice.", code="query.repeated", field=name)
    text = texts[0]
    if shape is int and _COUNT.fullmatch(text):
        return int(text)
    return _FLAGS.get(text, text) if shape is bool else text
