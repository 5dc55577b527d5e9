"""An artifact as HTML without scripts, and as plain text: readable anywhere, and inert.

What users wrote is only ever text here, save HTML of their own, which `safe_html` writes anew.
JupyterLab's live page of a run draws artifacts itself.
"""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from nbflow.artifacts.safe_html import safe_html
from nbflow.model.artifacts import Artifact

#: rows of a table that are shown; the artifact holds more
MOST_ROWS = 100
MOST_TEXT_ROWS = 20
_WIDEST = 40
_LONGEST = 100_000

#: characters that steer, hide or reorder what is around them
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_ADDRESS = re.compile(r"(https?://|mailto:)[^\s\"'<>]+", re.IGNORECASE)
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_SVG = "image/svg+xml"
_MUTED = "color:var(--jp-ui-font-color2, #767676)"


def bundle(artifact: Artifact, data: Any) -> dict[str, Any]:
    """Give an artifact in every form a notebook shows: Markdown stays Markdown."""
    forms: dict[str, Any] = {"text/plain": to_text(artifact, data)}
    if artifact.kind == "markdown":
        above = f"{visible(artifact.description)}\n\n" if artifact.description else ""
        return {**forms, "text/markdown": above + visible(data)}
    return {**forms, "text/html": to_html(artifact, data)}


def to_html(artifact: Artifact, data: Any) -> str:
    """Give an artifact as HTML: no scripts, no style sheet, nothing loaded but its image."""
    above = ""
    if artifact.description:
        above = f'<p style="white-space:pre-wrap;{_MUTED}">{_escaped(artifact.description)}</p>'
    return f'<div class="nbflow-artifact">{above}{_html(artifact.kind, data)}</div>'


def to_text(artifact: Artifact, data: Any) -> str:
    """Give an artifact as plain text."""
    above = [visible(artifact.description)] if artifact.description else []
    return "\n".join([*above, _text(artifact.kind, data)])


def visible(text: str) -> str:
    """Give a text as it may be shown: what cannot be seen is escaped, what is endless is cut."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return _shown(cut)


def _shown(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def rows_said(data: Mapping[str, Any], shown: int) -> str:
    """Say how many of a table's rows are shown; nothing when it is all of them."""
    total = data.get("total", len(data["rows"]))
    return f"first {shown:,} of {total:,} rows" if shown < total else ""


# -- HTML -------------------------------------------------------------------------------------
def _html(kind: str, data: Any) -> str:
    match kind:
        case "table":
            return _html_table(data)
        case "link":
            return _html_link(data["url"], data["text"])
        case "image" if "url" in data:
            return _html_linked_image(data["url"])
        case "image":
            return _html_image(data["mime"], data["base64"])
        case "progress":
            return _html_progress(data["progress"])
        case "mime":
            return _html_bundle(data)
        case "notebook":
            return f"<code>{_escaped(data['path'])}</code>"
        case _:
            return _html_text(data)


def _html_table(data: Mapping[str, Any]) -> str:
    rows = data["rows"][:MOST_ROWS]
    head = "".join(f"<th>{_escaped(_cell(column))}</th>" for column in data["columns"])
    body = "".join(
        f"<tr>{''.join(f'<td>{_escaped(_cell(value))}</td>' for value in row)}</tr>" for row in rows
    )
    said = rows_said(data, len(rows))
    below = f'<p style="{_MUTED}">{said}</p>' if said else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _html_link(url: str, text: str) -> str:
    if not _ADDRESS.fullmatch(url):
        return _escaped(text if text == url else f"{text} ({url})")
    return f'<a href="{html.escape(url)}" rel="noopener noreferrer">{_escaped(text)}</a>'


def _html_linked_image(url: str) -> str:
    if not _ADDRESS.fullmatch(url):
        return _escaped(url)
    style = "max-width:100%"
    return f'<img src="{html.escape(url)}" alt="" style="{style}" referrerpolicy="no-referrer">'


def _html_image(mime: str, content: str) -> str:
    """Within `<img>` an SVG, too, neither runs scripts nor loads anything."""
    if mime not in (*_PICTURES, _SVG) or re.search(r"[^A-Za-z0-9+/=\s]", content):
        return _escaped(f"({mime})")
    return f'<img src="data:{mime};base64,{content}" alt="" style="max-width:100%">'


def _html_progress(progress: float) -> str:
    whole = "width:16em;height:.7em;display:inline-block;border-radius:.35em;overflow:hidden;"
    whole += "background:var(--jp-layout-color2, #d5d5d5)"
    done = f"width:{progress:.1f}%;height:100%;background:var(--jp-success-color1, #43a047)"
    bar = f'<div style="{whole}" aria-hidden="true"><div style="{done}"></div></div>'
    return f"{bar} {_percent(progress)}"


def _html_bundle(data: Mapping[str, Any]) -> str:
    if "text/html" in data:
        return safe_html(_shown(_joined(data["text/html"])))
    for mime in _PICTURES:
        if mime in data:
            return _html_image(mime, _joined(data[mime]))
    if _SVG in data:
        from base64 import b64encode

        return _html_image(_SVG, b64encode(_joined(data[_SVG]).encode()).decode())
    return _html_text(_text_of_bundle(data))


def _html_text(text: str) -> str:
    return f'<pre style="white-space:pre-wrap">{_escaped(text)}</pre>'


def _escaped(text: str) -> str:
    return html.escape(visible(text))


# -- plain text -------------------------------------------------------------------------------
def _text(kind: str, data: Any) -> str:
    match kind:
        case "table":
            return _text_table(data)
        case "link":
            same = data["text"] == data["url"]
            return visible(data["url"] if same else f"{data['text']}: {data['url']}")
        case "image":
            return visible(data.get("url") or f"({data['mime']})")
        case "progress":
            done = round(data["progress"] / 5)
            return f"[{'█' * done}{'░' * (20 - done)}] {_percent(data['progress'])}"
        case "mime":
            return visible(_text_of_bundle(data))
        case "notebook":
            return visible(data["path"])
        case _:
            return visible(data)


def _text_table(data: Mapping[str, Any]) -> str:
    rows = data["rows"][:MOST_TEXT_ROWS]
    lines = [[_short(value) for value in line] for line in (data["columns"], *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [_text_row(line, widths) for line in lines]
    said = rows_said(data, len(rows))
    return "\n".join([*texts, *([said] if said else [])])


def _text_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _text_of_bundle(data: Mapping[str, Any]) -> str:
    """Give the most readable text of a bundle; of one without any, what is in it."""
    for mime in ("text/plain", "text/markdown", "text/latex"):
        if mime in data:
            return _joined(data[mime])
    values = [value for mime, value in data.items() if mime.endswith("json")]
    if values:
        return json.dumps(values[0], ensure_ascii=False, indent=1)
    return f"({', '.join(data)})"


def _short(value: Any) -> str:
    return textwrap.shorten(visible(_cell(value)), _WIDEST, placeholder="…")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _percent(progress: float) -> str:
    return f"{progress:.1f}".removesuffix(".0") + " %"


def _joined(value: Any) -> str:
    """Give a bundle's text, which notebooks may keep as a list of lines."""
    return "".join(value) if isinstance(value, list) else str(value)
