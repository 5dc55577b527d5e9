"""How often one user may ask: a bucket of tokens each, in memory of one server, off unless set."""

from __future__ import annotations

from collections import OrderedDict

from nbflow import settings
from nbflow.exceptions import NbflowError
from nbflow.model import clock

#: users remembered; who asked longest ago is forgotten, and so has a full bucket again
_MOST_USERS = 1000


class TooMany(NbflowError):
    """Too many requests in a short time.

    Attributes:
        retry_after: seconds until the next one is answered.
    """

    status = 429
    code = "rate.limited"
    retry_after = 1.0


class Rates:
    """The buckets of a server's users."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, user: str) -> None:
        """Count a request. Raises TooMany."""
        each_second = settings.rate_limit_per_second
        if not each_second:
            return
        now, burst = clock.monotonic(), max(settings.rate_limit_burst, 1)
        left, at = self._buckets.get(user, (float(burst), now))
        left = min(left + (now - at) * each_second, burst)
        self._buckets[user] = (max(left - 1, 0.0) if left >= 1 else left, now)
        self._buckets.move_to_end(user)
        if len(self._buckets) > _MOST_USERS:
            self._buckets.popitem(last=False)
        if left < 1:
            error = TooMany(hint=f"More than {each_second:g} each second are not answered.")
            error.retry_after = (1 - left) / each_second
            raise error
