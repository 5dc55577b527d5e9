"""`nbflow deploy --check`: what a notebook's kernel lacks, in words or as JSON."""

from __future__ import annotations

from nbflow.cli import printing
from nbflow.model.import_cells import Checked, Missing
from nbflow.notebook import checking


def check(notebook: str, *, kernel: str | None, output: str) -> int:
    """Try a notebook's imports in its kernel, and print what is missing; 1 when anything is."""
    found = checking.check(notebook, kernel_name=kernel)
    if output == "json":
        printing.as_json(found)
    else:
        _tell(found)
    return 0 if found.fits else 1


def _tell(found: Checked) -> None:
    spent = printing.seconds(found.seconds)
    if found.problem is not None:
        print(printing.clean(found.problem))
        return
    print(f"Kernel {found.kernel_name}: {found.tried} imports tried in {spent}.")
    if found.fits:
        print("Nothing is missing.")
    else:
        printing.columns(("cell", "missing"), map(_row, found.missing), none="")
    for hint in dict.fromkeys(item.hint for item in found.missing if item.hint):
        print(printing.clean(f"  {hint}"))


def _row(item: Missing) -> tuple[str, str]:
    return f"{item.cell_index + 1}: {item.cell_name}", item.module or item.message
