"""Whether a failed run is tried again, and when: one policy for tasks and flows.

Task runs are judged by their own process, which asks the policy. Flow runs are judged by the
authority (`rules.flow.retry_failures`): the process tells it, in the failure's details, what only
it can know — the delay it drew, and whether the user's condition holds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: in a FAILED state's details: seconds before the next try, drawn by the process
DELAY = "retry_delay"
#: and False where there must be none, whatever tries are left
RETRIABLE = "retriable"

#: not the shared generator: a retry must not move a user's seeded numbers
_random = random.SystemRandom()

Condition = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed run is tried again, and how long after.

    Attributes:
        retries: extra tries.
        delays: seconds before each of them; the last one repeats.
        jitter: each delay is drawn between (1 - jitter) and (1 + jitter) of its value.
        condition: `condition(task, run, state)`, sync or async; a false answer ends the tries.
    """

    retries: int = 0
    delays: tuple[float, ...] = (0.0,)
    jitter: float = 0.0
    condition: Condition | None = None

    def left(self, attempt: int) -> bool:
        """Say whether a run that failed in its nth attempt has one more."""
        return attempt <= self.retries

    def delay(self, attempt: int) -> float:
        """Give the seconds between the nth attempt, from 1, and the next."""
        if not self.delays:
            return 0.0
        seconds = self.delays[min(attempt, len(self.delays)) - 1]
        return drawn(seconds, self.jitter) if self.jitter and seconds else seconds

    def is_plain(self) -> bool:
        """Say whether the first delay and the number of tries are all there is to it."""
        return len(self.delays) <= 1 and not self.jitter and self.condition is None


#: a failure is final
NEVER = RetryPolicy()


def drawn(seconds: float, jitter: float) -> float:
    """Draw a delay around its value: runs that failed together do not come back together.

    The arrivals of a Poisson process (exponential), cut off at (1 ± jitter) times the value, as
    Prefect draws them.
    """
    low, high = max(1.0 - jitter, 0.0), 1.0 + jitter
    share = _random.uniform(1 - math.exp(-low), 1 - math.exp(-high))
    return -math.log(1 - share) * seconds


def backoff(factor: float) -> Callable[[int], list[float]]:
    """Give a function of the number of retries that lists factor·2⁰, factor·2¹, …"""

    def delays(retries: int) -> list[float]:
        return [factor * 2**number for number in range(retries)]

    return delays
