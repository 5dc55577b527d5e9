"""What the clocks say between two looks: that the machine slept, or that its wall clock was set.

The scheduler and the reaper look each time they wake; what follows from a gap is theirs to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nbflow.model import clock

#: less than this is how clocks are kept right
_NOTEWORTHY = 2.0


@dataclass(frozen=True)
class Gap:
    """What happened since the last look, in seconds.

    Attributes:
        passed: by the clock that never jumps, which stands still while the machine sleeps.
        moved: how much further the wall clock went (it was set, or the machine slept); negative: it
            was set back.
        slept: how much of that the machine slept, where the system tells.
    """

    passed: float = 0.0
    moved: float = 0.0
    slept: float = 0.0

    def away(self, longest: float) -> bool:
        """Say whether nobody can have looked after anything for longer than that.

        The machine slept, its clock was set forward, or this process was stopped meanwhile.
        """
        return max(self.passed, self.moved) > longest

    def said(self) -> str | None:
        """Say what happened, if it is worth a word."""
        if self.slept > _NOTEWORTHY:
            return f"The machine slept for {self.slept:.0f} s."
        if abs(self.moved) > _NOTEWORTHY:
            way = "forward" if self.moved > 0 else "back"
            return f"The system clock was set {way} by {abs(self.moved):.0f} s."
        return None


class Clocks:
    """The clocks as they were at the last look."""

    def __init__(self) -> None:
        self._wall: datetime | None = None
        self._steady = clock.monotonic()
        self._asleep = clock.asleep()

    def look(self, now: datetime) -> Gap:
        """Give what happened since the last look; nothing at the first."""
        steady, asleep, wall = clock.monotonic(), clock.asleep(), self._wall
        passed, slept = steady - self._steady, asleep - self._asleep
        self._wall, self._steady, self._asleep = now, steady, asleep
        if wall is None:
            return Gap()
        return Gap(passed, (now - wall).total_seconds() - passed, slept)
