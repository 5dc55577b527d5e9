"""What people and other runs say to a run: pause, suspend, resume, try again, and inputs."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model import states
from nbflow.model.inputs import RunInput
from nbflow.model.run_options import OF_AN_ATTEMPT
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.handlers.flow_runs import propose
from nbflow_jupyter.queries import InputQuery
from nbflow_jupyter.shapes import Answer, NewInput, PauseRequest, RetryRequest


class Pause(ApiHandler):
    """A request to wait."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Pause a flow run: no further task begins until it is resumed."""
        seconds = self.body(PauseRequest).timeout_seconds
        said = f"Paused by {self.current_user.display_name}."
        state = states.Paused(timeout_seconds=seconds, message=said)
        await self.answer(propose, self.backend, flow_run_id, state)


class Suspend(ApiHandler):
    """A request to end the process and wait."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Suspend a flow run: its process ends at its next task, until it is resumed."""
        seconds = self.body(PauseRequest).timeout_seconds
        said = f"Suspended by {self.current_user.display_name}."
        state = states.Suspended(timeout_seconds=seconds, message=said)
        await self.answer(propose, self.backend, flow_run_id, state)


class Resume(ApiHandler):
    """The answer to a pause."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Resume a flow run, with the input it asks for."""
        await self.answer(self.backend.resume_flow_run, flow_run_id, self.body(Answer).run_input)


class Retry(ApiHandler):
    """A request to try again."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Try an ended flow run that did not complete once more."""
        asked = self.body(RetryRequest)
        said = {name: getattr(asked, name) for name in OF_AN_ATTEMPT}
        options = {name: said[name] for name in said if said[name] != getattr(RetryRequest, name)}
        await self.answer(
            self.backend.retry_flow_run, flow_run_id, options, work_pool=asked.work_pool
        )


class AcceptLate(ApiHandler):
    """A word that an end which was heard late counts."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Take the end that was heard late of a crashed flow run for its end."""
        await self.answer(self.backend.accept_flow_run, flow_run_id)


class Inputs(ApiHandler):
    """What was said to a run."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """List a flow run's inputs, oldest first."""
        asked = self.query(InputQuery)
        await self.answer(
            self.backend.list_inputs,
            flow_run_id,
            prefix=asked.prefix,
            after=asked.after,
            limit=asked.limit,
        )

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Send an input to a flow run."""
        said = self.body(NewInput)
        given = RunInput(flow_run_id, said.key, said.value, said.sender)
        if said.id is not None:
            given = RunInput(flow_run_id, said.key, said.value, said.sender, id=said.id)
        await self.done(self.backend.send_input, given)
