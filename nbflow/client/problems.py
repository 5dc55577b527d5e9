"""A server's `{code, message, field?, hint?}` as the error it was raised as."""

from __future__ import annotations

import json
from typing import Any, cast

from nbflow.client.verdicts import verdict_of
from nbflow.exceptions import Forbidden, NbflowError, TransitionRefused, Unreachable

#: words codes of a schedule begin with, besides its class's own
_TIMINGS = frozenset({"cron", "interval", "rrule", "timing", "timezone", "datetime"})


def error_of(status: int, text: str, *, url: str) -> NbflowError:
    """Give the error an answer tells of: of nbflow's own class when the server is nbflow's."""
    problem = _problem(text)
    if problem is None:
        return _foreign(status, url)
    made = _class(problem["code"], status)(
        problem["message"],
        code=problem["code"],
        field=problem.get("field"),
        hint=problem.get("hint"),
    )
    made.status = status
    if isinstance(made, TransitionRefused) and problem.get("verdict"):
        made.verdict = verdict_of(json.dumps(problem["verdict"]))
    return made


def _problem(text: str) -> dict[str, Any] | None:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    problem = cast("dict[str, Any]", found)
    return problem if "code" in problem and "message" in problem else None


def _foreign(status: int, url: str) -> NbflowError:
    """Give the error of an answer that is not nbflow's."""
    if status in (401, 403) or 300 <= status < 400:
        return Forbidden(
            f"The server at {url} does not know this token.", hint="Set NBFLOW_API_TOKEN."
        )
    return Unreachable(
        f"There is no nbflow at {url}: it answers {status}.",
        hint="Is NBFLOW_API_URL the address of a Jupyter server with nbflow?",
    )


def _class(code: str, status: int) -> type[NbflowError]:
    """Choose by the whole code, then by status and first word, then by either.

    By its status alone a problem is only known as one of the wide kinds, right below NbflowError.
    """
    known = [kind for kind in _tree() if kind.__module__ == NbflowError.__module__]
    for kind in known:
        if kind.code == code:
            return kind
    family = "schedule" if _family(code) in _TIMINGS else _family(code)
    related = [kind for kind in known if _family(kind.code) == family]
    both = [kind for kind in related if kind.status == status]
    widest = [NbflowError, *NbflowError.__subclasses__()]
    wide = [kind for kind in known if kind.status == status and kind in widest]
    return next(iter([*both, *wide, *related, NbflowError]))


def _family(code: str) -> str:
    return code.partition(".")[0]


def _tree() -> list[type[NbflowError]]:
    """List nbflow's errors, the wider ones first."""
    level: list[type[NbflowError]] = [NbflowError]
    found: list[type[NbflowError]] = []
    while level:
        found += level
        level = [below for kind in level for below in kind.__subclasses__()]
    return found
