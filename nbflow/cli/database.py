"""`nbflow database …`: what the store keeps, and for how long."""

from __future__ import annotations

from datetime import timedelta

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, duration, takes
from nbflow.results import prune as prune_results


@takes(
    argument("--older-than", type=duration, default=None, metavar="DUR",
             help="results made more than 2h, 30d, … ago (default: NBFLOW_RESULT_DAYS)"),
    argument("--dry-run", action="store_true", help="delete nothing, say what would be"),
    OUTPUT,
)  # fmt: skip
def prune(*, older_than: timedelta | None, dry_run: bool, output: str) -> None:
    """Delete old and expired results, and files no result speaks of."""
    gone = prune_results(older_than, dry_run=dry_run)
    if output == "json":
        printing.as_json(gone)
        return
    verb = "would be deleted" if dry_run else "deleted"
    print(f"{gone.results} results ({gone.bytes:,} bytes) and {gone.files} stray files {verb}.")
