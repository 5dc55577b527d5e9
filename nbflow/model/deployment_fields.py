"""The fields of a deployment that are said by hand, each checked: for deploying and for editing.

What they mean stands at `deployments.Deployment`; parameters are `parameters`' business, schedules
`schedule_said`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

from nbflow.exceptions import InvalidInput
from nbflow.model import job_variables, names
from nbflow.model.deployments import Collision, Source
from nbflow.model.shapes import is_mapping, is_sequence

LONGEST_DESCRIPTION = 10_000
MOST_AT_ONCE = 999_999_999
MOST_RETRIES = 100
#: a week
LONGEST_DELAY = 7 * 86_400.0
MAKERS = ("form", "yaml", "cli", "code", "rest")


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give fields as they are kept. Raises InvalidInput naming the first that is wrong."""
    return {
        name: value if name not in _CHECKS else _CHECKS[name](value)
        for name, value in given.items()
    }


def _description(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value or len(value) > LONGEST_DESCRIPTION:
        message = f"The description is not text of at most {LONGEST_DESCRIPTION} characters."
        raise InvalidInput(message, code="description.invalid", field="description")
    return value


def _limit(value: Any) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= MOST_AT_ONCE):
        return value
    raise InvalidInput(
        f"The concurrency limit is {names.shown(value)}, not a count from 0 to {MOST_AT_ONCE}.",
        code="concurrency_limit.invalid",
        field="concurrency_limit",
        hint="Leave it out for no limit; 0 lets none start.",
    )


def _retries(name: str) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if type(value) is int and 0 <= value <= MOST_RETRIES:
            return value
        raise InvalidInput(
            f"{name} is {names.shown(value)}, not a whole number from 0 to {MOST_RETRIES}.",
            code="retries.invalid",
            field=name,
        )

    return check


def _delay(value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and math.isfinite(value) and 0 <= value <= LONGEST_DELAY:
        return float(value)
    raise InvalidInput(
        f"retry_delay_seconds is {names.shown(value)}, not seconds from 0 to those of a week.",
        code="retries.invalid",
        field="retry_delay_seconds",
    )


def _variables(value: Any) -> dict[str, Any]:
    """Check what needs no pool: `job_variables.check` holds them against the pool's template."""
    if not is_mapping(value) or not all(isinstance(name, str) for name in value):
        raise InvalidInput(
            f"job_variables is {names.shown(value)}, not an object.",
            code="job_variables.invalid",
            field="job_variables",
        )
    if is_mapping(value.get("env")):
        job_variables.check_env(value["env"], field="job_variables.env")
    return dict(value)


def _flag(name: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise InvalidInput(f"{name} is {names.shown(value)}, not true or false.", field=name)

    return check


def _one_of(name: str, known: tuple[str, ...]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if isinstance(value, str) and value in known:
            return value
        hint = names.did_you_mean(str(value), known, "Known are")
        raise InvalidInput(f"{name} is {names.shown(value)}.", field=name, hint=hint)

    return check


def _named(name: str) -> Callable[[Any], str]:
    return lambda value: names.check_name(value, field=name)


def _tags(value: Any) -> tuple[str, ...]:
    return names.check_tags(tuple(value) if is_sequence(value) else value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "collision_strategy": _one_of("collision_strategy", get_args(Collision)),
    "concurrency_limit": _limit,
    "crash_retries": _retries("crash_retries"),
    "description": _description,
    "enforce_parameter_schema": _flag("enforce_parameter_schema"),
    "job_variables": _variables,
    "made_by": _one_of("made_by", MAKERS),
    "note": _description,
    "paused": _flag("paused"),
    "replace": _flag("replace"),
    "retries": _retries("retries"),
    "retry_delay_seconds": _delay,
    "source": _one_of("source", get_args(Source)),
    "tags": _tags,
    "work_pool": _named("work_pool"),
    "work_queue": _named("work_queue"),
}
