"""Parameters put into a notebook before it runs: where papermill puts them, as literals.

Python is written by `model.parameter_code`. For other languages papermill's translators write, with
two of them mended: Julia and PowerShell would execute code in a text (`"$(…)"`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from nbflow.exceptions import InvalidNotebook, ParameterTypeError
from nbflow.model import notebooks, parameter_code, parameter_references
from nbflow.model.json_schema import Schema

_PYTHON = ("python", "ipython")
_TAG = "injected-parameters"


def source(schema: Schema, values: Mapping[str, Any], *, kernel_name: str, language: str) -> str:
    """Give the text of the injected cell.

    Raises InvalidNotebook (`kernel.no_parameters`), ParameterTypeError for a value that the
    language cannot be given.
    """
    if language.lower() in _PYTHON:
        return parameter_code.source(schema, values)
    translator = _translator(kernel_name, language)
    lines = [translator.comment("Parameters")]
    for name, value in values.items():
        try:
            if parameter_references.of(value) is not None:
                raise NotImplementedError
            if language.lower() == "bash":
                _check_for_bash(value)
            lines.append(translator.codify({name: value}).partition("\n")[2].rstrip("\n"))
        except NotImplementedError:
            raise ParameterTypeError(
                f"Parameter {name!r} is {json.dumps(value)[:80]}, which a notebook in {language} "
                "cannot be given.",
                field=name, hint="Pass numbers, text, or flat lists.",
            ) from None  # fmt: skip
    return "\n".join(lines)


def check(values: Mapping[str, Any], *, kernel_name: str, language: str) -> None:
    """Refuse values that a notebook's language cannot be given. Raises as `source`."""
    if language.lower() not in _PYTHON:
        source({}, values, kernel_name=kernel_name, language=language)


def inject(nb: Any, text: str, parameters: Mapping[str, Any]) -> None:
    """Put a cell into a notebook: over an injected one, below the `parameters` cell, or on top."""
    from nbformat.v4 import new_code_cell
    from papermill.version import version

    injected, declared = _tagged(nb, _TAG), _tagged(nb, "parameters")
    if injected is not None:
        nb.cells[injected].source = text
    else:
        at = 0 if declared is None else declared + 1
        taken = any(cell.id == _TAG for cell in nb.cells)
        named = {} if taken else {"id": _TAG}  # the same for each attempt of a run
        nb.cells.insert(at, new_code_cell(text, metadata={"tags": [_TAG]}, **named))
    empty: dict[str, Any] = {"default_parameters": {}, "environment_variables": {}}
    nb.metadata.papermill = {**empty, "version": version, "parameters": dict(parameters)}


def _tagged(nb: Any, tag: str) -> int | None:
    return next((at for at, cell in notebooks.code_cells(nb) if tag in notebooks.tags(cell)), None)


def _check_for_bash(value: Any) -> None:
    items = value if isinstance(value, list) else []
    if isinstance(value, dict) or any(isinstance(item, (list, dict)) for item in items):
        raise NotImplementedError
    if any(isinstance(item, str) and "\x00" in item for item in [value, *items]):
        raise NotImplementedError


def _translator(kernel_name: str, language: str) -> Any:
    from papermill import translators
    from papermill.exceptions import PapermillException

    try:
        found = translators.papermill_translators.find_translator(kernel_name, language)
    except PapermillException:
        raise InvalidNotebook(
            f"Parameters cannot be given to a notebook in {language}.",
            code="kernel.no_parameters", field="parameters", hint="Run it without parameters.",
        ) from None  # fmt: skip
    escape = _ESCAPES.get(found.__name__)
    if escape is None:
        return found
    return type(found.__name__, (found,), {"translate_escaped_str": classmethod(escape)})


def _julia(cls: Any, value: Any) -> str:
    text = super(cls, cls).translate_escaped_str(str(value))
    return text.replace("$", r"\$")


def _powershell(_cls: Any, value: Any) -> str:
    # Between single quotes nothing is read but quotes, of which PowerShell knows five.
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", str(value)) + "'"


_ESCAPES = {"JuliaTranslator": _julia, "PowershellTranslator": _powershell}
