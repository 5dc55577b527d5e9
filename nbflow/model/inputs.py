"""Inputs: what is said to a run while it goes on: the answer to a pause, or a message of a run.

A pause says what it asks for in its state (`details["input"]`: a JSON Schema, a description in
Markdown); the answer is checked by the authority and kept under the pause's key. What Python makes
of an input is `nbflow.input`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nbflow.model import clock
from nbflow.model.ids import uuid7
from nbflow.model.runs import FlowRun

#: an input is a message, not a data set
MOST_BYTES = 512 * 1024
LONGEST_KEY = 255


@dataclass(frozen=True)
class RunInput:
    """Something said to a flow run.

    Attributes:
        key: what it answers (`answer_key`), or the kind of message and an id of its own.
        value: JSON values.
        sender: who said it: `nbflow.flow-run.ID`, or a person's name.
    """

    flow_run_id: str
    key: str
    value: Any
    sender: str | None = None
    created_at: datetime = field(default_factory=clock.now)
    id: str = field(default_factory=uuid7)


def answer_key(pause_key: str) -> str:
    """Give the key under which the answer to a pause is kept."""
    return f"pause:{pause_key}"


class Inputs(Protocol):
    """The part of the Backend that talks to running flows."""

    def resume_flow_run(
        self, flow_run_id: str, run_input: Mapping[str, Any] | None = None
    ) -> FlowRun:
        """Let a paused run go on (Running), or a suspended one start again (Resuming).

        Raises NotFound, Conflict (not paused, or too late), InvalidInput naming the field of the
        input that is wrong: the run is then still paused.
        """
        ...

    def retry_flow_run(
        self,
        flow_run_id: str,
        options: Mapping[str, Any] | None = None,
        *,
        work_pool: str | None = None,
    ) -> FlowRun:
        """Let an ended run that did not complete be tried again, with the same parameters.

        It waits (AwaitingRetry) for a worker of its pool, or for whoever asked.

        Args:
            options: of a notebook run: `resume` (True: go on where it ended; else it begins at
                the top), `resume_from`, `resume_source` (`model.run_options`).
            work_pool: gives a run that has no pool to the workers of one.

        Raises NotFound, Conflict, InvalidInput.
        """
        ...

    def accept_flow_run(self, flow_run_id: str) -> FlowRun:
        """Take the end that was heard late of a crashed run for its end: Completed, or Failed.

        A run that was given up because its worker could not be heard runs on there; how it ended is
        noted with its crash. Raises NotFound, Conflict (nothing was heard late).
        """
        ...

    def send_input(self, given: RunInput) -> None:
        """Keep an input for a flow run. Raises NotFound, InvalidInput."""
        ...

    def list_inputs(
        self, flow_run_id: str, *, prefix: str = "", after: str | None = None, limit: int = 100
    ) -> tuple[RunInput, ...]:
        """List a run's inputs whose key begins with `prefix`, oldest first; `after`: an id."""
        ...
