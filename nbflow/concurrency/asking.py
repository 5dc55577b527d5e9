"""What a caller of `concurrency` and `rate_limit` says, checked, and what is said to the caller."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from nbflow import connect, context, settings
from nbflow.concurrency.claims import Claim, Step, request_here, taking
from nbflow.concurrency.room import ASK_SECONDS
from nbflow.exceptions import ConcurrencySlotAcquisitionError, InvalidInput
from nbflow.logging.loggers import run_logger
from nbflow.model import clock
from nbflow.model.limits import Grant, SlotRequest, check_count, checked_request
from nbflow.model.names import shown

_log = logging.getLogger("nbflow.concurrency")


class Asked(NamedTuple):
    """A request, and the steps of taking its slots."""

    claim: Claim
    steps: Generator[Step, Any, Grant]


def for_slots(
    names: str | Sequence[str],
    occupy: int,
    timeout_seconds: float | None,
    max_retries: int | None = None,
    lease_duration: float | None = None,
    *,
    strict: bool,
    rate: bool = False,
) -> Asked:
    """Check what was said and give the request. Raises InvalidInput."""
    wanted = checked_request(SlotRequest(_sequence(names), occupy))
    patience = _patience(timeout_seconds, max_retries)
    lease_seconds = _lease(lease_duration)
    request = request_here(
        wanted,
        occupy=occupy,
        rate=rate,
        strict=strict,
        wait=patience != 0,
        lease_seconds=lease_seconds,
    )
    made = Claim(connect.connect(), request)
    deadline = None if patience is None else clock.monotonic() + patience
    return Asked(made, taking(made, deadline=deadline, check=_stop_of_run()))


def tell_missing(grant: Grant) -> None:
    """Warn of names without a limit."""
    if not grant.missing:
        return
    here = context.here()
    logger: Any = _log if here is None else run_logger(here)
    for name in grant.missing:
        logger.warning(
            "There is no concurrency limit %r, so it limits nothing. "
            "`nbflow concurrency-limit create` makes one.",
            name,
        )


def check_kept(held: Claim) -> None:
    """Raise ConcurrencySlotAcquisitionError if the slots were lost meanwhile."""
    if held.lost:
        raise ConcurrencySlotAcquisitionError(
            f"The slots of {', '.join(map(repr, held.request.names))} were taken back while the "
            "block ran: others may have run beside it.",
            code="concurrency.lost",
            field="names",
            hint="Was the limit reset, or was this machine asleep?",
        )


def _sequence(names: Any) -> tuple[str, ...]:
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, (list, tuple, set, frozenset)):
        raise InvalidInput(
            f"names is {shown(names)}; it must be a name or a list of names.", field="names"
        )
    return tuple(names)


def _patience(timeout_seconds: Any, max_retries: Any) -> float | None:
    """Give how many seconds to wait; None: for ever."""
    patience: list[float] = []
    if timeout_seconds is not None:
        patience.append(_seconds(timeout_seconds, "timeout_seconds", least=0.0))
    if max_retries is not None:
        patience.append(check_count(max_retries, field="max_retries") * ASK_SECONDS)
    return min(patience, default=None)


def _lease(seconds: Any) -> float | None:
    if seconds is None:
        return None
    return _seconds(seconds, "lease_duration", least=2 * settings.heartbeat_seconds)


def _seconds(value: Any, field: str, *, least: float) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value >= least):
        raise InvalidInput(
            f"{field} is {shown(value)}; it must be a number of seconds from {least:g}.",
            field=field,
        )
    return float(value)


def _stop_of_run() -> Callable[[], object]:
    """Give what raises when the run around this code was told to stop."""
    here = context.here()
    return _nothing if here is None else here.flow_context.hold.check


def _nothing() -> None:
    """Outside a run nobody says so."""
