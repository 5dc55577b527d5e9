"""What the options of `@flow` and `@task` may be; bad ones are refused when the decorator runs.

The two lists of options are here, once: the decorators, the classes and `with_options` all take
them from here. What an option does is told where it is carried out.
"""

from __future__ import annotations

import functools
import inspect
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

from nbflow import settings
from nbflow.engine.retrying import RetryPolicy
from nbflow.exceptions import InvalidInput
from nbflow.model.durations import LONGEST_SECONDS
from nbflow.model.names import check_tags, did_you_mean, shown
from nbflow.model.tries import MOST_DELAYS, check_number, delay, is_number, retries

#: keyword arguments of a call that are nbflow's own
RESERVED = ("return_state", "wait_for")
_LONGEST_TEXT = 100_000

#: options that only `engine.plans` can judge, at the price of importing what keeps results
_OF_RESULTS = (
    "result_storage", "result_serializer", "result_storage_key", "cache_policy", "cache_key_fn",
)  # fmt: skip

RunName = str | Callable[..., str]
Delay = float | Sequence[float] | Callable[[int], Sequence[float]]
HookList = list[Callable[..., Any]]


class RunOptions(TypedDict, total=False):
    """The options flows and tasks share."""

    name: str | None
    version: str | None
    description: str | None
    retries: int | None
    retry_delay_seconds: Delay | None
    retry_jitter_factor: float | None
    retry_condition_fn: Callable[..., Any] | None
    timeout_seconds: float | None
    persist_result: bool | None
    result_storage: Any
    result_serializer: Any
    result_storage_key: str | None
    cache_result_in_memory: bool
    log_prints: bool | None
    on_completion: HookList | None
    on_failure: HookList | None
    on_running: HookList | None


class FlowOptions(RunOptions, total=False):
    """The options of `@flow`."""

    flow_run_name: RunName | None
    validate_parameters: bool
    task_runner: Any
    fail_on_task_failure: bool
    on_cancellation: HookList | None
    on_crashed: HookList | None


class TaskOptions(RunOptions, total=False):
    """The options of `@task`."""

    tags: Iterable[str] | None
    task_run_name: RunName | None
    cache_policy: Any
    cache_key_fn: Callable[..., str | None] | None
    cache_expiration: timedelta | None
    refresh_cache: bool | None
    on_commit: HookList | None
    on_rollback: HookList | None
    viz_return_value: Any


def known(asked: Mapping[str, Any], among: Any, *, what: str) -> dict[str, Any]:
    """Give the options asked for. Raises InvalidInput for one that does not exist."""
    names = _NAMES[among]
    for name in asked:
        if name not in names:
            raise InvalidInput(
                f"@{what} has no option {name!r}.",
                code="option.unknown",
                field=name,
                hint=did_you_mean(name, names, "There are:"),
            )
    return dict(asked)


_NAMES: dict[Any, frozenset[str]] = {
    # a TypedDict's own annotations leave out those it inherits from
    kind: frozenset({*RunOptions.__annotations__, *kind.__annotations__})
    for kind in (FlowOptions, TaskOptions)
}


# -- the function -----------------------------------------------------------------------------
def signature(fn: Any, *, what: str) -> inspect.Signature:
    """Give a function's signature. Raises InvalidInput for no function, or a reserved name."""
    if not callable(fn) or isinstance(fn, type):
        raise InvalidInput(
            f"@{what} goes on a function, not on {type(fn).__name__} {shown(fn)}.",
            field="fn",
            hint=f"Write `@{what}` or `@{what}(...)` right above `def`.",
        )
    try:
        found = inspect.signature(fn)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"@{what} cannot see which parameters {name_of(fn)} takes.",
            field="fn",
            hint="Wrap it in a function of your own.",
        ) from None
    taken = next((name for name in RESERVED if name in found.parameters), None)
    if taken is not None:
        raise InvalidInput(
            f"A {what} cannot have a parameter {taken!r}: the call itself takes it.",
            field=taken,
            hint="Give the parameter another name.",
        )
    return found


def streams(fn: Callable[..., Any]) -> bool:
    """Say whether a function is a generator, sync or async."""
    return inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn)


def whole(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that is called once: a generator's gives the list of what it yields."""
    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def collected(*args: Any, **kwargs: Any) -> list[Any]:
            return list(fn(*args, **kwargs))

        return collected
    if inspect.isasyncgenfunction(fn):

        @functools.wraps(fn)
        async def acollected(*args: Any, **kwargs: Any) -> list[Any]:
            return [item async for item in fn(*args, **kwargs)]

        return acollected
    return fn


def keeps(asked: Mapping[str, Any]) -> bool:
    """Say whether an option says how values are kept or found again."""
    return any(asked.get(name) is not None for name in _OF_RESULTS)


def name_of(fn: Callable[..., Any]) -> str:
    """Give a function's name; `lambda` for one without."""
    return getattr(fn, "__name__", type(fn).__name__).strip("<>")


def description(text: Any, fn: Callable[..., Any]) -> str:
    """Give the description: what was said, else the function's docstring. Raises InvalidInput."""
    if text is None:
        return inspect.cleandoc(fn.__doc__ or "")
    return _text(text, "description")


def tags(values: Any) -> tuple[str, ...]:
    """Give tags in order. Raises InvalidInput."""
    if values is None:
        return ()
    listed = tuple(values) if isinstance(values, (set, frozenset)) else values
    return tuple(sorted(check_tags(listed)))


# -- tries ------------------------------------------------------------------------------------
def retry_policy(asked: Mapping[str, Any], prefix: str) -> RetryPolicy:
    """Give the policy that options make, settings (`{prefix}_default_…`) filling in.

    Raises InvalidInput.
    """
    number, delay = asked.get("retries"), asked.get("retry_delay_seconds")
    if number is None:
        number = getattr(settings, f"{prefix}_default_retries")
    if delay is None:
        delay = _delays_of_setting(f"{prefix}_default_retry_delay_seconds")
    number = retries(number)
    return RetryPolicy(
        number,
        delays(delay, number),
        _jitter(asked.get("retry_jitter_factor")),
        function(asked.get("retry_condition_fn"), field="retry_condition_fn"),
    )


def delays(value: Any, tries: int = 0) -> tuple[float, ...]:
    """Give the delay before each retry; the last one repeats. Raises InvalidInput."""
    if callable(value):
        value = _called(value, tries)
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return (delay(value),)
    check_number(value)
    return tuple(delay(item) for item in value)


def _called(value: Callable[[int], Any], tries: int) -> Any:
    given = value(min(tries, MOST_DELAYS))
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        return given
    raise InvalidInput(
        f"retry_delay_seconds gave {shown(given)}; it must give a list of seconds.",
        field="retry_delay_seconds",
    )


def _jitter(value: Any) -> float:
    if value is not None and (not is_number(value) or value < 0):
        raise InvalidInput(
            f"retry_jitter_factor is {shown(value)}; it must be 0 or more.",
            field="retry_jitter_factor",
            hint="0.5 draws each delay between half and one and a half of its value.",
        )
    return float(value or 0.0)


def _delays_of_setting(name: str) -> list[float]:
    text = getattr(settings, name)
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidInput(
            f"The setting {name} is {shown(text)}; it must be seconds, or several with commas.",
            code="setting.invalid",
            field=f"NBFLOW_{name.upper()}",
        ) from None


# -- single values ----------------------------------------------------------------------------
def seconds(value: Any, *, field: str) -> float | None:
    """Give a length of time above 0; None: no limit. Raises InvalidInput."""
    if value is None:
        return None
    if not is_number(value) or not 0 < value <= LONGEST_SECONDS:
        raise InvalidInput(
            f"{field} is {shown(value)}; it must be seconds, more than 0.",
            field=field,
            hint="Leave it out for no limit.",
        )
    return float(value)


def flag(value: Any, *, field: str, optional: bool = False) -> Any:
    """Give True or False (or None, where that means "as it is around"). Raises InvalidInput."""
    if isinstance(value, bool) or (optional and value is None):
        return value
    words = "True, False or None" if optional else "True or False"
    raise InvalidInput(f"{field} is {shown(value)}; it must be {words}.", field=field)


def text(value: Any, *, field: str) -> str | None:
    """Give a text, or None. Raises InvalidInput."""
    return None if value is None else _text(value, field)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{field} is {shown(value)}; it must be text.", field=field)
    if len(value) > _LONGEST_TEXT:
        raise InvalidInput(
            f"{field} has {len(value)} characters; {_LONGEST_TEXT} is the most.", field=field
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidInput(
            f"{field} contains a character that no database takes.",
            field=field,
            hint="Leave out NUL and lone surrogates.",
        )
    return value


def function(value: Any, *, field: str) -> Callable[..., Any] | None:
    """Give a function, or None. Raises InvalidInput."""
    if value is None or callable(value):
        return value
    raise InvalidInput(f"{field} is {shown(value)}; it must be a function.", field=field)


def expiration(value: Any) -> timedelta | None:
    """Give how long a cached result counts; None: for ever. Raises InvalidInput."""
    if value is None or (isinstance(value, timedelta) and value > timedelta(0)):
        return value
    raise InvalidInput(
        f"cache_expiration is {shown(value)}; it must be a timedelta above 0.",
        field="cache_expiration",
        hint="timedelta(hours=1), for example.",
    )


def run_name(template: Any, found: inspect.Signature, *, field: str) -> RunName | None:
    """Give a run's name: a template over the parameters, or a function. Raises InvalidInput."""
    if template is None:
        return None
    if callable(template):
        if inspect.iscoroutinefunction(template):
            raise InvalidInput(f"{field} is async; it must be a plain function.", field=field)
        return template  # pyright: ignore[reportReturnType]
    if isinstance(template, str):
        _check_template(_text(template, field), found, field)
        return template
    raise InvalidInput(f"{field} is {shown(template)}; it must be text or a function.", field=field)


def _check_template(template: str, found: inspect.Signature, field: str) -> None:
    try:
        parts = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise InvalidInput(f"{field}={shown(template)}: {error}.", field=field) from None
    names = list(found.parameters)
    for part in parts:
        name = part.split(".")[0].split("[")[0]
        if name not in names:
            raise InvalidInput(
                f"{field}={shown(template)} names {name!r}, which is not a parameter.",
                field=field,
                hint=did_you_mean(name, names, "The parameters are"),
            )
