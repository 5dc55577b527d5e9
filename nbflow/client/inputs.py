"""What is said to runs, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.inputs import RunInput
from nbflow.model.runs import FlowRun


class HttpInputs(OverHttp):
    """The part of the HttpBackend that talks to running flows."""

    def resume_flow_run(
        self, flow_run_id: str, run_input: Mapping[str, Any] | None = None
    ) -> FlowRun:
        """Let a paused run go on, or a suspended one start again."""
        body = {"run_input": None if run_input is None else dict(run_input)}
        path = path_of("flow-runs", flow_run_id, "resume")
        return reading.answer(FlowRun, self._ask("POST", path, body=body, again=False))

    def retry_flow_run(
        self,
        flow_run_id: str,
        options: Mapping[str, Any] | None = None,
        *,
        work_pool: str | None = None,
    ) -> FlowRun:
        """Let an ended run that did not complete be tried again."""
        body = {**(options or {}), "work_pool": work_pool}
        path = path_of("flow-runs", flow_run_id, "retry")
        return reading.answer(FlowRun, self._ask("POST", path, body=body))

    def accept_flow_run(self, flow_run_id: str) -> FlowRun:
        """Take the end that was heard late of a crashed run for its end."""
        return self._post(FlowRun, path_of("flow-runs", flow_run_id, "accept"), {})

    def send_input(self, given: RunInput) -> None:
        """Keep an input for a flow run."""
        body = {name: getattr(given, name) for name in ("key", "value", "sender", "id")}
        self._ask("POST", path_of("flow-runs", given.flow_run_id, "input"), body=body)

    def list_inputs(
        self, flow_run_id: str, *, prefix: str = "", after: str | None = None, limit: int = 100
    ) -> tuple[RunInput, ...]:
        """List a run's inputs, oldest first."""
        query = {"prefix": prefix, "after": after, "limit": limit}
        path = path_of("flow-runs", flow_run_id, "input")
        return self._get(tuple[RunInput, ...], path, query)
