"""A TCP proxy in front of a server, whose line can be cut in five ways."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

Mode = Literal["pass", "drop", "stall", "reset", "half_open"]
_RST = struct.pack("ii", 1, 0)


class Proxy:
    """Passes bytes on between callers and a server.

    `mode`: `drop` hangs up, as a process that ends does; `reset` so that it is an error at once;
    `stall` holds all bytes back until the line is whole again; `half_open` lets the server hear
    and loses what it says. `losing` is the share of answers in whose place the line breaks.
    """

    def __init__(self, port: int, *, seed: int = 1) -> None:
        self._target = port
        self._mode: Mode = "pass"
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._lines: set[asyncio.StreamWriter] = set()
        self.losing = 0.0
        self.lost = 0
        self._unheard: tuple[bytes, Mode] | None = None
        self._doomed: dict[asyncio.StreamWriter, Mode] = {}
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self, mode: Mode) -> None:
        """Treat the line so from now on; `pass`: it is whole."""
        asyncio.run_coroutine_threadsafe(self._cut(mode), self._loop).result(10)

    def lose_the_answer(self, to: bytes, mode: Mode) -> None:
        """Break the line so, once, after a request that holds some bytes was passed on."""
        self._unheard = (to, mode)

    def waits_for_a_request(self) -> bool:
        """Say whether no such request has come."""
        return self._unheard is not None

    def close(self) -> None:
        """Hang up and serve nobody."""
        self.cut("drop")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._door.close()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._admit, sock=self._door))
        self._loop.run_forever()

    async def _cut(self, mode: Mode) -> None:
        self._mode = mode
        for line in tuple(self._lines) if mode in ("drop", "reset") else ():
            self._hang_up(line)
        self._changed.set()
        self._changed = asyncio.Event()

    def _hang_up(self, line: asyncio.StreamWriter, mode: Mode | None = None) -> None:
        if (mode or self._mode) != "reset":
            line.close()
            return
        line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        line.transport.abort()

    async def _admit(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if self._mode in ("drop", "reset"):
                self._hang_up(back)
                return
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
            self._lines |= {back, to_server}
            await asyncio.gather(
                self._pass_on(caller, to_server, back, answers=False),
                self._pass_on(server, back, to_server, answers=True),
                return_exceptions=True,
            )
            self._lines -= {back, to_server}

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        *,
        answers: bool,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                while self._mode == "stall":
                    await self._changed.wait()
                if answers and "half_open" in (self._mode, self._doomed.get(other)):
                    continue
                if answers and other in self._doomed:
                    self._hang_up(to, self._doomed.pop(other))
                    break
                if not answers and self._unheard and self._unheard[0] in data:
                    self._doomed[to] = self._unheard[1]
                    self._unheard = None
                if answers and self.losing and self._chance.random() < self.losing:
                    self.lost += 1
                    break
                to.write(data)
                await to.drain()
        to.close()
        other.close()
