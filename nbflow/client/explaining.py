"""`Explaining` over HTTP."""

from __future__ import annotations

from nbflow.client.base import OverHttp, path_of
from nbflow.model.explaining import Explanation


class HttpExplaining(OverHttp):
    """Why the runs of a server wait."""

    def explain_flow_run(self, flow_run_id: str) -> Explanation:
        """Say why a run is not starting, or not going on."""
        return self._get(Explanation, path_of("flow-runs", flow_run_id, "explain"))
