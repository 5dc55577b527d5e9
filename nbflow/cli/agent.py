"""`nbflow agent start`: a worker that takes its launcher from each deployment's infrastructure."""

from __future__ import annotations

import sys

from nbflow import settings
from nbflow.cli import printing
from nbflow.cli.parsing import argument, positive, takes, usage
from nbflow.cli.worker import speak
from nbflow.connect import connect
from nbflow.exceptions import Forbidden, NotFound
from nbflow.kernels import apart
from nbflow.model import names, pool_types
from nbflow.model.workers import EVERY
from nbflow.workers import worker


@takes(
    argument("-q", "--work-queue", action="append", default=[], metavar="QUEUE",
             help="a queue it serves, made when there is none (repeat for several); all when left "
                  "out"),
    argument("-p", "--pool", default=pool_types.AGENT_POOL,
             help=f"the work pool (default: {pool_types.AGENT_POOL}); made when there is none"),
    argument("-m", "--match", action="append", default=[], metavar="PREFIX",
             help="serve every queue whose name begins so, also those made later"),
    argument("--limit", type=positive, default=None, help="how many runs it executes at once"),
    argument("--run-once", action="store_true",
             help="take what is due now, and leave when that has ended"),
    argument("--prefetch-seconds", type=float, default=None, metavar="S",
             help="no other than 0 is taken: an agent hears of a run when it is due, and starts it "
                  "then"),
    argument("--hide-welcome", action="store_true", help="do not say what it serves"),
    argument("--api", default=None, metavar="URL", help="the server's API; else as configured"),
)  # fmt: skip
def start(
    *,
    work_queue: list[str],
    pool: str,
    match: list[str],
    limit: int | None,
    run_once: bool,
    prefetch_seconds: float | None,
    hide_welcome: bool,
    api: str | None,
) -> None:
    """Claim runs of queues and execute each as its deployment says, until stopped."""
    if prefetch_seconds:
        raise usage(
            "No run is fetched before it is due: an agent hears of each and starts it then.",
            "Leave --prefetch-seconds out.",
        )
    if api is not None:
        settings.override(api_url=api)
    pool = names.check_name(pool, field="pool")
    queues = [names.check_name(one, field="work_queue") for one in work_queue]
    queues += [names.check_name(one, field="match") + EVERY for one in match]
    speak()
    if not hide_welcome:
        served = ", ".join(queues) or "all queues"
        print(printing.clean(f"Agent serves {served} of the pool {pool!r}."), file=sys.stderr)
    apart.conceal()
    worker.serve(
        pool,
        limit=limit or settings.worker_limit,
        type=_type(pool),
        work_queues=tuple(queues),
        once=run_once,
    )


def _type(pool: str) -> str | None:
    """Give the type a missing pool is made with; a pool that is there keeps its own."""
    try:
        connect().read_work_pool(pool)
    except NotFound:
        return pool_types.AGENT
    except Forbidden:  # a worker's token: it is for a pool that is there
        return None
    return None
