"""`python -m nbflow.notebook.execute FLOW_RUN_ID ATTEMPT`: the process a worker launches for a run.

Its standard input is held open by the worker; when that closes, the worker is gone, and this
process ends its kernel and itself within two seconds. Exit code 0: the run ended by its own word,
whatever its state.
"""

from __future__ import annotations

import logging
import sys

from nbflow.connect import connect
from nbflow.exceptions import NbflowError
from nbflow.notebook import running
from nbflow.notebook.stopping import Stop

_log = logging.getLogger("nbflow.notebook")


def main(arguments: list[str]) -> int:
    """Execute one attempt of a run; give the process's exit code."""
    flow_run_id, attempt = arguments[0], int(arguments[1])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="INFO")
    running.lighten()
    stop = Stop()
    with stop.on_signals(), stop.on_orphaned(f"{flow_run_id}-{attempt}"):
        try:
            state = running.run_now(connect(), flow_run_id, attempt, stop=stop)
        except NbflowError as error:
            _log.error("run %s: %s", flow_run_id, error)
            return 1
    _log.info("run %s: %s. %s", flow_run_id, state.name, state.message)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
