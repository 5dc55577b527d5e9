"""Task runners whose tasks run in other processes: what the engine asks of them.

The task's life (states, retries, caching) stays on a thread of this process; only the call of its
function goes elsewhere, as bytes that the engine makes and reads. What is in them, no runner knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

#: what is called there: an importable function
Entry = Callable[[bytes], bytes]

#: how long a call that was interrupted may take to end before its process is killed
GRACE_SECONDS = 2.0


class Elsewhere(Protocol):
    """A task runner that makes calls in other processes.

    Attributes:
        luggage: what every call takes along, made once by the engine; None until then.
    """

    luggage: bytes | None

    def call(
        self, entry: Entry, parcel: bytes, *, what: str, timeout: float | None
    ) -> bytes | memoryview:
        """Call `entry(parcel)` in another process; give what it returned.

        Raises WorkerLost (its process died), CallStopped (this runner was told to stop),
        TimeoutError (it took longer than `timeout` seconds, and was ended).
        """
        ...


# Not Exceptions: they say what became of a call's process, and are never mistaken for something
# the called function raised.
class WorkerLost(BaseException):
    """The process that made a call died before it answered."""


class CallStopped(BaseException):
    """A call was ended, because its flow run had ended or was told to stop."""
