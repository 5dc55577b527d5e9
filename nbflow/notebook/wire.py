"""A kernel's two sockets that a run uses, and what comes through them, taken as it comes.

Everything that waits is taken in one go, on the event loop's thread, without a task or a future per
message: half of what a cell costs would be these. The kernel drops what a slow reader has no room
for, so the reader's queue has no end here; instead what is thrown away is not even unpacked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import zmq
from jupyter_client.client import KernelClient

#: messages taken before the event loop may do something else
_AT_ONCE = 100

Frames = list[bytes]


class Wire:
    """The sockets of one kernel, used on one event loop.

    Args:
        connection: the kernel's connection file, as a dict (`get_connection_info`).
        on_reply: given the frames of each message on the shell channel.
        on_news: given those of each message on iopub.
        on_broken: called once, with what raised: nothing more will be heard.

    Attributes:
        session: signs what is sent, and verifies.
        hung_up: done when the kernel has closed its channels.
    """

    def __init__(
        self,
        connection: Any,
        *,
        on_reply: Callable[[Frames], None],
        on_news: Callable[[Frames], None],
        on_broken: Callable[[Exception], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.hung_up: asyncio.Future[None] = self._loop.create_future()
        client = KernelClient(context=zmq.Context.instance())
        client.load_connection_info(connection)
        self.session = client.session
        self._shell = client.connect_shell(identity=self.session.bsession)
        self._iopub = client.connect_iopub()
        self._iopub.rcvhwm = 0
        self._monitor = self._iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._on_broken = on_broken
        self._takes = ((self._shell, on_reply), (self._iopub, on_news))
        for socket, take in self._takes:
            self._loop.add_reader(_descriptor(socket), self._drain, socket, take)
        self._loop.add_reader(_descriptor(self._monitor), self._see_monitor)

    @property
    def shell_channel(self) -> Wire:
        """Give what has a `send`: nbclient's widgets look for it under this name."""
        return self

    def send(self, message: dict[str, Any]) -> None:
        """Send a message of `session.msg` on the shell channel."""
        self._shell.send_multipart(self.session.serialize(message))
        # sending may swallow the one signal that something has come
        self._loop.call_soon(self._drain, *self._takes[0])

    def close(self) -> None:
        """Close the sockets; what was not sent yet is still sent, for a second."""
        for socket in (self._shell, self._iopub, self._monitor):
            if not socket.closed:
                self._loop.remove_reader(_descriptor(socket))
        self._iopub.disable_monitor()
        self._shell.close()
        self._iopub.close()

    def _drain(self, socket: Any, take: Callable[[Frames], None]) -> None:
        """Take what has come; the signal comes once, so nothing is left without another look."""
        try:
            for _ in range(_AT_ONCE):
                if socket.closed:
                    return
                take(socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return
        except Exception as error:
            self._loop.remove_reader(_descriptor(socket))
            self._on_broken(error)
            return
        self._loop.call_soon(self._drain, socket, take)

    def _see_monitor(self) -> None:
        try:
            self._monitor.recv_multipart(zmq.NOBLOCK)
        except zmq.ZMQError:
            return
        if not self.hung_up.done():
            self.hung_up.set_result(None)


def _descriptor(socket: Any) -> int:
    return socket.fd
