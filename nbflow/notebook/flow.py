"""`NotebookFlow`: a notebook as a flow to hold in a hand, call and deploy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.exceptions import InvalidInput
from nbflow.model import deploying, names, notebooks
from nbflow.notebook import child, files

if TYPE_CHECKING:
    from nbflow.model.cell_graph import CellGraph
    from nbflow.model.deployments import Deployment
    from nbflow.model.slices import Slice
    from nbflow.notebook.ran import NotebookRun

_OPTIONS = ("cells", "checkpoint", "exports", "keep_kernel_seconds", "kernel_name", "name", "tags")


class NotebookFlow:
    """A notebook as a flow, or a flow inside it; call it to run it here and now.

    Args:
        path: the notebook file.
        flow: the name of a flow in it; only the cells it needs are run.
        options: those of `run_notebook`, for every call.

    Raises InvalidNotebook, InvalidInput.

    Attributes:
        path: the notebook's absolute path.
        flow: the name of the flow in it, if one was named.
        name: of the flow, else the file's stem.
    """

    def __init__(
        self, path: str | os.PathLike[str], flow: str | None = None, **options: Any
    ) -> None:
        for option in options:
            if option not in _OPTIONS:
                raise InvalidInput(
                    f"A notebook has no option {names.shown(option)}.",
                    field=option, hint=names.did_you_mean(option, _OPTIONS, "There are"),
                )  # fmt: skip
        self.path, self._text = files.read(path)
        self.flow = flow
        self.name = flow or deploying.default_name(self.path)
        self._options = options
        self._source = self.path if flow is None else f"{self.path}:{flow}"

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Give the JSON Schema of its parameters. Raises InvalidNotebook, InvalidInput."""
        return deploying.schema_of(self._document, self.flow)

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        return notebooks.parse(self._text, name=Path(self.path).name)

    def __call__(self, *, return_state: bool = False, **parameters: Any) -> NotebookRun:
        """Run the notebook now; give and raise what `run_notebook` does."""
        __tracebackhide__ = True
        return child.run_notebook(
            self._source, parameters, return_state=return_state, **self._options
        )

    async def acall(self, *, return_state: bool = False, **parameters: Any) -> NotebookRun:
        """Run the notebook now, and await it."""
        __tracebackhide__ = True
        return await child.arun_notebook(
            self._source, parameters, return_state=return_state, **self._options
        )

    def deploy(self, **said: Any) -> Deployment:
        """Deploy the notebook (as `nbflow.deploy`, whose arguments it takes)."""
        # By name: what deploys stands above everything that runs.
        deploy = import_module("nbflow.deployments").deploy
        return deploy(self._source, **{"kernel_name": self._options.get("kernel_name"), **said})

    def graph(self) -> CellGraph:
        """Give how the notebook's cells hang together, by the names they read and bind."""
        from nbflow.model import cell_graph

        return cell_graph.cell_graph(self._document, title=self.name)

    @cached_property
    def slice(self) -> Slice:
        """Give what runs: the cells the flow needs, or all. `print` shows them.

        Raises InvalidNotebook, InvalidInput (`flow.unknown`).
        """
        from nbflow.model import slices

        if self.flow is not None:
            return slices.flow_slice(self._document, self.flow)
        return slices.cells_slice(self._document, [node.id for node in self.graph().cells])

    def with_options(self, **changes: Any) -> NotebookFlow:
        """Give a copy with other options (those of `run_notebook`). Raises InvalidInput."""
        return NotebookFlow(self.path, self.flow, **{**self._options, **changes})

    def __repr__(self) -> str:
        file = names.shown(Path(self.path).name)
        return (
            f"<NotebookFlow {names.shown(self.flow)} of {file}>"
            if self.flow
            else (f"<NotebookFlow {file}>")
        )
