"""Which modules a notebook imports, and the cells that ask for them: what `deploy --check` tries.

Import statements one by one, wherever they stand, but for those that the code itself expects to
fail (`try: import … except ImportError`); and what prepares them: changes of `sys.path`, IPython's
own magics such as `%load_ext`. Nothing else of a notebook is tried.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.model import cell_source, notebooks

#: magics that prepare a session and change nothing outside it
_PREPARING = frozenset("load_ext reload_ext matplotlib autoreload config pylab precision".split())
_EXPECTED = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
#: where the name to install differs from the name to import
_PACKAGES = {
    "bs4": "beautifulsoup4", "cv2": "opencv-python", "dateutil": "python-dateutil", "PIL": "pillow",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """A piece of a notebook that is tried: the code, and the cell it is from (its place from 0)."""

    cell_id: str
    cell_index: int
    cell_name: str
    code: str


@dataclass(frozen=True)
class Missing:
    """What a notebook's kernel cannot import.

    Attributes:
        module: its name as it is imported; None: the cell failed for another reason.
        message: the error, as the kernel told it.
        hint: the line that would install it.
    """

    cell_id: str
    cell_index: int
    cell_name: str
    module: str | None
    message: str
    hint: str | None = None


@dataclass(frozen=True)
class Checked:
    """What a trial of a notebook's imports found.

    Attributes:
        tried: how many pieces of code were run.
        seconds: how long the kernel took, its start included.
        problem: why nothing could be tried (the kernel does not start); None: it was.
    """

    path: str
    kernel_name: str
    tried: int
    missing: tuple[Missing, ...] = ()
    seconds: float = 0.0
    problem: str | None = None

    @property
    def fits(self) -> bool:
        """Say whether nothing is missing."""
        return not self.missing and self.problem is None


def probes(nb: Mapping[str, Any]) -> tuple[Probe, ...]:
    """Give what is to be tried, in the notebook's order; nothing of a notebook not in Python."""
    if (notebooks.language(nb) or "python") != "python":
        return ()
    found: list[Probe] = []
    for index, cell in enumerate(nb["cells"]):
        if cell["cell_type"] != "code" or "skip-execution" in notebooks.tags(cell):
            continue
        name = notebooks.cell_name(cell)
        found += [Probe(cell["id"], index, name, code) for code in _pieces(cell["source"])]
    return tuple(found)


def package_of(module: str) -> str:
    """Give the name under which a module's package is most likely installed."""
    top = module.partition(".")[0]
    return _PACKAGES.get(top, top)


def _pieces(source: str) -> Iterator[str]:
    for node in cell_source.parsed(source).tree.body:
        if _prepares(node):
            yield ast.unparse(node)
        else:
            yield from map(ast.unparse, _imports([node]))


def _prepares(node: ast.stmt) -> bool:
    """Say whether a statement changes `sys.path`, or is a magic that prepares the session."""
    if not isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign)):
        return False
    if isinstance(node, ast.Expr):
        magic = cell_source.magic_of(node.value)
        if magic is not None:
            return magic.name in _PREPARING
        return isinstance(node.value, ast.Call) and _is_sys_path(node.value.func)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(_is_sys_path(target) for target in targets)


def _is_sys_path(node: ast.expr) -> bool:
    return ast.unparse(node).startswith("sys.path")


def _imports(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the import statements of a body, wherever they stand, but for those expected to fail."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (ast.Import([alias]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module != "__future__":
                yield node
        elif isinstance(node, ast.Try) and any(map(_expects_failure, node.handlers)):
            yield from _imports([*node.orelse, *node.finalbody])
        elif not (isinstance(node, ast.If) and _is_for_types(node.test)):
            for name in ("body", "orelse", "finalbody"):
                yield from _imports(getattr(node, name, []))


def _expects_failure(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(one, ast.Name) and one.id in _EXPECTED for one in names)


def _is_for_types(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
