"""Whether a notebook's kernel has what the notebook imports."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import InvalidInput
from nbflow_jupyter import asking, notebooks
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import CheckRequest

#: longer than the imports are given
_PATIENCE_SECONDS = 180


class Check(ApiHandler):
    """Trials of notebooks before they are deployed."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:notebooks")
    async def post(self) -> None:
        """Start a notebook's kernel once, run its imports only, and list what is missing."""
        asked = self.body(CheckRequest)
        source = await notebooks.read(self, asked.path)
        if source.file is None:
            raise InvalidInput(
                "This server keeps no files, so a kernel cannot be tried where the notebook lies.",
                code="source.no_files",
                field="path",
            )
        kernel = [] if asked.kernel_name is None else [f"--kernel={asked.kernel_name}"]
        module = "nbflow.notebook.checking"
        found = await asking.ask(module, source.file, *kernel, patience=_PATIENCE_SECONDS)
        await self.answer(lambda: found)
