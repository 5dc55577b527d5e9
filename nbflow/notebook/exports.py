"""An executed notebook in other formats, beside it: made by nbconvert, which is imported only here.

The tags `remove-cell`, `remove-input`, `hide-input` and `remove-output` are honoured. What is made
of HTML is inert: outputs are shown, and can run nothing, load nothing and leave their place, so a
report may be opened by somebody who does not trust the notebook. Which formats there are,
`kernels.environments` says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.artifacts.safe_html import safe_html
from nbflow.exceptions import NbflowError
from nbflow.model import texts
from nbflow.store import whole_files

_log = logging.getLogger("nbflow.notebook")
#: nbconvert warns of a missing alternative text, and the like
_quiet = logging.getLogger("nbflow.notebook.exports")
_quiet.setLevel(logging.ERROR)

_STEM = "notebook"
#: what may be shown as it is; HTML is written anew, and anything else left out
_PLAIN = frozenset({"text/plain", "text/latex", "image/png", "image/jpeg", "image/gif"})
_EMPTY_SCRIPT = '<script src=""></script>'


@dataclass(frozen=True)
class Export:
    """An export that was asked for: where it lies, or why there is none."""

    format: str
    path: Path | None = None
    problem: str = ""


def make(notebook: Path, formats: Sequence[str], *, scripts: bool = False) -> Iterator[Export]:
    """Write an executed notebook in other formats into its folder, one after the other.

    Args:
        notebook: the notebook's path.
        formats: names of nbconvert's exporters.
        scripts: let HTML keep what its outputs would run, such as interactive plots.
    """
    for format in formats:
        try:
            yield Export(format, write(notebook, format, scripts=scripts))
        except Exception as error:  # nbconvert, pandoc, LaTeX, a browser: anything may be wrong
            _log.debug("the export to %s failed", format, exc_info=True)
            yield Export(format, problem=texts.safe(_first_line(error)))


def write(
    notebook: Path, format: str, target: Path | None = None, *, scripts: bool = False
) -> Path:
    """Write an executed notebook in another format, beside it or as `target`; give where.

    Raises whatever nbconvert does, and OSError.
    """
    body, extension, extra = convert(notebook, format, scripts=scripts)
    target = target or notebook.with_name(_STEM + extension)
    _write(target, body)
    for name, data in extra.items():
        _write(_beside(target, name), data)
    return target


def convert(
    notebook: Path, format: str, *, scripts: bool = False
) -> tuple[str | bytes, str, dict[str, bytes]]:
    """Give an executed notebook in another format, its file extension, and files it refers to.

    Raises whatever nbconvert does.
    """
    import nbconvert
    import nbformat
    from nbconvert.exporters import HTMLExporter

    kind: Any = nbconvert.get_exporter(format)
    exporter: Any = kind(config=_config(), log=_quiet)
    node: Any = nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4)
    inert = issubclass(kind, HTMLExporter) and not scripts
    if inert:
        _tame(node)
        exporter.register_filter("markdown2html", _tamed(exporter))
    described = {"metadata": {"name": _title(node), "path": str(notebook.parent)}}
    named = {"unique_key": _STEM, "output_files_dir": f"{_STEM}_files"}
    body, made = exporter.from_notebook_node(node, resources=described | named)
    if inert and isinstance(body, str):
        body = body.replace(_EMPTY_SCRIPT, "")
    return body, made["output_extension"], dict(made.get("outputs") or {})


def _config() -> Any:
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {"remove-cell"}
    config.TagRemovePreprocessor.remove_input_tags = {"remove-input", "hide-input"}
    config.TagRemovePreprocessor.remove_all_outputs_tags = {"remove-output"}
    for script in ("require_js_url", "jquery_url"):  # what the outputs' own scripts would need
        config.HTMLExporter[script] = ""
    return config


def _title(nb: Any) -> str:
    source = nb.metadata.get("papermill", {}).get("input_path")
    return Path(source).stem if isinstance(source, str) else _STEM


# -- inert HTML -------------------------------------------------------------------------------


def _tame(nb: Any) -> None:
    """Leave in a notebook only what can be shown without running anything."""
    nb.metadata.pop("widgets", None)
    for cell in nb.cells:
        if cell.cell_type == "raw":
            cell.source = safe_html(cell.source)
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.data = {m: _shown(m, c) for m, c in output.data.items() if _may_stay(m)}
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("data", True)]


def _may_stay(mime: str) -> bool:
    return mime in _PLAIN or mime in ("text/html", "text/markdown")


def _shown(mime: str, content: Any) -> Any:
    if mime != "text/html":
        return content  # Markdown is tamed when it has become HTML
    return safe_html(content if isinstance(content, str) else "".join(content))


def _tamed(exporter: Any) -> Any:
    from jinja2 import pass_context

    made = exporter.environment.filters["markdown2html"]

    @pass_context
    def markdown2html(context: Any, source: str) -> str:
        return safe_html(made(context, source))

    return markdown2html


# -- files ------------------------------------------------------------------------------------


def _write(path: Path, content: str | bytes) -> None:
    if isinstance(content, str):
        whole_files.write_text(path, content)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)


def _beside(target: Path, name: str) -> Path:
    """Give where a file that an export refers to lies. Raises NbflowError for one elsewhere."""
    path = (target.parent / name).resolve()
    if not path.is_relative_to(target.parent.resolve()):
        raise NbflowError(f"The export names a file outside its folder: {name}.")
    return path


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
