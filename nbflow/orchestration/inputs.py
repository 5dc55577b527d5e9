"""What is said to runs, over SQL: inputs, the answer that resumes, the word that tries again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nbflow.exceptions import Conflict, InvalidInput, ParameterError
from nbflow.model import clock, run_options, states
from nbflow.model.inputs import LONGEST_KEY, MOST_BYTES, RunInput, answer_key
from nbflow.model.names import shown
from nbflow.model.runs import FlowRun
from nbflow.model.verdicts import Abort, Accept
from nbflow.model.work_pools import DEFAULT_QUEUE
from nbflow.orchestration import transitions
from nbflow.orchestration.base import OverSql
from nbflow.rules import late
from nbflow.store import codec, flow_runs, inputs, work_pools

_MOST_ROWS = 1000


class SqlInputs(OverSql):
    """The part of the Orchestrator that talks to running flows."""

    def resume_flow_run(
        self, flow_run_id: str, run_input: Mapping[str, Any] | None = None
    ) -> FlowRun:
        """Let a paused run go on, or a suspended one start again."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            answer = _answer(run, run_input)
            onward = transitions.resumed(run)
            verdict, after = transitions.transit(connection, run, onward, asked="resume")
            if after.state.is_failed():
                verdict = Abort(after.state.message, after.state)
            if answer is not None and isinstance(verdict, Accept):
                inputs.insert(connection, answer, at=clock.now())
        # Only now: raised inside, it would take back that the pause has ended.
        return _accepted(after, verdict, "resumed")

    def retry_flow_run(
        self,
        flow_run_id: str,
        options: Mapping[str, Any] | None = None,
        *,
        work_pool: str | None = None,
    ) -> FlowRun:
        """Let an ended run that did not complete be tried again."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            again = _again(run, options, work_pool)
            waits = run.state.is_scheduled() and bool(run.state.details.get("by_hand"))
            if waits and (again.options, again.work_pool) == (run.options, run.work_pool):
                return run
            if not waits:
                _check_ended(run)
            if work_pool is not None:
                work_pools.ensure(connection, work_pool, at=clock.now())
                again = replace(again, work_queue=again.work_queue or DEFAULT_QUEUE)
            state = states.AwaitingRetry(
                clock.now(), message="Asked for again.", details={"by_hand": True}
            )
            verdict, after = transitions.transit(connection, again, state, asked="retry")
            return _accepted(after, verdict, "retried")

    def accept_flow_run(self, flow_run_id: str) -> FlowRun:
        """Take the end that was heard late of a crashed run for its end."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            if run.state.details.get(late.ACCEPTED):
                return run
            end = late.end(run)
            if end is None:
                raise Conflict(
                    f"The run {run.name} is {run.state.name}: no end of it was heard late.",
                    code="run.not_late",
                    field="state",
                    hint="Only a run that was given up unheard, and has ended since, has one.",
                )
            verdict, after = transitions.transit(connection, run, end, asked="accept")
            return _accepted(after, verdict, "accepted")

    def send_input(self, given: RunInput) -> None:
        """Keep an input for a flow run."""
        _check(given)
        with self._write() as connection:
            flow_runs.get(connection, given.flow_run_id)
            inputs.insert(connection, given, at=clock.now())

    def list_inputs(
        self, flow_run_id: str, *, prefix: str = "", after: str | None = None, limit: int = 100
    ) -> tuple[RunInput, ...]:
        """List a run's inputs, oldest first."""
        if not 1 <= limit <= _MOST_ROWS:
            raise InvalidInput(
                f"limit is {limit}; it must be 1 to {_MOST_ROWS}.",
                field="limit",
                code="limit.range",
            )
        with self.database.read() as connection:
            flow_runs.get(connection, flow_run_id)
            return inputs.listed(connection, flow_run_id, prefix=prefix, after=after, limit=limit)


def _accepted(run: FlowRun, verdict: object, verb: str) -> FlowRun:
    if isinstance(verdict, Accept):
        return run
    reason = getattr(verdict, "reason", "")
    raise Conflict(
        f"The run {run.name} cannot be {verb}: {reason}", code="run.refused", field="state"
    )


def _answer(run: FlowRun, given: Mapping[str, Any] | None) -> RunInput | None:
    """Give the input that resumes a run, checked by what its pause asks for. Raises InvalidInput.

    A run that is not paused is refused: what is said to it would answer nothing.
    """
    if not run.state.is_paused():
        raise Conflict(
            f"The run {run.name} is {run.state.name}, not paused.",
            code="run.not_paused",
            field="state",
        )
    asks = run.state.details.get("input")
    if asks is None and not given:
        return None
    if asks is None:
        raise InvalidInput(
            f"The run {run.name} asks for no input.", code="input.unwanted", field="run_input"
        )
    try:
        from nbflow.model import parameters  # few runs ask

        value = parameters.check(asks.get("schema", {}), given or {}, what="the input", kept=False)
    except ParameterError as error:
        code = error.code.replace("parameter.", "input.")
        raise InvalidInput(error.message, code=code, field=error.field) from None
    return RunInput(run.id, answer_key(str(run.state.details.get("pause_key"))), value)


def _again(run: FlowRun, options: Mapping[str, Any] | None, work_pool: str | None) -> FlowRun:
    """Give an ended run with what is asked of its next attempt. Raises InvalidInput, Conflict."""
    if options and run.kind != "notebook":
        raise InvalidInput(
            f"The run {run.name} is no notebook's: it is executed from its top.",
            code="run.no_notebook",
            field=next(iter(options)),
        )
    if work_pool not in (None, run.work_pool) and (run.work_pool or run.kind != "notebook"):
        raise Conflict(
            f"The run {run.name} cannot be given to the pool {shown(work_pool)}.",
            code="run.pooled",
            field="work_pool",
            hint="Only a notebook run that has no pool can.",
        )
    chosen = run.options
    if run.kind == "notebook":
        chosen = run_options.for_retry(run.options, {"resume": bool(options), **(options or {})})
    return replace(run, options=chosen, work_pool=work_pool or run.work_pool)


def _check_ended(run: FlowRun) -> None:
    if not run.state.is_final():
        raise Conflict(
            f"The run {run.name} is {run.state.name}; it has not ended.",
            code="run.live",
            field="state",
            hint="Resume it, or cancel it first.",
        )
    if run.state.is_completed():
        raise Conflict(
            f"The run {run.name} completed, and its result stands.",
            code="run.completed",
            field="state",
            hint="Start a new run instead.",
        )


def _check(given: RunInput) -> None:
    if not 1 <= len(given.key) <= LONGEST_KEY or not given.key.isprintable():
        raise InvalidInput(
            f"{shown(given.key)} is no key of an input.",
            code="input.key",
            field="key",
            hint=f"Use 1 to {LONGEST_KEY} printable characters.",
        )
    size = len(codec.dumps(given.value).encode())
    if size > MOST_BYTES:
        raise InvalidInput(
            f"The input has {size:,} bytes as JSON; {MOST_BYTES:,} are the most.",
            code="input.too_large",
            field="value",
            hint="Send an address of the data instead.",
        )
