"""The kernel kept of a run that failed."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import NotFound
from nbflow.model import runs
from nbflow.store import kept_kernels
from nbflow_jupyter.base import ApiHandler, dumps
from nbflow_jupyter.kept_kernels import KeptKernels
from nbflow_jupyter.shapes import KeptKernel


class Kernel(ApiHandler):
    """A run's kept kernel."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """List the kernel kept of a run's latest attempt among the server's, to attach to it."""
        run: runs.FlowRun = await self.off_loop(self.backend.read_flow_run, flow_run_id)
        kept = await self.off_loop(kept_kernels.of_attempt, run.id, run.attempt)
        if kept is None:
            raise NotFound(
                f"No kernel of run {run.name} is kept.",
                code="kernel.not_kept",
                hint="Run it with keep_kernel_seconds; a kernel is kept when a cell fails.",
            )
        here: KeptKernels = self.settings["nbflow_kept_kernels"]
        await here.take_in(kept)
        self.finish(dumps(KeptKernel(kept.id, kept.name, kept.until, str(kept.file))))
