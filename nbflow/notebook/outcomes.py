"""What became of a cell and of its run, in states and sentences. Pure; a kernel is nowhere near.

Cells are counted as people count them: code cells that have code, without the injected parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbflow.model import notebooks, states, texts
from nbflow.model.cell_reports import CellReport
from nbflow.model.states import State, StateType
from nbflow.notebook.stopping import Reason

if TYPE_CHECKING:
    from nbflow.notebook.client import Ran

#: what moves a terminal's cursor, colours it, or names its window
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]"
)
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
    return states.Skipped(message="Tagged skip-execution.")


def all_completed(all_places: Mapping[str, Place]) -> State:
    """Give the state of a run whose cells all completed."""
    total = max((place.total for place in all_places.values()), default=0)
    return states.Completed(message=f"{total} cell{'' if total == 1 else 's'} completed.")


def not_needed(place: Place) -> State:
    """Give the state of a cell after the one that stopped the run."""
    return states.Skipped(message=f"Not run: stopped early, in {place}.")


def completed_early(cell: State) -> State:
    """Give the state of a run that a cell completed."""
    return states.Completed(message=cell.message, details={"cause": "stop"})


def no_nbflow(reply: Mapping[str, Any] | None, python: str) -> State:
    """Give the state of a run whose kernel cannot do what a cell asks for."""
    if reply is None:
        return states.Crashed(
            message="The kernel did not load nbflow: it died or did not answer.",
            details={"cause": "kernel.no_nbflow"},
        )
    message = "A cell needs nbflow, and the kernel's environment has none that loads"
    if reply.get("ename") != "ModuleNotFoundError":
        message += f" ({error_text(reply)})"
    message += f". Install it there: {python} -m pip install nbflow"
    return states.Failed(message=message, details={"cause": "kernel.no_nbflow"})


#: what a kernel's report may name a cell that completed
_COMPLETED = {"Completed": "Completed", "Cached": "Cached", "Skipped": "Skipped"}


def replied(
    cell: Mapping[str, Any], reply: Mapping[str, Any], report: CellReport | None = None
) -> State:
    """Give a cell's state from the kernel's `execute_reply` content, and what it told before.

    The state of a cell that completes the whole run has the cause `stop`.
    """
    left = _left(reply, report)
    if left is not None:
        return left
    exits = [p for p in reply.get("payload") or () if p.get("source") == "ask_exit"]
    if exits:
        return states.Failed(
            message="It called quit() or exit(). A run completes when its last cell ends; "
            "nbflow.stop() completes it earlier.",
            details={"cause": "exit"},
        )
    if reply["status"] != "error":
        if report is None:
            return states.Completed()
        name = _COMPLETED.get(report.state_name, "Completed")
        return State(StateType.COMPLETED, name=name, message=texts.safe(report.message))
    error = error_text(reply)
    if notebooks.may_raise(cell):
        return states.Completed(message=f"Raised {error}, as its tag raises-exception allows.")
    if report is not None and report.state_name == "TimedOut":
        return states.TimedOut(message=texts.safe(report.message), details={"cause": "exception"})
    details = {"cause": "exception", "ename": reply.get("ename")}
    return states.Failed(message=_said_plainly(reply) or error, details=details)


def leaves(content: Mapping[str, Any]) -> str:
    """Say how a cell left early, from an error's content: `Skip`, `Stop`, or not at all."""
    name, shown = str(content.get("ename")), list(content.get("traceback") or ())
    if name not in ("Skip", "Stop") or len(shown) != 1:
        return ""
    return name if shown[0].startswith(f"nbflow.{name.lower()}: ") else ""


def _left(reply: Mapping[str, Any], report: CellReport | None) -> State | None:
    """Give the state of a cell that left early, by `nbflow.skip()` or `nbflow.stop()`."""
    how = leaves(reply) if reply["status"] == "error" else ""
    if how == "Stop" or (report is not None and report.state_name == "Stopped"):
        reason = reply.get("evalue") or (report.message if report else "")
        message = texts.safe(f"Stopped: {reason}" if reason else "Stopped early.")
        return states.Stopped(message=message, details={"cause": "stop"})
    return states.Skipped(message=texts.safe(reply.get("evalue") or "")) if how == "Skip" else None


def may_try_again(state: State, ran: Ran) -> bool:
    """Say whether a failed cell could be run again: its kernel lives, and nobody wants the end."""
    if ran.killed or ran.cut_short == "stop" or ran.reply is None:
        return False
    return state.is_failed() and state.details.get("cause") in ("exception", "timeout")


def error_text(reply: Mapping[str, Any]) -> str:
    """Give an error as `Name: text`, cut to a sentence."""
    evalue = str(reply.get("evalue") or "")[: 20 * _CHARS]
    name, text = reply.get("ename") or "Error", _CONTROL.sub("", evalue).strip()
    said = f"{name}: {text}" if text else name
    return texts.safe(said if len(said) <= _CHARS else said[:_CHARS] + "…")


def _said_plainly(reply: Mapping[str, Any]) -> str:
    """Say in our words what an error of the kernel's own means to a run."""
    if reply.get("ename") == "StdinNotImplementedError":
        return "It asked for input, and a run has nobody to answer: use a parameter instead."
    if reply.get("ename") == "SystemExit":
        code = reply.get("evalue")
        said = f"It called sys.exit({code}). A run completes when its last cell ends"
        return f"{said}; nbflow.stop() completes it earlier." if code in ("", "0") else f"{said}."
    return ""


def kernel_ended(code: int | None) -> str:
    """Say how a kernel's process ended, from its exit code (negative: a signal; None: unknown)."""
    if code is None:
        return "its process is gone"
    return f"killed by signal {-code}" if code < 0 else f"exited with code {code}"


def died(
    place: Place, code: int | None, last_words: str, *, before: bool = False, why: str = ""
) -> State:
    """Give the state of a run whose kernel ended while, or just before, a cell ran.

    `why`: what else is known of it, in a few words.
    """
    where = f"before {place}, which did not run" if before else f"in {place}"
    how = f"{kernel_ended(code)}, {why}" if why else kernel_ended(code)
    message = f"Kernel died {where} ({how}).{place.rest()}"
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


def timed_out(ran: Ran, seconds: float) -> State:
    """Give the state of a cell that took longer than it may."""
    message = f"The cell took longer than {seconds:g} s and was interrupted."
    if ran.killed:
        message = (
            f"The cell took longer than {seconds:g} s and did not stop on interrupt, so its "
            "kernel was killed; without it no cell can run again."
        )
    return states.TimedOut(message=message, details={"cause": "timeout"})


def stopped(reason: Reason, *, cancelled: bool, killed: bool, place: Place | None) -> State:
    """Give the state of a run that was asked to stop; `place` is the cell that ran then."""
    where = f" in {place}" if place else " before a cell ran"
    rest = place.rest() if place else ""
    if killed:
        rest = f" It did not stop on interrupt, so its kernel was killed.{rest}"
    details = {"cause": "stopped", **({"cell": place.cell_id} if place else {})}
    if reason == "timeout":
        message = f"The run took longer than its job may{where}.{rest}"
        return states.TimedOut(message=message, details={**details, "cause": "timeout"})
    if cancelled:
        return states.Cancelled(message=f"Cancelled{where}.{rest}", details=details)
    why = {
        "orphaned": "The worker ended, so the run was stopped",
        "lost": "Another process took the run over, so it was stopped",
        "interrupt": "The worker was shut down, so the run was stopped",
    }.get(reason, "The run was stopped")
    return states.Crashed(message=f"{why}{where}.{rest}", details=details)


def _capital(place: Place) -> str:
    text = str(place)
    return text[0].upper() + text[1:]
