"""`concurrency` and `rate_limit` for `async` code: awaited, so that the event loop goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nbflow.concurrency import asking
from nbflow.concurrency.claims import atake, to_the_end


@asynccontextmanager
async def concurrency(
    names: str | Sequence[str],
    occupy: int = 1,
    *,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float | None = None,
    strict: bool = False,
    raise_on_lease_renewal_failure: bool | None = None,
) -> AsyncIterator[None]:
    """Hold slots of concurrency limits while the code inside runs: see `sync.concurrency`."""
    asked = asking.for_slots(
        names, occupy, timeout_seconds, max_retries, lease_duration, strict=strict
    )
    try:
        asking.tell_missing(await atake(asked.claim, asked.steps))
        yield
        if strict if raise_on_lease_renewal_failure is None else raise_on_lease_renewal_failure:
            asking.check_kept(asked.claim)
    finally:
        await to_the_end(asked.claim.give_back)


async def rate_limit(
    names: str | Sequence[str],
    occupy: int = 1,
    *,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until every limit lets this pass: see `sync.rate_limit`."""
    asked = asking.for_slots(names, occupy, timeout_seconds, strict=strict, rate=True)
    try:
        asking.tell_missing(await atake(asked.claim, asked.steps))
    finally:
        await to_the_end(asked.claim.give_back)
