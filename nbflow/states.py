"""The public words for where a run stands: `State`, its types and its named constructors.

They live in `nbflow.model.states`; this is the address users import them from.
"""

from __future__ import annotations

from nbflow.model.states import (
    TERMINAL,
    AwaitingConcurrencySlot,
    AwaitingRetry,
    Cached,
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    InfrastructurePending,
    Late,
    NotReady,
    Paused,
    Pending,
    Rerunning,
    Resuming,
    Retrying,
    RolledBack,
    Running,
    Scheduled,
    State,
    StateType,
    Submitting,
    Suspended,
    TimedOut,
)

__all__ = [
    "TERMINAL",
    "AwaitingConcurrencySlot",
    "AwaitingRetry",
    "Cached",
    "Cancelled",
    "Cancelling",
    "Completed",
    "Crashed",
    "Failed",
    "InfrastructurePending",
    "Late",
    "NotReady",
    "Paused",
    "Pending",
    "Rerunning",
    "Resuming",
    "Retrying",
    "RolledBack",
    "Running",
    "Scheduled",
    "State",
    "StateType",
    "Submitting",
    "Suspended",
    "TimedOut",
]
