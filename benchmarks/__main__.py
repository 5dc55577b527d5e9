"""`python -m benchmarks [NAME …]`: run the measurements and print a table of each."""

from __future__ import annotations

import importlib
import sys

NAMES = ("imports", "tasks", "run")


def main() -> int:
    """Run the named measurements, or all."""
    chosen = sys.argv[1:] or NAMES
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {unknown[0]}; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in chosen:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {module.__doc__}", flush=True)
        for label, value in module.rows():
            print(f"  {label:<48} {value}", flush=True)
    return 0


sys.exit(main())
