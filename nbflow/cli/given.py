"""Parameters as they were typed: `-p NAME=VALUE`, and `--parameters JSON` for many at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbflow.cli.parsing import usage
from nbflow.model import names
from nbflow.model import parameters as values


def parameters(
    schema: Mapping[str, Any], pairs: Sequence[str], text: str | None, *, what: str
) -> dict[str, Any]:
    """Read parameters, each `-p` by its type in the schema; `-p` wins over the JSON object.

    Raises InvalidInput; of one parameter, ParameterError.
    """
    found = {} if text is None else _object(text)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise usage(f"-p {names.shown(pair)} has no value.", "Write -p NAME=VALUE.", "param")
        found[name.strip()] = values.from_text(schema, name.strip(), value, what=what)
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise usage(
            f"--parameters is not JSON: {str(error)[:100]}.",
            """Write an object, such as '{"rows": 10}'.""",
            "parameters",
        ) from None
    if not isinstance(found, dict):
        raise usage(
            f"--parameters is {names.shown(found)}, not an object.",
            """Write one such as '{"rows": 10}'.""",
            "parameters",
        )
    return found
