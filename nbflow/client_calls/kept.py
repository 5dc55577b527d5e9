"""What `clients.Client` is asked about artifacts and variables."""

from __future__ import annotations

from collections.abc import Iterator

from nbflow.exceptions import NotFound
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.backend import Backend
from nbflow.model.pages import MOST_ROWS, every
from nbflow.model.variables import NewVariable, Variable, VariableChange


class KeptCalls:
    """Artifacts and variables."""

    backend: Backend

    def read_artifact(self, key_or_id: str) -> Artifact:
        """Read an artifact by id, or the newest of a key. Raises NotFound."""
        return self.backend.read_artifact(key_or_id)

    def read_artifacts(
        self, where: ArtifactFilter | None = None, *, limit: int = MOST_ROWS
    ) -> list[Artifact]:
        """List the newest artifacts, at most 200."""
        return list(self.backend.list_artifacts(where, limit=limit).rows)

    def iter_artifacts(self, where: ArtifactFilter | None = None) -> Iterator[Artifact]:
        """Give every artifact, newest first, read by the page."""
        return every(self.backend.list_artifacts, where)

    def delete_artifact(self, key_or_id: str) -> int:
        """Delete an artifact, or every version of a key; give how many. Raises NotFound."""
        return self.backend.delete_artifact(key_or_id)

    def read_variables(self) -> list[Variable]:
        """List variables by name."""
        return list(every(self.backend.list_variables))

    def read_variable_by_name(self, name: str) -> Variable | None:
        """Read a variable; None: there is none of that name."""
        try:
            return self.backend.read_variable(name)
        except NotFound:
            return None

    def set_variable(self, new: NewVariable) -> Variable:
        """Set a variable. Raises Conflict: it is there, and `overwrite` was not said."""
        return self.backend.set_variable(new)

    def update_variable(self, name: str, change: VariableChange) -> Variable:
        """Edit a variable. Raises NotFound, InvalidInput."""
        return self.backend.update_variable(name, change)

    def delete_variable_by_name(self, name: str) -> None:
        """Delete a variable. Raises NotFound."""
        self.backend.delete_variable(name)
