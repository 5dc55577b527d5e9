"""Python text → syntax tree, on any thread."""

from __future__ import annotations

import ast
import threading
import warnings

#: CPython 3.11 counts the depth of all threads' trees together, and gives up when they mix
_parsing = threading.Lock()


def parse(text: str) -> ast.Module:
    """Give the syntax tree of Python text; says nothing of it. Raises what `ast.parse` raises."""
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while True:
            try:
                return ast.parse(text)
            except SystemError:  # mixed with one made elsewhere: a traceback's carets, a linter
                continue
