"""Concurrency and rate limits: at most so many at once, or so many each second, over all processes.

    with concurrency("database", occupy=1):
        ...
    rate_limit("an-api")

Limits are made with `nbflow concurrency-limit create`. Slots are leases: a process that dies gives
its slots back by dying. `sync` and `asyncio` hold the two spellings, `claims` a request's life,
`room` what a process knows of its requests.
"""

from __future__ import annotations

from nbflow.concurrency.asyncio import concurrency as aconcurrency
from nbflow.concurrency.asyncio import rate_limit as arate_limit
from nbflow.concurrency.sync import concurrency, rate_limit

__all__ = ["aconcurrency", "arate_limit", "concurrency", "rate_limit"]
