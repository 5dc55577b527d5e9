"""Parameters of a call: bound to the signature, coerced to its types, and put into a run's name.

Coercion is pydantic's, loaded only when an argument is not already of its annotated plain type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nbflow.engine import secrets
from nbflow.exceptions import InvalidInput, ParameterBindError, ParameterTypeError
from nbflow.model import parameter_references, texts
from nbflow.model.names import shown

_PLAIN = frozenset({int, float, str, bytes, bool, type(None)})


def bind(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any], *, what: str
) -> inspect.BoundArguments:
    """Bind a call's arguments, defaults filled in. Raises ParameterBindError."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        said = str(error)
        field = said.split("'")[1] if "'" in said else None
        takes = f"It takes {signature}." if signature.parameters else "It takes no parameters."
        raise ParameterBindError(f"{what}: {said}.", field=field, hint=takes) from None
    bound.apply_defaults()
    return bound


def by_name(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Mapping[str, Any]:
    """Give arguments by name, defaults filled in; nothing when they do not fit the signature."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return {}
    bound.apply_defaults()
    return bound.arguments


def coerce(bound: inspect.BoundArguments, fn: Callable[..., Any], *, what: str) -> None:
    """Coerce bound arguments in place, as pydantic does. Raises ParameterTypeError."""
    given = {
        name: value
        for name, value in bound.arguments.items()
        if not _fits(bound.signature.parameters[name].annotation, value)
    }
    if not given:
        return
    from nbflow.engine import coercion  # pydantic costs 70 ms: only where a value needs it

    wrong: ParameterTypeError | None = None
    for name, value in given.items():
        parameter = bound.signature.parameters[name]
        annotation = type_of(parameter.annotation, fn)
        if value is not parameter.default and annotation is not Any:
            value = _looked_up(value, annotation)
            try:
                bound.arguments[name] = coercion.coerce(
                    value, annotation, parameter.kind, name=name, what=what
                )
            except ParameterTypeError as error:  # the others may be secrets: they are looked at
                secrets.register_given(value, annotation)
                wrong = wrong or error
    if wrong is not None:
        raise wrong


def _looked_up(value: Any, annotation: Any) -> Any:
    """Give the value a reference stands for; a parameter that takes a block gets the block."""
    reference = parameter_references.of(value)
    if reference is None:
        return value
    from nbflow.blocks import Block, referring

    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation.load_from_ref(reference)
    return referring.value_of(reference)


def _fits(annotation: Any, value: Any) -> bool:
    """Say whether a value needs no look at its annotation."""
    if annotation in (inspect.Parameter.empty, Any, "Any"):
        return True
    kind = type(value)
    return kind in _PLAIN and annotation in (kind, kind.__name__)


def type_of(annotation: Any, fn: Callable[..., Any]) -> Any:
    """Give an annotation as a type; Any for one that cannot be found out."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, getattr(inspect.unwrap(fn), "__globals__", {}))
    except Exception:  # a name only type checkers know, or one local to another function
        return Any


def run_name(template: Any, values: Mapping[str, Any], *, field: str) -> str:
    """Make a run's name from a template over parameters, or a callable. Raises InvalidInput."""
    try:
        name = _called(template, values) if callable(template) else template.format(**values)
    except Exception as error:  # of the user's, or of what the parameters' own classes do
        raise InvalidInput(
            f"{field}={shown(template)} cannot be filled in: {texts.of_error(error)}.",
            field=field,
            hint=f"The parameters are {', '.join(values) or 'none'}.",
        ) from None
    if not isinstance(name, str):
        raise InvalidInput(f"{field} gave {type(name).__name__}, not text.", field=field)
    return texts.safe(name[:200]) or "-"


def _called(template: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function that makes a name; with the parameters, if it has a parameter for them."""
    takes = "parameters" in inspect.signature(template).parameters
    return template(parameters=dict(values)) if takes else template()
