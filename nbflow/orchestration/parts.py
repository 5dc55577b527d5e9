"""The parts of the Orchestrator that most runs never ask for: imported with the first call.

A script whose flow asks for none of them begins in two thirds of the time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbflow.orchestration.base import OverSql

#: by module, what is asked more often first
_LATER = {
    "variables": "SqlVariables",
    "limits": "SqlLimits",
    "run_parts": "SqlRunParts",
    "requests": "SqlRequests",
    "estimates": "SqlEstimates",
    "artifacts": "SqlArtifacts",
    "inputs": "SqlInputs",
    "retention": "SqlRetention",
    "run_files": "SqlRunFiles",
    "run_lists": "SqlRunLists",
    "workers": "SqlWorkers",
    "events": "SqlEvents",
    "work_pools": "SqlWorkPools",
    "schedules": "SqlSchedules",
    "backfills": "SqlBackfills",
    "explaining": "SqlExplaining",
    "tokens": "SqlTokens",
    "deployments": "SqlDeployments",
    "blocks": "SqlBlocks",
    "automations": "SqlAutomations",
}

if TYPE_CHECKING:
    from nbflow.orchestration.artifacts import SqlArtifacts
    from nbflow.orchestration.automations import SqlAutomations
    from nbflow.orchestration.backfills import SqlBackfills
    from nbflow.orchestration.blocks import SqlBlocks
    from nbflow.orchestration.deployments import SqlDeployments
    from nbflow.orchestration.estimates import SqlEstimates
    from nbflow.orchestration.events import SqlEvents
    from nbflow.orchestration.explaining import SqlExplaining
    from nbflow.orchestration.inputs import SqlInputs
    from nbflow.orchestration.limits import SqlLimits
    from nbflow.orchestration.requests import SqlRequests
    from nbflow.orchestration.retention import SqlRetention
    from nbflow.orchestration.run_files import SqlRunFiles
    from nbflow.orchestration.run_lists import SqlRunLists
    from nbflow.orchestration.run_parts import SqlRunParts
    from nbflow.orchestration.schedules import SqlSchedules
    from nbflow.orchestration.tokens import SqlTokens
    from nbflow.orchestration.variables import SqlVariables
    from nbflow.orchestration.work_pools import SqlWorkPools
    from nbflow.orchestration.workers import SqlWorkers

    class Parts(
        SqlArtifacts,
        SqlAutomations,
        SqlBackfills,
        SqlBlocks,
        SqlDeployments,
        SqlEstimates,
        SqlEvents,
        SqlExplaining,
        SqlInputs,
        SqlLimits,
        SqlRequests,
        SqlRetention,
        SqlRunFiles,
        SqlRunLists,
        SqlRunParts,
        SqlSchedules,
        SqlTokens,
        SqlVariables,
        SqlWorkers,
        SqlWorkPools,
    ):
        """All of them."""

else:

    class Parts(OverSql):
        """All of them: what one lacks is looked for in the modules not yet imported."""

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("__"):
                for module, part in _LATER.items():
                    _take(getattr(import_module(f"nbflow.orchestration.{module}"), part))
                    if hasattr(Parts, name):
                        return getattr(self, name)
            raise AttributeError(name, name=name, obj=self)


def _take(part: type) -> None:
    """Make the members of a part members of the whole; doing it twice changes nothing."""
    for kind in reversed(part.__mro__[: part.__mro__.index(OverSql)]):
        for name, member in vars(kind).items():
            if not name.startswith("__"):
                setattr(Parts, name, member)
