"""`python -m benchmarks [--minutes N] [NAME …]`: measure, and write into `docs/benchmarks.md`."""

from __future__ import annotations

import importlib
import os
import sys

from benchmarks import peers, report

NAMES = ("tasks", "start", "results", "run", "latency", "kernels", "many", "cells", "flood",
         "ticks", "rest", "load", "automations", "runpage", "sidebar")  # fmt: skip


def main() -> int:
    """Run the named measurements, or all."""
    said = sys.argv[1:]
    if said[:1] == ["--minutes"]:
        os.environ["NBFLOW_BENCH_MINUTES"] = said[1]
        said = said[2:]
    chosen = said or NAMES
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {unknown[0]}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    found: list[report.Table] = []
    for name in chosen:
        for table in importlib.import_module(f"benchmarks.{name}").tables():
            found.append(table)
            print(f"\n{table.text()}", flush=True)
    report.write(found, "; ".join(map(peers.version, peers.REQUIREMENTS)) + ".")
    return 0


sys.exit(main())
