"""How a notebook is to be executed, beyond its parameters: kept with its deployment and its runs.

What a cell asks for itself stands in the cell; what these words do is the executor's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from nbflow.exceptions import InvalidInput
from nbflow.model import names
from nbflow.model.shapes import is_list, is_sequence, is_texts

Checkpoint = Literal["failure", "cell", "none"]
ResumeSource = Literal["run", "current"]

#: what may be asked of another attempt, and counts for that one only
OF_AN_ATTEMPT = ("resume", "resume_from", "resume_source")
#: the longest a kernel is kept after a failure: a week
LONGEST_KEPT_SECONDS = 7 * 86_400.0


@dataclass(frozen=True)
class RunOptions:
    """What may be chosen for the execution of a notebook.

    Attributes:
        checkpoint: when variables are saved so that a run can be resumed: when a cell fails, after
            every `cell`, or never. Results of `%%task` cells are kept in any case.
        keep_kernel_seconds: how long the kernel of a failed run stays; 0: not at all.
        exports: nbconvert exporters whose output is stored with the run, such as `html`.
        cells: only these cells (names or ids) are executed; empty: all.
        resume: a later attempt goes on where the last one ended; False: it begins at the top, as
            one does that a person asked for without saying `resume`.
        resume_from: the cell a resumed run begins with; None: the first that did not complete.
        resume_source: `run` executes the notebook as it was started, `current` as it is now.
    """

    checkpoint: Checkpoint = "failure"
    keep_kernel_seconds: float = 0.0
    exports: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    resume: bool = True
    resume_from: str | None = None
    resume_source: ResumeSource = "run"

    def __post_init__(self) -> None:
        _one_of("checkpoint", self.checkpoint, get_args(Checkpoint))
        _one_of("resume_source", self.resume_source, get_args(ResumeSource))
        seconds: Any = self.keep_kernel_seconds
        number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if not number or not 0 <= seconds <= LONGEST_KEPT_SECONDS:
            _wrong("keep_kernel_seconds", seconds, "seconds from 0 to those of a week")
        asked: Any = self.resume
        if not isinstance(asked, bool):
            _wrong("resume", asked, "true or false")
        for name in ("exports", "cells"):
            _texts(name, getattr(self, name))
        if self.resume_from is not None:
            _texts("resume_from", (self.resume_from,))

    def to_json(self) -> dict[str, Any]:
        """Give what was chosen, without the defaults."""
        chosen: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        default = RunOptions()
        return {
            name: list(value) if is_sequence(value) else value
            for name, value in chosen.items()
            if value != getattr(default, name)
        }


def of_json(value: Mapping[str, Any]) -> RunOptions:
    """Read the options of a run or a deployment. Raises InvalidInput."""
    known = {f.name for f in fields(RunOptions)}
    for name in value:
        if name not in known:
            raise InvalidInput(
                f"There is no option {name!r} for the execution of a notebook.",
                code="options.unknown", field=f"options.{name}",
                hint=f"There are {', '.join(sorted(known))}.",
            )  # fmt: skip
    given: dict[str, Any] = {n: tuple(v) if is_list(v) else v for n, v in value.items()}
    return RunOptions(**given)


def for_retry(
    options: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the options of a run's next attempt: what was said of the last one's start is over.

    Args:
        changes: what a person asked of this attempt: some of `OF_AN_ATTEMPT`.

    Raises InvalidInput.
    """
    for name in changes or {}:
        if name not in OF_AN_ATTEMPT:
            raise InvalidInput(
                f"{name} cannot be changed for another attempt.",
                code="options.fixed", field=f"options.{name}",
                hint=f"There are {', '.join(OF_AN_ATTEMPT)}.",
            )  # fmt: skip
    kept = {name: value for name, value in options.items() if name not in OF_AN_ATTEMPT}
    return of_json({**kept, **(changes or {})}).to_json()


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        _wrong(name, value, f"one of {', '.join(allowed)}")


def _texts(name: str, value: Any) -> None:
    given = list(value) if is_sequence(value) else None
    if not is_texts(given) or not all(text.strip() for text in given):
        _wrong(name, value, "names, none of them empty")


def _wrong(name: str, value: Any, wanted: str) -> None:
    raise InvalidInput(
        f"{name} is {names.shown(value)}, not {wanted}.",
        code="options.invalid", field=f"options.{name}",
    )  # fmt: skip
