"""Notebooks as plain data: reading the JSON, and what an executor and a form need to know of it.

A notebook is the dict of nbformat 4.5 with multi-line strings joined and an id on every cell. What
is broken and can be mended is mended the same way every time; the rest is InvalidNotebook. Which
names a cell reads and writes, and running anything, is not here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import cell_options, names, parameter_cell
from nbflow.model.cell_options import CellOptions
from nbflow.model.shapes import is_list, is_object, is_texts

LARGEST = 200 * 1024 * 1024
LONGEST_NAME = 60

Notebook = dict[str, Any]
Cell = dict[str, Any]

# Two such escapes may be one character; half of one can be read, and never be written.
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CELL_TYPES = ("code", "markdown", "raw")
_PYTHON = (None, "python", "ipython")
_USES = re.compile(
    r"^\s*(?:%nbflow|%(?:re)?load_ext\s+nbflow|import\s+nbflow|from\s+nbflow)\b", re.MULTILINE
)
_OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error")
_OTHER_CELL_TYPES = {"heading": "notebooks of version 3", "html": "notebooks of version 2"}
_DECORATION = re.compile(
    r"^#[\s#=*_~+-]*$|^#\s*(?:%%|!|-\*-|type:|noqa|pylint:|fmt:|ruff:|pyright:)"
)


# -- reading ----------------------------------------------------------------------------------


def parse(text: str, *, name: str) -> Notebook:
    """Read a notebook's JSON text; versions 2 and 3 are brought to 4.5, in memory.

    Raises InvalidNotebook: `notebook.invalid` (with line and column where the JSON is broken),
    `notebook.version`, `notebook.too_large`. `name` names the file in messages.
    """
    if len(text) > LARGEST:
        _fail(name, f"has {len(text) >> 20} MB; {LARGEST >> 20} MB is the most", code="too_large")
    nb = _document(_json(text, name), name)
    nb["metadata"] = _object(nb.get("metadata", {}), name, "metadata")
    cells = nb.get("cells")
    if not is_list(cells):
        _fail(name, f"has no list of cells but {names.shown(cells)}")
    nb["cells"] = [_cell(cell, f"cell {index}", name) for index, cell in enumerate(cells)]
    _give_ids(nb["cells"])
    nb["nbformat_minor"] = max(nb["nbformat_minor"], 5)
    return nb


def _json(text: str, name: str) -> Any:
    text = text.removeprefix("\ufeff")
    try:
        text.encode()
        value = json.loads(text)
        if _HALF_CHARACTER.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = "Open it in JupyterLab and save it again."
        if not text.strip():
            hint = "The file is empty."
        elif re.search(r"^(<{7}|={7}|>{7})", text, re.MULTILINE):
            hint = "It holds the conflict marks of a merge; resolve the conflict first."
        _fail(name, f"is not JSON: {error.msg} at {where}", hint)
    except RecursionError:
        _fail(name, "is nested too deeply")
    except UnicodeEncodeError as error:
        _fail(name, f"is not UTF-8 text at character {error.start}")
    except ValueError as error:
        _fail(name, f"is not JSON: {str(error)[:100]}")


def _document(value: Any, name: str) -> Notebook:
    """Give a version 4 document, brought up from 2 or 3."""
    nb = dict(_object(value, name, "content"))
    major, minor = nb.get("nbformat"), nb.get("nbformat_minor")
    if type(major) is not int or type(minor) is not int or minor < 0:
        said = f"nbformat {names.shown(major)}, nbformat_minor {names.shown(minor)}"
        _fail(name, f"does not say its version as whole numbers ({said})", code="version")
    if major in (2, 3):
        return _upgraded(nb, name)
    if major != 4:
        hint = "Save it in JupyterLab as version 4."
        _fail(name, f"has nbformat {major}; nbflow reads 4, and upgrades 2 and 3", hint, "version")
    return nb


def _upgraded(nb: Notebook, name: str) -> Notebook:
    # Its import takes a second; only notebooks saved before 2015 pay for it.
    from nbformat import converter, reader

    was = nb["nbformat"]
    untyped: Any = converter
    try:
        node: Any = reader.reads(json.dumps(nb))  # pyright: ignore[reportUnknownMemberType]
        found: Notebook = json.loads(json.dumps(untyped.convert(node, 4)))
    except Exception as error:
        problem = f"{type(error).__name__}: {str(error)[:100]}"
        _fail(name, f"is of version {was} and cannot be upgraded ({problem})")
    found.setdefault("metadata", {})["orig_nbformat"] = was
    return found


def _cell(value: Any, at: str, name: str) -> Cell:
    cell = dict(_object(value, name, at))
    kind = cell.get("cell_type")
    if kind not in _CELL_TYPES:
        hint = f"Known are {', '.join(_CELL_TYPES)}."
        if isinstance(kind, str) and kind in _OTHER_CELL_TYPES:
            hint = f"Such cells belong to {_OTHER_CELL_TYPES[kind]}."
        _fail(name, f"has a {at} of the type {names.shown(kind)}", hint)
    cell["source"] = _joined(cell.get("source", ""), f"source of {at}", name)
    cell["metadata"] = dict(_object(cell.get("metadata") or {}, name, f"metadata of {at}"))
    if kind == "code":
        outputs: Any = cell.get("outputs") or []
        if not is_list(outputs):
            _fail(name, f"has outputs of {at} that are not a list")
        cell["outputs"] = [_output(output, at, name) for output in outputs]
        count = cell.get("execution_count")
        cell["execution_count"] = count if type(count) is int else None
    return cell


def _output(value: Any, at: str, name: str) -> dict[str, Any]:
    output = dict(_object(value, name, f"output of {at}"))
    if output.get("output_type") not in _OUTPUT_TYPES:
        _fail(name, f"has an output of {at} of the type {names.shown(output.get('output_type'))}")
    if "text" in output:
        output["text"] = _joined(output["text"], f"output of {at}", name)
    if output["output_type"] in ("display_data", "execute_result"):
        output.setdefault("data", {})
        output.setdefault("metadata", {})
    if is_object(data := output.get("data")):
        output["data"] = {mime: _content(mime, value) for mime, value in data.items()}
    return output


def _content(mime: str, value: Any) -> Any:
    # A list of texts is how files hold a long text; JSON types keep their lists.
    of_json = mime == "application/json" or mime.endswith("+json")
    return "".join(value) if is_texts(value) and not of_json else value


def _joined(value: Any, at: str, name: str) -> str:
    if is_texts(value):
        return "".join(value)
    if not isinstance(value, str):
        _fail(name, f"has a {at} that is {names.shown(value)}, not text")
    return value


def _object(value: Any, name: str, at: str) -> dict[str, Any]:
    if not is_object(value):
        _fail(name, f"has {names.shown(value)} where an object belongs ({at})")
    return value


def _give_ids(cells: list[Cell]) -> None:
    """Keep good ids; others follow from the source, so that reading twice gives the same."""
    taken: set[str] = set()
    for cell in cells:
        given = cell.get("id")
        if not isinstance(given, str) or not _CELL_ID.fullmatch(given) or given in taken:
            given = _id_of(cell["source"], taken)
        taken.add(given)
        cell["id"] = given


def _id_of(source: str, taken: set[str]) -> str:
    content = hashlib.sha256(source.encode("utf-8", "surrogatepass"))
    while (found := content.hexdigest()[:8]) in taken:
        content.update(b"again")
    return found


def _fail(name: str, problem: str, hint: str | None = None, code: str = "invalid") -> NoReturn:
    raise InvalidNotebook(f"{name} {problem}.", code=f"notebook.{code}", field="path", hint=hint)


# -- cells ------------------------------------------------------------------------------------


def code_cells(nb: Mapping[str, Any]) -> list[tuple[int, Cell]]:
    """Give the code cells, each with its place among all cells, from 0."""
    return [(at, cell) for at, cell in enumerate(nb["cells"]) if cell["cell_type"] == "code"]


def tags(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """Give a cell's tags; a text in their place counts as one tag."""
    given = cell["metadata"].get("tags", ())
    if isinstance(given, str):
        return (given,)
    return tuple(tag for tag in given if isinstance(tag, str)) if is_list(given) else ()


def skips(cell: Mapping[str, Any]) -> bool:
    """Say whether a run passes over the cell: not code, nothing in it, or tagged so."""
    empty = not cell["source"].strip()
    return cell["cell_type"] != "code" or empty or "skip-execution" in tags(cell)


def may_raise(cell: Mapping[str, Any]) -> bool:
    """Say whether an error in the cell is expected and does not end the run."""
    return "raises-exception" in tags(cell)


def cell_name(cell: Mapping[str, Any]) -> str:
    """Name a cell: its `%%task NAME` or `# nbflow: task NAME`, its metadata, or its first words."""
    own = cell["metadata"].get("nbflow")
    named = own.get("name") if is_object(own) else None
    if isinstance(named, str) and named.strip():
        return _line_name(cell["source"]) or _short(named)
    return _line_name(cell["source"]) or _short(_first_words(cell["source"])) or "empty cell"


def _line_name(source: str) -> str | None:
    """Give the NAME of the option line."""
    _, rest = cell_options.line_of(source) or ("", "")
    first = rest.split(maxsplit=1)
    return _short(first[0]) if first and not first[0].startswith("-") else None


def _first_words(source: str) -> str:
    for line in map(str.strip, source.splitlines()):
        if (
            line.startswith("#")
            and not _DECORATION.match(line)
            and not cell_options.LINE.match(line)
        ):
            return line.lstrip("# ")
        if line and not line.startswith(("#", "%%")):
            return line
    return ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


# -- the notebook as a whole ------------------------------------------------------------------


def kernel_name(nb: Mapping[str, Any]) -> str | None:
    """Give the name of the kernelspec the notebook was saved with."""
    return _metadata_text(nb, "kernelspec", "name")


def language(nb: Mapping[str, Any]) -> str | None:
    """Give the notebook's language in lower case, such as `python` or `r`."""
    found = _metadata_text(nb, "kernelspec", "language") or _metadata_text(
        nb, "language_info", "name"
    )
    return found.lower() if found else None


def _metadata_text(nb: Mapping[str, Any], section: str, key: str) -> str | None:
    inner = nb["metadata"].get(section)
    value: Any = inner.get(key) if is_object(inner) else None
    return value.strip() or None if isinstance(value, str) else None


def parameters_cell(nb: Mapping[str, Any]) -> tuple[int, Cell] | None:
    """Give the first code cell tagged `parameters`, with its place, or None."""
    return next(((at, cell) for at, cell in code_cells(nb) if "parameters" in tags(cell)), None)


def parameters_schema(nb: Mapping[str, Any]) -> dict[str, Any]:
    """Give the JSON Schema of the notebook's parameters, read from its `parameters` cell.

    Nothing is evaluated. Without such a cell there are no parameters; in a language other than
    Python any are taken. Raises InvalidNotebook (`notebook.parameters`) when the cell is not
    Python.
    """
    found = parameters_cell(nb)
    if found is None:
        return parameter_cell.schema("")
    if language(nb) not in _PYTHON:
        return parameter_cell.of_another_language(found[1]["source"])
    return parameter_cell.schema(found[1]["source"])


def check_cells(nb: Mapping[str, Any], *, name: str) -> None:
    """Refuse a notebook whose cells ask for what cannot be done, or share a name.

    Raises InvalidNotebook (`cell.options`, `cell.name`) naming the file and the cell.
    """
    for error in _refusals(nb):
        raise InvalidNotebook(
            f"{name}: {error.message}", code=error.code, field=error.field, hint=error.hint
        )


def _refusals(nb: Mapping[str, Any]) -> Iterator[InvalidInput]:
    named: dict[str, int] = {}
    python = language(nb) in _PYTHON
    for at, cell in code_cells(nb):
        if skips(cell):
            continue
        try:
            asked, where = cell_options.of_cell(cell)
        except InvalidInput as error:
            yield error
            continue
        if not is_object(cell["metadata"].get("nbflow", {})):
            said = names.shown(cell["metadata"]["nbflow"])
            yield _refusal(cell, f"metadata.nbflow is {said}, not an object.", "metadata.nbflow")
        if not python and _only_python_can(cell, asked, where):
            hint = f"In {language(nb)} a cell has `retries` and `timeout`, in its metadata."
            yield _refusal(cell, "what it asks for, only a Python kernel can do.", hint=hint)
        if where is None or not asked.name:
            continue
        if asked.name in named:
            said = f"cell {named[asked.name]} is named {names.shown(asked.name)}, too."
            yield _refusal(
                cell, said, "name", code="cell.name", hint="Give each a name of its own."
            )
        named.setdefault(asked.name, at)


def _only_python_can(cell: Cell, asked: CellOptions, where: str | None) -> bool:
    """Say whether a cell asks for what its kernel has to do, rather than who executes it."""
    if where == "line":
        return asked.asks() or cell["source"].lstrip().startswith("%%")
    ours = CellOptions(
        asked.name, "task", asked.retries, asked.retry_delays, asked.timeout_seconds,
        tags=asked.tags,
    )  # fmt: skip
    return asked != ours


def _refusal(
    cell: Cell, said: str, field: str = "source", *, code: str = "cell.options", **more: Any
) -> InvalidInput:
    first = next(iter(cell["source"].strip().splitlines()), "")
    message = f"Cell {cell['id']} ({names.shown(first, 40)}): {said}"
    return InvalidInput(message, code=code, field=field, **more)


def needs_nbflow(nb: Mapping[str, Any]) -> bool:
    """Say whether the notebook's kernel needs nbflow: it has magics, or imports it."""
    if language(nb) not in _PYTHON:
        return False
    cells = [cell for _, cell in code_cells(nb) if not skips(cell)]
    if any(_USES.search(cell["source"]) for cell in cells):
        return True
    return any(cell_options.line_of(cell["source"]) is not None for cell in cells)


def problems(nb: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what is odd about a notebook, or would refuse it: `{code, message, field?, hint?}`."""
    found: list[InvalidInput] = []
    try:
        parameters_schema(nb)
    except InvalidNotebook as error:
        found.append(error)
    found += _refusals(nb)
    tagged = [at for at, cell in code_cells(nb) if "parameters" in tags(cell)]
    if len(tagged) > 1:
        message = (
            f"{len(tagged)} cells are tagged `parameters`; the first, cell {tagged[0]}, counts."
        )
        found.append(InvalidNotebook(message, code="notebook.parameters_twice"))
    for at, cell in enumerate(nb["cells"]):
        if isinstance(cell["metadata"].get("tags"), str):
            message = f"The tags of cell {at} are a text, not a list."
            found.append(InvalidNotebook(message, code="notebook.tags"))
    if type(was := nb["metadata"].get("orig_nbformat")) is int and was < 4:
        message = f"The notebook was saved as version {was}; it runs as version 4."
        found.append(InvalidNotebook(message, code="notebook.old", hint="The file is not changed."))
    if not any(not skips(cell) for cell in nb["cells"]):
        found.append(InvalidNotebook("No cell would run.", code="notebook.empty"))
    return [error.problem() for error in found]
