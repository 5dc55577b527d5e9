"""The stream of events over a websocket. One that breaks is opened again where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

from nbflow.client import problems
from nbflow.exceptions import Forbidden, NbflowError, Unreachable
from nbflow.model import clock, reading
from nbflow.model.event_log import MOST_BACKFILL, EventsWanted
from nbflow.model.event_views import EventView, Views
from nbflow.model.wire import jsonable

#: seconds to connect; between two signs of life
_CONNECT_SECONDS, _PING_SECONDS = 30.0, 20.0
#: from how long ago on events are asked for again: the server's clock may be ahead of this one
_LONGEST = MOST_BACKFILL - timedelta(seconds=30)
#: why a server closes: what was asked is nothing it knows; no more is allowed; too slow, too much
_FORBIDDEN, _TOO_SLOW = 4403, 4408


def follow(url: str, authorization: str | None, wanted: EventsWanted) -> Iterator[EventView]:
    """Give what a server tells, each event once, also where a connection broke amid a message.

    Raises Forbidden; Unreachable when it cannot be reached again.
    """
    heard: set[str] = set()  # of the messages whose end has not come
    while True:
        with closing(_opened(url, authorization)) as socket:
            socket.send(json.dumps(jsonable(wanted)))
            began = False
            for told in _messages(socket, url):
                yield from (view for view in told.views if view.id not in heard)
                if told.seq and began:
                    wanted = replace(wanted, after=told.seq, since=None)
                    heard.clear()
                elif began:
                    heard.update(view.id for view in told.views)
                else:  # from where on; what was before it is still to come
                    began, wanted = True, replace(wanted, after=told.seq)
        if wanted.since is not None:
            wanted = replace(wanted, since=max(wanted.since, clock.now() - _LONGEST))


def _opened(url: str, authorization: str | None) -> Any:
    import websocket  # it is not needed to import nbflow

    header = {"Authorization": authorization} if authorization else {}
    address = url.replace("http", "ws", 1)
    try:
        return websocket.create_connection(
            address, timeout=_CONNECT_SECONDS, header=header, suppress_origin=True
        )
    except websocket.WebSocketBadStatusException as error:
        body = (error.resp_body or b"").decode(errors="replace")
        raise problems.error_of(error.status_code, body, url=url) from None
    except (websocket.WebSocketException, OSError) as error:
        raise _unreachable(url, error) from error


def _messages(socket: Any, url: str) -> Iterator[Views]:
    """Give the messages until the connection breaks. Raises what the server closes it for."""
    import websocket

    socket.settimeout(_PING_SECONDS)
    silent = False
    while True:
        try:
            kind, content = socket.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            if silent:
                return
            silent = True
            socket.ping()
            continue
        except (websocket.WebSocketException, OSError):
            return
        silent = False
        if kind == websocket.ABNF.OPCODE_CLOSE:
            _look_why(content, url)
            return
        if kind == websocket.ABNF.OPCODE_TEXT:
            yield reading.answer(Views, content)


def _look_why(content: bytes, url: str) -> None:
    code, reason = int.from_bytes(content[:2], "big"), content[2:].decode(errors="replace")
    if code == _FORBIDDEN:
        raise Forbidden("You may not read events any more.")
    if 4400 <= code < 4500 and code != _TOO_SLOW:
        raise NbflowError(f"The server at {url} closed the stream ({code}): {reason}")


def _unreachable(url: str, error: Exception) -> Unreachable:
    return Unreachable(
        f"The nbflow server at {url} cannot be reached: {error}",
        hint="Is it running, and is NBFLOW_API_URL its address?",
    )
