"""`Estimates` over HTTP."""

from __future__ import annotations

from nbflow.client.base import OverHttp, path_of
from nbflow.model.progress import Progress


class HttpEstimates(OverHttp):
    """What a server tells about how long things take."""

    def read_progress(self, flow_run_id: str) -> Progress:
        """Say how far a run is."""
        return self._get(Progress, path_of("flow-runs", flow_run_id, "progress"))
