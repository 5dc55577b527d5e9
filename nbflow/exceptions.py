"""Every error nbflow raises, in one tree. An error knows its HTTP status and says what to do next.

    NbflowError
    ├── InvalidInput (422)            a value is wrong: names the field and the way out
    │   ├── ParameterError            a flow's or notebook's parameter
    │   │   ├── ParameterTypeError · ParameterBindError · SignatureMismatchError
    │   │   ├── ParametersTooLarge (413)
    │   ├── MappingLengthMismatch · MappingMissingIterable
    │   ├── Unsendable                cannot go to another process
    │   ├── InvalidSchedule           cron, interval, rrule or time zone
    │   └── InvalidNotebook           not a notebook, or one that cannot run
    ├── MalformedRequest (400)        not JSON, or not an object
    ├── NotFound (404) · Conflict (409) (Stale (412)) · Forbidden (403)
    ├── StoreBusy (503) · StoreFull (507) · SchemaMismatch (503)
    ├── StorageFailed (502)           a storage's files cannot be had
    ├── Unreachable                   the nbflow server cannot be asked (never means "failed")
    ├── MissingContextError           called outside a run
    ├── NestedTooDeep                 flows call flows, or tasks tasks, without end
    ├── FlowPauseTimeout              nobody resumed the run in time
    ├── Aborted                       the authority refused a transition: this process must stop
    ├── ConcurrencySlotAcquisitionError (409)   slots of a concurrency limit cannot be had
    │   └── AcquireConcurrencySlotTimeoutError   not within the time that was given
    ├── SerializationError (422)      a value cannot be serialised
    │   └── NotStored                 nor kept: says which part of it, or its size
    ├── DamagedResult · ResultGone    a result's file is not what was written, or not there
    ├── LockNotHeld (409)             a lock was given back by who does not hold it
    └── RunError                      asking a run for its result
        ├── FailedRun (TimedOutRun) · CrashedRun · CancelledRun · PausedRun · UnfinishedRun
        └── MissingResult · UpstreamError

Beside it, because they are no errors: `Leaving` (BaseException) with `Skip` and `Stop`.

No error here prints, logs or knows about a database or a socket.
"""

from __future__ import annotations

from typing import Any


class NbflowError(Exception):
    """Something nbflow cannot do.

    Args:
        message: what happened and where; the class's docstring when left out.
        code: a stable, dotted word for programs; the class's own when left out.
        field: the name of the input at fault, as the caller wrote it.
        hint: what to do next, one sentence.
    """

    status = 500
    code = "error"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.code = code or type(self).code
        self.field = field
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> Any:
        return (_rebuild, (type(self), self.message, self.code, self.field, self.hint))

    def problem(self) -> dict[str, Any]:
        """Give the body every face answers with: `{code, message, field?, hint?}`."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field is not None:
            body["field"] = self.field
        if self.hint is not None:
            body["hint"] = self.hint
        return body


def _rebuild(
    cls: type[NbflowError], message: str, code: str, field: str | None, hint: str | None
) -> NbflowError:
    return cls(message, code=code, field=field, hint=hint)


class InvalidInput(NbflowError, ValueError):
    """A value is not what this field takes."""

    status = 422
    code = "invalid"


class ParameterError(InvalidInput):
    """A parameter is not what the flow takes."""

    code = "parameter.invalid"


class ParameterTypeError(ParameterError, TypeError):
    """A parameter has the wrong type."""

    code = "parameter.type"


class ParametersTooLarge(ParameterError):
    """The parameters are more than a run can carry."""

    status = 413
    code = "parameter.too_large"


class ParameterBindError(ParameterError, TypeError):
    """The arguments do not fit the function's signature."""

    code = "parameter.bind"


class SignatureMismatchError(ParameterError, TypeError):
    """The parameters do not match the flow's signature."""

    code = "parameter.signature"


class MappingLengthMismatch(InvalidInput):
    """The arguments to map over are not of one length."""

    code = "map.length"


class MappingMissingIterable(InvalidInput):
    """There is no argument to map over."""

    code = "map.missing"


class Unsendable(InvalidInput):
    """This cannot be sent to another process."""

    code = "task.unsendable"


class InvalidSchedule(InvalidInput):
    """The schedule cannot be understood or would never fire."""

    code = "schedule.invalid"


class InvalidNotebook(InvalidInput):
    """The file is not a notebook that can run."""

    code = "notebook.invalid"


class MalformedRequest(NbflowError):
    """The request is not a JSON object."""

    status = 400
    code = "body.malformed"


class NotFound(NbflowError, LookupError):
    """There is nothing of that name or id."""

    status = 404
    code = "not_found"


class Conflict(NbflowError):
    """The request contradicts what is already there."""

    status = 409
    code = "conflict"


class Stale(Conflict):
    """It was changed after it was read.

    Attributes:
        current: what it is now; None where only the message came (over HTTP).
        updated_at: the current version.
    """

    status = 412
    code = "edit.stale"
    current: Any = None
    updated_at: Any = None


class TransitionRefused(Conflict):
    """A run cannot take that state from the one it is in.

    Attributes:
        verdict: the authority's answer (`nbflow.model.verdicts`).
    """

    code = "state.transition"
    verdict: Any = None


class FileGap(Conflict):
    """A part of a file does not join on what the authority has of it."""

    code = "file.gap"


class Forbidden(NbflowError):
    """This identity may not do that."""

    status = 403
    code = "forbidden"


class StoreBusy(NbflowError):
    """The database is held by another program; try again in a moment."""

    status = 503
    code = "store.busy"


class StoreFull(NbflowError):
    """The disk holding the database is full; nothing was lost, nothing new can be kept."""

    status = 507
    code = "store.full"


class SchemaMismatch(NbflowError):
    """The database was made by another version of nbflow; start the server, which upgrades it."""

    status = 503
    code = "store.schema"


class StorageFailed(NbflowError):
    """A storage's files cannot be had."""

    status = 502
    code = "storage.failed"


class Unreachable(NbflowError):
    """The nbflow server cannot be reached."""

    status = 503
    code = "unreachable"


class MissingContextError(NbflowError, RuntimeError):
    """There is no active flow or task run here; call this inside a flow or a task."""

    code = "context.missing"


class NestedTooDeep(NbflowError):
    """Flows call flows, or tasks tasks, too deep."""

    code = "flow.too_deep"


class FlowPauseTimeout(NbflowError, TimeoutError):
    """The flow run was paused, and nobody resumed it in time."""

    code = "pause.timeout"


class Aborted(NbflowError):
    """The authority refused this transition; another attempt or a cancellation came first."""

    status = 409
    code = "state.aborted"


class ConcurrencySlotAcquisitionError(NbflowError):
    """Slots of a concurrency limit cannot be had."""

    status = 409
    code = "concurrency"


class AcquireConcurrencySlotTimeoutError(ConcurrencySlotAcquisitionError, TimeoutError):
    """Slots of a concurrency limit were not free within the time that was given."""

    code = "concurrency.timeout"


class SerializationError(NbflowError, ValueError):
    """This value cannot be serialised."""

    status = 422
    code = "result.unserializable"


class NotStored(SerializationError):
    """This value cannot be kept."""

    code = "result.not_stored"


class DamagedResult(NbflowError):
    """The result's file is not what was written."""

    code = "result.damaged"


class ResultGone(NotFound):
    """The result's file is not there any more."""

    code = "result.gone"


class LockNotHeld(NbflowError):
    """The lock is given back by someone who does not hold it."""

    status = 409
    code = "lock.not_held"


class RunError(NbflowError):
    """The run has no result to give."""

    code = "run"


class FailedRun(RunError):
    """The run failed."""

    code = "run.failed"


class TimedOutRun(FailedRun, TimeoutError):
    """The run took longer than it may."""

    code = "run.timed_out"


class CrashedRun(RunError):
    """The run's process ended before the run did."""

    code = "run.crashed"


class CancelledRun(RunError):
    """The run was cancelled."""

    code = "run.cancelled"


class PausedRun(RunError):
    """The run is paused and waits to be resumed."""

    code = "run.paused"


class UnfinishedRun(RunError):
    """The run has not finished; wait for it first."""

    code = "run.unfinished"


class MissingResult(RunError):
    """The run completed but its result was not kept."""

    code = "run.result_missing"


class Leaving(BaseException):
    """Code leaves a task or a run early, and nothing failed: no Exception, lest it be caught.

    Attributes:
        reason: why, a sentence; may be empty.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def _render_traceback_(self) -> list[str]:
        """Show one line (IPython asks): who leaves early has made no mistake."""
        return [f"nbflow.{type(self).__name__.lower()}: {self.reason or 'no reason given'}"]


class Skip(Leaving):
    """The task (or cell) is skipped: it ends COMPLETED, named Skipped, and its run goes on."""


class Stop(Leaving):
    """The flow run completes here: what has not begun does not run."""


class UpstreamError(RunError):
    """A run this one waits for did not complete."""

    code = "run.upstream"
