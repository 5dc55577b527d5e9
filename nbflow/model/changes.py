"""What the port answers about commits: changes since a number, and what was recorded.

Apart from `backend`, which loads every noun: a run needs these two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nbflow.exceptions import InvalidInput
from nbflow.model.events import Event

#: seconds one question for changes waits at most
LONGEST_WAIT = 50.0


@dataclass(frozen=True)
class Changes:
    """Events after a sequence number. `complete` is False when older ones were pruned: reload."""

    events: tuple[Event, ...]
    seq: int
    complete: bool = True


@dataclass(frozen=True)
class Recorded:
    """The answer to `record`: which of the batch's flow runs were asked to stop, or are paused.

    Attributes:
        tag_limits: the names of active limits on tags; None: nothing is said of them.
        lacking: artifacts not recorded, because their content is not there; send it, then them.
    """

    cancel: tuple[str, ...] = field(default=())
    lacking: tuple[str, ...] = field(default=())
    paused: tuple[str, ...] = field(default=())
    tag_limits: tuple[str, ...] | None = None


def check_wait(seconds: float) -> None:
    """Refuse to wait for longer than connections last. Raises InvalidInput."""
    if not 0.0 <= seconds <= LONGEST_WAIT:
        raise InvalidInput(
            f"wait is {seconds:g}; it must be 0 to {LONGEST_WAIT:g} seconds.",
            code="wait.range",
            field="wait",
            hint="Ask again from the same place on.",
        )
