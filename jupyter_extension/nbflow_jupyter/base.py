"""What every handler stands on: who may ask, the body and the query read, the answer or the error.

A handler parses, calls, answers, and has no `try`: `nbflow.exceptions` know their status, and the
one place where they become an answer is `Problems`.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

from jupyter_server.auth import Authorizer, IdentityProvider
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import ensure_async
from tornado import web

from nbflow import settings
from nbflow.exceptions import InvalidInput, NbflowError, Stale, StoreBusy, TransitionRefused
from nbflow.model import clock, editing, ids, reading
from nbflow.model.wire import JsonText, jsonable
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow_jupyter import body, programs, tokens
from nbflow_jupyter.queries import PageQuery
from nbflow_jupyter.rates import TooMany

if TYPE_CHECKING:
    from nbflow_jupyter.once import Once
    from nbflow_jupyter.running import Running

Shape = TypeVar("Shape")
Value = TypeVar("Value")

#: query names that are Jupyter's own; a number alone is JupyterLab's way around a cache
_NOT_OURS = re.compile(r"token|_xsrf|no_track_activity|\d+")
#: an ETag of ours: the version, then what tells equal contents from others
_VERSION = re.compile(r'"(\d{1,17})(?:-[0-9a-f]+)?"')
#: bytes a second that are not too slow
_SLOWEST = 10_000
#: how often a name of a query may be repeated
_MOST_TERMS = 200
_COUNT = re.compile(r"-?\d{1,19}")
_NUMBER = re.compile(r"-?\d{1,19}(\.\d{1,19})?")
_FLAGS: dict[str, Any] = {"true": True, "false": False, "1": True, "0": False}

_CODES = {
    400: ("request.malformed", "The request is malformed."),
    403: ("forbidden", "You are not allowed to do that."),
    404: ("not_found", "There is nothing here."),
    405: ("method.not_allowed", "This route does not take that verb."),
    408: ("body.too_slow", "The body did not arrive in time."),
    426: ("websocket.required", "This route speaks WebSocket only."),
}


class Problems(web.RequestHandler):
    """Errors as `{code, message, field?, hint?}`: never HTML, never a traceback.

    Nobody unknown gets further, not even to learn which verbs a route takes.
    """

    #: under which the server's log tells of an error nobody expected
    reference = ""

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
            problem = _http_problem(status_code, error, self.reference)
        if isinstance(error, Stale):
            self.set_header("Etag", editing.etag(error.updated_at))
            problem["current"] = jsonable(error.current)
        if isinstance(error, TransitionRefused):
            problem["verdict"] = jsonable(error.verdict)
        if isinstance(error, TooMany):
            self.set_header("Retry-After", str(math.ceil(error.retry_after)))
        elif isinstance(error, StoreBusy):
            self.set_header("Retry-After", "1")
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.verbs()))
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(problem))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what nobody expected; an answer that says what is wrong needs no log line."""
        if isinstance(value, NbflowError) and value.status != 500:
            return
        if not isinstance(value, web.HTTPError):
            self.reference = ids.uuid7()
            cast("Any", self).log.error(
                "nbflow met an error it did not expect: reference %s", self.reference
            )
        super().log_exception(typ, value, tb)

    def set_default_headers(self) -> None:
        """Let nobody between keep an answer: it is for who asked, and soon old."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    @classmethod
    def verbs(cls) -> list[str]:
        """List the verbs this route takes."""
        unused = web.RequestHandler._unimplemented_method
        return [verb for verb in cls.SUPPORTED_METHODS if getattr(cls, verb.lower()) is not unused]


def _http_problem(status: int, error: object, reference: str) -> dict[str, Any]:
    if status >= 500:
        message = "nbflow met an error it did not expect."
        hint = f"The server's log has it, under {reference}." if reference else "See its log."
        return {"code": "internal", "message": message, "hint": hint}
    code, message = _CODES.get(status, ("request", "The request cannot be answered."))
    if isinstance(error, web.HTTPError) and error.log_message:
        message = error.log_message % error.args
    return {"code": code, "message": message}


@web.stream_request_body
class ApiHandler(Problems, ExtensionHandlerMixin, APIHandler):  # pyright: ignore[reportIncompatibleVariableOverride]
    """One route of nbflow's REST API. Its verbs are decorated with literals, each by itself."""

    #: the request, when it came with an Idempotency-Key and is the first one
    once: Once | None = None
    #: of the one editable noun that is answered
    version: datetime | None = None
    #: bytes of a body; more is refused before it is read. 0: the setting `request_bytes`
    largest_body: int = 0
    #: whether a body has at most `request_keys` keys
    counts_keys = True
    _door: tokens.Door | None = None
    _timer: asyncio.TimerHandle | None = None
    _began = 0.0

    async def prepare(self) -> None:
        """Refuse what is too large, and everything while there is no store."""
        self._chunks: list[bytes] = []
        self._received = 0
        self._door = await tokens.admit(self)
        programs.recognise(self)
        await super().prepare()
        if self.request.method == "OPTIONS":
            return
        self.running.rates.check(self._who())
        announced = self.request.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced[:19]) > self._largest():
            raise self._too_large()
        await self.running.ready()
        if announced != "0" and self.request.method not in ("GET", "HEAD"):
            self._began = clock.monotonic()
            self._look_whether_slow(settings.request_seconds)

    def data_received(self, chunk: bytes) -> None:
        """Take in a part of the body, as far as it may go; beyond that, answer at once."""
        self._received += len(chunk)
        if self._received <= self._largest():
            self._chunks.append(chunk)
        elif not self._finished:
            self._refuse(self._too_large())

    def _look_whether_slow(self, seconds: float) -> None:
        """Have the body looked for after some time: who sends a byte a second holds no memory."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._check_pace)

    def _check_pace(self) -> None:
        if self._finished or self._body_is_here():
            return
        allowed = settings.request_seconds + self._received / _SLOWEST
        left = allowed - (clock.monotonic() - self._began)
        if left > 0:
            self._look_whether_slow(left)
        else:
            self._refuse(body.TooSlow())

    def _body_is_here(self) -> bool:
        return self.request._body_future.done()

    def _refuse(self, error: NbflowError) -> None:
        """Answer before the body is read; what still comes of it is not."""
        self.send_error(error.status, exc_info=(type(error), error, None))

    def on_finish(self) -> None:
        """Look for nothing any more."""
        super().on_finish()
        if self._timer is not None:
            self._timer.cancel()

    def _largest(self) -> int:
        return self.largest_body or settings.request_bytes

    def _who(self) -> str:
        """Name who asks, for counting; the server's own token has no user who stays the same."""
        token = self.token_id or self.token_authenticated
        return str(token) if token else self.current_user.username

    @allow_unauthenticated
    def options(self, *args: str) -> None:
        """Say which verbs this route takes, to those who are known."""
        super().options(*args)
        if getattr(self, "_jupyter_current_user", None):
            self.set_header("Allow", ", ".join(self.verbs()))
        self.set_status(204)
        self.finish()

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

    async def may(self, action: str, resource: str) -> bool:
        """Say whether who asks may do something."""
        allowed = self.authorizer.is_authorized(self, self.current_user, action, resource)
        return await ensure_async(allowed)

    async def must(self, action: str, resource: str) -> None:
        """Refuse who may not do something beyond what its route asks for."""
        if not await self.may(action, resource):
            raise web.HTTPError(403)

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
        content = self.raw_body()
        body.check_media_type(self.request.headers)
        asked = reading.request(shape, body.text_of(content, most_keys=self._most_keys()))
        if self._door is not None:
            self._door.check_body(asked)
        return asked

    def raw_body(self) -> bytes:
        """Give the body as it came. Raises TooLarge."""
        if self._received > self._largest():
            raise self._too_large()
        return b"".join(self._chunks)

    def _most_keys(self) -> int:
        return settings.request_keys if self.counts_keys else 0

    def query(self, shape: type[Shape]) -> Shape:
        """Read the query. Raises InvalidInput."""
        given = {
            name: self.get_query_arguments(name, strip=False)
            for name in self.request.query_arguments
            if not _NOT_OURS.fullmatch(name)
        }
        types = _types(shape)
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
        return body.TooLarge(f"The body is larger than {self._largest():,} bytes.")

    # -- what is answered ---------------------------------------------------------------------
    async def off_loop(self, call: Callable[..., Value], *args: Any, **kwargs: Any) -> Value:
        """Call what may wait for the disk in a thread, so that kernels' messages go on."""
        work = partial(call, *args, **kwargs)
        if self.once is not None:
            work = partial(self.once.around, work)
        reads = self.request.method in ("GET", "HEAD")
        threads = self.running.readers if reads else self.running.writers
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    async def answer(
        self, call: Callable[..., Any], *args: Any, status: int = 200, **kwargs: Any
    ) -> None:
        """Answer with what a call gives, made JSON in the same thread."""
        work = partial(call, *args, **kwargs)
        version, text = await self.off_loop(_told, work, self.once, status)
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

    async def answer_page(self, call: Callable[..., Any], *args: Any) -> None:
        """Answer with the page of a list that is asked for."""
        asked = self.query(PageQuery)
        await self.answer(call, *args, limit=asked.limit, cursor=asked.cursor)

    async def done(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call, and answer 204: there is nothing to say."""
        work = partial(call, *args, **kwargs)
        await self.off_loop(_told, work, self.once, 204)
        self.set_status(204)
        self.finish()


def _told(work: Callable[[], Any], once: Once | None, status: int) -> tuple[datetime | None, str]:
    """Do the work; give its answer's version, where it is one editable noun, and its JSON."""
    value = work()
    text = "" if status == 204 else dumps(value)
    if once is not None:
        once.keep(status, text)
    return getattr(value, "updated_at", None), text


def dumps(value: Any) -> str:
    """Write a model value as JSON text."""
    if isinstance(value, JsonText):
        return value
    return json.dumps(jsonable(value), ensure_ascii=False, separators=(",", ":"))


def _check_count(name: str, texts: list[str]) -> None:
    if len(texts) > _MOST_TERMS:
        raise InvalidInput(
            f"{name} is given {len(texts)} times; {_MOST_TERMS} is the most.",
            code="query.too_many",
            field=name,
        )


@cache
def _types(shape: type[Any]) -> Mapping[str, Any]:
    """Give the types of a shape's fields: their texts are evaluated once."""
    return get_type_hints(shape)


def _value(name: str, texts: list[str], shape: Any) -> Any:
    """Give a query's texts as the field's type; what does not fit stays text, to be refused."""
    if "tuple" in str(shape):
        _check_count(name, texts)
        return texts
    if len(texts) > 1:
        raise InvalidInput(f"{name} is given twice.", code="query.repeated", field=name)
    text = texts[0]
    if shape is int and _COUNT.fullmatch(text):
        return int(text)
    if shape is float and _NUMBER.fullmatch(text):
        return float(text)
    return _FLAGS.get(text, text) if shape in (bool, bool | None) else text
