"""What an object shows of itself, as a MIME bundle: the way a notebook keeps an output.

Inside IPython its formatters are asked, so that what is registered there counts; elsewhere the
object's own `_repr_…_` methods. Figures are drawn in either.
"""

from __future__ import annotations

import base64
import io
import logging
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from nbflow.artifacts.tables import as_text, wrong
from nbflow.exceptions import InvalidInput
from nbflow.model.artifacts import is_binary

_log = logging.getLogger("nbflow.artifacts")

#: an object's methods, the richest form first
_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_pdf_": "application/pdf",
    "_repr_json_": "application/json",
}
#: what could only run, or lives only as long as its kernel
_NOT_KEPT = frozenset(
    {"application/javascript", "text/javascript", "application/vnd.jupyter.widget-view+json"}
)


def bundle(value: Any, *, text: Callable[[str], str]) -> dict[str, Any]:
    """Give a value as a MIME bundle. Raises InvalidInput for what shows nothing of itself.

    Args:
        value: a mapping of MIME types to contents, or whatever a notebook displays.
        text: what each text in it passes.
    """
    forms = value if _explicit(value) else _shown(value)
    kept = {mime: content for mime, content in forms.items() if mime not in _NOT_KEPT}
    made = {mime: _content(mime, content, text) for mime, content in kept.items()}
    if not made:
        raise InvalidInput("There is nothing in it that can be shown.", field="obj")
    return made


def _explicit(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(k, str) and k.count("/") == 1 and " " not in k for k in value)


def _shown(value: Any) -> dict[str, Any]:
    """Give the forms of an object; those that fail are left out, unless all do."""
    forms = _by_shell(value)
    forms = _by_itself(value) if forms is None else forms
    figure = _figure(value)
    if figure is not None and not any(mime.startswith("image/") for mime in forms):
        forms["image/png"] = png(figure)
    if "text/plain" not in forms:
        plain = _plain(value, needed=not forms)
        forms |= {"text/plain": plain} if plain is not None else {}
    return forms


def _by_shell(value: Any) -> dict[str, Any] | None:
    """Ask the formatters of the shell this code runs in; None outside IPython."""
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    forms, _ = interactive.InteractiveShell.instance().display_formatter.format(value)
    return dict(forms)


def _by_itself(value: Any) -> dict[str, Any]:
    if isinstance(value, type):  # a class has its instances' methods, and no self for them
        return {}
    forms = _asked(value, "_repr_mimebundle_", include=None, exclude=None)
    forms = forms[0] if isinstance(forms, tuple) else forms
    found = dict(forms) if isinstance(forms, Mapping) else {}
    for name, mime in _METHODS.items():
        content = None if mime in found else _asked(value, name)
        if content is not None:  # some give their metadata besides
            found[mime] = content[0] if isinstance(content, tuple) else content
    return found


def _asked(value: Any, name: str, **said: Any) -> Any:
    method = getattr(value, name, None)
    if not callable(method) or _answers_to_all(value):
        return None
    try:
        return method(**said)
    except Exception as error:
        _log.warning("%s of %s failed: %s", name, type(value).__name__, as_text(error))
        return None


def _plain(value: Any, *, needed: bool) -> str | None:
    try:
        return repr(value)
    except Exception as error:
        if needed:
            raise InvalidInput(
                f"This {type(value).__name__} cannot be shown: its __repr__ raised "
                f"{type(error).__name__}: {as_text(error)}",
                field="obj",
            ) from None
        return None


def _figure(value: Any) -> Any:
    """Give the figure that a value is, or lies on."""
    if _answers_to_all(value) or isinstance(value, type):
        return None
    if hasattr(value, "savefig"):
        return value
    around = getattr(value, "figure", None)
    return around if hasattr(around, "savefig") else None


def _answers_to_all(value: Any) -> bool:
    """Say whether an object has an attribute of any name, as mocks have: it means none of them."""
    return hasattr(value, "_ipython_canary_method_should_not_exist_")


def png(figure: Any) -> bytes:
    """Draw a figure. Raises InvalidInput."""
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format="png", bbox_inches="tight")
    except Exception as error:
        raise InvalidInput(
            f"The figure cannot be drawn: {type(error).__name__}: {as_text(error)}", field="image"
        ) from error
    return buffer.getvalue()


# -- one form ---------------------------------------------------------------------------------
def _content(mime: str, content: Any, text: Callable[[str], str]) -> Any:
    """Give a form as a notebook keeps it: binary in base64, JSON as values, else text."""
    if isinstance(content, (bytes, bytearray, memoryview)):
        if is_binary(mime):
            return base64.b64encode(content).decode("ascii")
        return text(bytes(content).decode("utf-8", "backslashreplace"))
    if isinstance(content, (list, tuple)) and all(isinstance(line, str) for line in content):
        content = "".join(content)
    if isinstance(content, str):
        return content if is_binary(mime) else text(content)
    if not mime.endswith("json"):
        raise wrong(mime, "text" if not is_binary(mime) else "bytes, or text in base64", content)
    try:
        return _json(content, text)
    except RecursionError:
        raise InvalidInput(f"The {mime} is nested too deep, or in itself.", field="obj") from None


def _json(value: Any, text: Callable[[str], str]) -> Any:
    """Give JSON values: no NaN, arrays as lists, what JSON does not know as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else text(as_text(value))
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {text(as_text(key)): _json(item, text) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_json(item, text) for item in value]
    if hasattr(value, "tolist"):  # numpy
        return _json(value.tolist(), text)
    return text(as_text(value))
