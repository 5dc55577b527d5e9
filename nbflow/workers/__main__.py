"""`python -m nbflow.workers`: the worker process that a Jupyter server keeps beside it."""

from __future__ import annotations

import argparse
import logging

from nbflow import settings
from nbflow.kernels import apart
from nbflow.workers import worker


def main(argv: list[str] | None = None) -> None:
    """Serve a work pool until stopped."""
    parser = argparse.ArgumentParser(prog="python -m nbflow.workers", description=main.__doc__)
    parser.add_argument("--pool", default=settings.worker_pool, help="the work pool it serves")
    parser.add_argument("--limit", type=int, default=settings.worker_limit, help="runs at once")
    parser.add_argument("--name", default=None, help="what people call it")
    parser.add_argument(
        "--watch-stdin",
        action="store_true",
        help="look for runs at each byte of standard input, and drain when it closes",
    )
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    apart.conceal()
    worker.serve(given.pool, limit=given.limit, name=given.name, watch_stdin=given.watch_stdin)


if __name__ == "__main__":
    main()
