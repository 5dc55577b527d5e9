"""What became of a cell and of its run, in states and sentences. Pure; a kernel is nowhere near.

Cells are counted as people count them: code cells that have code, without the injected parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbflow.model import notebooks, states, texts
from nbflow.model.states import State
from nbflow.notebook.stopping import Reason

#: a state's message is a sentence, not a dump
_CHARS = 500


@dataclass(frozen=True)
class Place:
    """Where a cell stands: `number` from 1, of `total`; number 0 is the injected parameters."""

    cell_id: str
    number: int
    total: int

    def __str__(self) -> str:
        if not self.number:
            return "the cell of injected parameters"
        return f"cell {self.number} of {self.total}"

    def rest(self) -> str:
        """Say which cells after this one did not run; empty when it was the last."""
        left = self.total - self.number
        if left <= 0:
            return ""
        if left == 1:
            return f" Cell {self.total} did not run."
        return f" Cells {self.number + 1}–{self.total} did not run."


def runs(cell: Mapping[str, Any]) -> bool:
    """Say whether a cell is one that executes: code, and not empty."""
    return cell["cell_type"] == "code" and bool(cell["source"].strip())


def places(cells: Sequence[Mapping[str, Any]]) -> dict[str, Place]:
    """Give the place of each cell that executes, by cell id."""
    executed = [cell for cell in cells if runs(cell)]
    counted = [c["id"] for c in executed if "injected-parameters" not in notebooks.tags(c)]
    numbers = {cell_id: number for number, cell_id in enumerate(counted, 1)}
    return {c["id"]: Place(c["id"], numbers.get(c["id"], 0), len(counted)) for c in executed}


def skipped() -> State:
    """Give the state of a cell that its tag keeps from running."""
    return State(states.StateType.COMPLETED, name="Skipped", message="Tagged skip-execution.")


def all_completed(all_places: Mapping[str, Place]) -> State:
    """Give the state of a run whose cells all completed."""
    total = max((place.total for place in all_places.values()), default=0)
    return states.Completed(message=f"{total} cell{'' if total == 1 else 's'} completed.")


def replied(cell: Mapping[str, Any], reply: Mapping[str, Any]) -> State:
    """Give a cell's state from the kernel's `execute_reply` content."""
    exits = [p for p in reply.get("payload") or () if p.get("source") == "ask_exit"]
    if exits:
        return states.Failed(
            message="It called quit() or exit(). A run completes when its last cell ends.",
            details={"cause": "exit"},
        )
    if reply["status"] != "error":
        return states.Completed()
    error = error_text(reply)
    if notebooks.may_raise(cell):
        return states.Completed(message=f"Raised {error}, as its tag raises-exception allows.")
    details = {"cause": "exception", "ename": reply.get("ename")}
    return states.Failed(message=_said_plainly(reply) or error, details=details)


def error_text(reply: Mapping[str, Any]) -> str:
    """Give an error as `Name: text`, cut to a sentence."""
    name, text = reply.get("ename") or "Error", str(reply.get("evalue") or "").strip()
    said = f"{name}: {text}" if text else name
    return texts.safe(said if len(said) <= _CHARS else said[:_CHARS] + "…")


def _said_plainly(reply: Mapping[str, Any]) -> str:
    """Say in our words what an error of the kernel's own means to a run."""
    if reply.get("ename") == "StdinNotImplementedError":
        return "It asked for input, and a run has nobody to answer: use a parameter instead."
    if reply.get("ename") == "SystemExit":
        return (
            f"It called sys.exit({reply.get('evalue')}). A run completes when its last cell ends."
        )
    return ""


def kernel_ended(code: int | None) -> str:
    """Say how a kernel's process ended, from its exit code (negative: a signal; None: unknown)."""
    if code is None:
        return "its process is gone"
    return f"killed by signal {-code}" if code < 0 else f"exited with code {code}"


def died(place: Place, code: int | None, last_words: str, *, before: bool = False) -> State:
    """Give the state of a run whose kernel ended while, or just before, a cell ran."""
    where = f"before {place}, which did not run" if before else f"in {place}"
    message = f"Kernel died {where} ({kernel_ended(code)}).{place.rest()}"
    if code == -9:
        message += " If nobody killed it, the machine may have run out of memory."
    if last_words:
        message += f" Its last words: {last_words[-_CHARS:]}"
    details = {"cause": "kernel_died", "cell": place.cell_id, "exit_code": code}
    return states.Crashed(message=message, details=details)


def not_started(kernel_name: str, how: str, last_words: str) -> State:
    """Give the state of a run whose kernel never answered."""
    message = f"The kernel {kernel_name!r} did not start ({how})."
    if last_words:
        message += f" Its last words: {last_words[-_CHARS:]}"
    return states.Crashed(message=message, details={"cause": "kernel.start_failed"})


def failed(place: Place, cell: State) -> State:
    """Give the state of a run whose cell failed."""
    message = f"{_capital(place)} failed: {cell.message}"
    return State(
        cell.type,
        name=cell.name,
        message=f"{message}{'' if message.endswith(('.', '…')) else '.'}{place.rest()}",
        details={**cell.details, "cell": place.cell_id},
    )


def timed_out(seconds: float) -> State:
    """Give the state of a cell that took longer than it may."""
    message = f"The cell took longer than {seconds:g} s and was interrupted."
    return states.TimedOut(message=message, details={"cause": "timeout"})


def stopped(reason: Reason, *, cancelled: bool, killed: bool, place: Place | None) -> State:
    """Give the state of a run that was asked to stop; `place` is the cell that ran then."""
    where = f" in {place}" if place else " before a cell ran"
    rest = place.rest() if place else ""
    if killed:
        rest = f" It did not stop on interrupt, so its kernel was killed.{rest}"
    details = {"cause": "stopped", **({"cell": place.cell_id} if place else {})}
    if cancelled:
        return states.Cancelled(message=f"Cancelled{where}.{rest}", details=details)
    why = {
        "orphaned": "The worker ended, so the run was stopped",
        "lost": "Another process took the run over, so it was stopped",
    }.get(reason, "The run was stopped")
    return states.Crashed(message=f"{why}{where}.{rest}", details=details)


def _capital(place: Place) -> str:
    text = str(place)
    return text[0].upper() + text[1:]
