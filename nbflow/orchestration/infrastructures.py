"""How a run in a pool of agents is executed: what its infrastructure block says, as job variables.

The block is read when the run is claimed, so an edit of it counts for the next run.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput
from nbflow.model import infrastructures, job_variables
from nbflow.model.job_variables import Template
from nbflow.model.runs import FlowRun
from nbflow.store import blocks


def of_run(
    connection: sa.Connection, template: Template, run: FlowRun
) -> tuple[str, dict[str, Any]]:
    """Give the type of a run's job, and the job variables that its deployment and it lie over.

    Raises InvalidInput (there is no such block, or it is of another type).
    """
    chosen = job_variables.merge(job_variables.defaults(template), run.job_variables)
    kind, name = infrastructures.parse(chosen.get("infrastructure"))
    if name is None:
        return kind, {}
    document = blocks.find(connection, kind, name)
    if document is None:
        raise InvalidInput(
            f"There is no infrastructure block {kind}/{name}.",
            code="infrastructure.missing",
            field="job_variables.infrastructure",
            hint="Save it again, or deploy with another.",
        )
    return kind, infrastructures.variables(document.data)
