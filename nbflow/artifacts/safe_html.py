"""HTML that came out of user code, as HTML that can do nothing: read, and written anew.

Only named tags and attributes survive, so what a parser may see otherwise than this one does is
never written. Scripts, styles, forms, frames, SVG and MathML are dropped with all they hold.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_TAGS = frozenset(
    "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em "
    "figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small "
    "span strong sub summary sup table tbody td tfoot th thead tr u ul var".split()
)
_EMPTY = frozenset({"br", "col", "hr", "img"})
#: dropped with what is inside
_DROPPED = frozenset(
    "applet audio button canvas form frameset iframe math noembed noframes noscript object option "
    "plaintext script select style svg template textarea title video xmp".split()
)
_ATTRIBUTES = {
    "*": frozenset({"align", "dir", "lang", "style", "title", "valign"}),
    "a": frozenset({"href"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "img": frozenset({"alt", "height", "src", "width"}),
    "ol": frozenset({"start"}),
    "table": frozenset({"border"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
}
_LINK = re.compile(r"(https?:|mailto:|#)[^\x00-\x20]*", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_STYLE = re.compile(
    r"\s*((?:background-)?color|font-(?:style|weight|family|size)|text-(?:align|decoration)"
    r"|(?:min-|max-)?(?:width|height)|vertical-align|white-space"
    r"|(?:border|margin|padding)(?:-(?:top|right|bottom|left))?)"
    r"\s*:\s*((?!.*-\s*[\d.])[#\w\s.,%+-]+)\s*",  # nothing negative: it would leave its place
    re.ASCII,
)


def safe_html(text: str) -> str:
    """Give HTML without anything that runs, loads or leaves its place."""
    writer = _Writer()
    writer.feed(text)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        #: the element that is being dropped, and how often it was opened again inside
        self._dropping, self._depth = "", 0

    def text(self) -> str:
        """Give what was written, every element closed."""
        return "".join(self._out) + "".join(f"</{tag}>" for tag in reversed(self._open))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            self._depth += tag == self._dropping
        elif tag in _DROPPED:
            self._dropping, self._depth = tag, 1
        elif tag in _TAGS:
            self._out.append(f"<{tag}{_attributes(tag, attrs)}>")
            if tag not in _EMPTY:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # `<script/>` opens an element in HTML, whatever it looks like; SVG and MathML are XML.
        self.handle_starttag(tag, attrs)
        if tag in ("svg", "math") and self._dropping == tag:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            self._depth -= tag == self._dropping
            if self._depth == 0:
                self._dropping = ""
            return
        if tag in self._open:
            while (last := self._open.pop()) != tag:
                self._out.append(f"</{last}>")
            self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self._out.append(html.escape(data, quote=False))


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    allowed = _ATTRIBUTES["*"] | _ATTRIBUTES.get(tag, frozenset())
    kept = {name: _value(name, value or "") for name, value in attrs if name in allowed}
    if tag == "a":
        kept["rel"] = "noopener noreferrer"
    return "".join(
        f' {name}="{html.escape(value)}"' for name, value in kept.items() if value is not None
    )


def _value(name: str, value: str) -> str | None:
    """Give an attribute's value, or None for one that could do something."""
    if name == "href":
        return value.strip() if _LINK.fullmatch(value.strip()) else None
    if name == "src":  # a picture from elsewhere would tell who looks, and when
        return value.strip() if _PICTURE.fullmatch(value.strip()) else None
    if name == "style":
        kept = [part for part in value.split(";") if _STYLE.fullmatch(part)]
        return ";".join(part.strip() for part in kept) or None
    return value
