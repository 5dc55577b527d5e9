"""`concurrency` and `rate_limit` for plain code. Inside `async` code use their awaited twins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nbflow.concurrency import asking
from nbflow.concurrency.claims import take


@contextmanager
def concurrency(
    names: str | Sequence[str],
    occupy: int = 1,
    *,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float | None = None,
    strict: bool = False,
    raise_on_lease_renewal_failure: bool | None = None,
) -> Iterator[None]:
    """Hold slots of concurrency limits while the code inside runs.

    Waits until every limit has room, in the order of arrival, and takes the slots of all together,
    so that several names, in whatever order, lock nobody out. The slots go back at the end of the
    block, and when the process dies. A block inside this one needs slots of its own.

    Args:
        names: one limit, or several. One that does not exist does not count, with a warning.
        occupy: slots of each.
        timeout_seconds: how long to wait; for ever when left out.
        max_retries: how often to look again, four times a second; for ever when left out.
        lease_duration: seconds the slots stay taken after the process was last heard of, where it
            cannot be seen; `NBFLOW_LEASE_SECONDS` when left out.
        strict: a limit that does not exist is an error.
        raise_on_lease_renewal_failure: raise at the end of the block when the slots were lost
            meanwhile (the limit was reset, say); as `strict` when left out. Else a warning.

    Raises AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError (a limit of 0, more
    slots than there are, no such limit), InvalidInput.
    """
    asked = asking.for_slots(
        names, occupy, timeout_seconds, max_retries, lease_duration, strict=strict
    )
    try:
        asking.tell_missing(take(asked.claim, asked.steps))
        yield
        if strict if raise_on_lease_renewal_failure is None else raise_on_lease_renewal_failure:
            asking.check_kept(asked.claim)
    finally:
        asked.claim.give_back()


def rate_limit(
    names: str | Sequence[str],
    occupy: int = 1,
    *,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until every limit lets this pass: `limit` at once, then `slot_decay_per_second`.

    Args:
        names: one limit, or several, each with a slot decay.
        occupy: slots of each; they come back by decay, never by this process.
        timeout_seconds: how long to wait; for ever when left out.
        strict: a limit that does not exist is an error; else it does not count, with a warning.

    Raises AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError (no slot decay, a
    limit of 0, more slots than there are, no such limit), InvalidInput.
    """
    asked = asking.for_slots(names, occupy, timeout_seconds, strict=strict, rate=True)
    try:
        asking.tell_missing(take(asked.claim, asked.steps))
    finally:
        asked.claim.give_back()
