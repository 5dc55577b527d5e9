"""What IPython's magics and shell commands do to names."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from nbflow.model.cell_source import Magic

#: run Python, here or in a function of its own
_RUN_HERE = frozenset("time prun lprun mprun capture task flow debug memit".split())
_RUN_APART = frozenset("timeit".split())
#: do nothing to names
_SETTING = frozenset(
    "matplotlib config load_ext reload_ext unload_ext autoreload aimport env set_env cd pushd popd "
    "alias alias_magic autocall automagic bookmark colors gui precision xmode pdb nbflow pip conda "
    "mamba micromamba uv logstart logstop logon logoff dhist dirs killbgscripts".split()
)
_LOOKING = frozenset(
    "who who_ls whos pinfo pinfo2 pdoc psource pfile pdef page pprint history hist lsmagic magic "
    "quickref notebook connect_info qtconsole pwd ls ll ldir man less more cat doctest_mode "
    "psearch tb timeit logstate".split()
)
_ELSEWHERE = frozenset(
    "bash sh script html HTML javascript js latex markdown svg SVG perl ruby cmd system sx sc "
    "python python2 python3 pypy mkdir rmdir mv rm cp ln".split()
)
_WRITES = frozenset({"writefile", "file"})
#: binds names nobody can see
_UNKNOWN_HINT = "binds or changes names that cannot be known"

_BRACES = re.compile(r"(?<!\$)\{([^{}]+)\}")
_DOLLAR = re.compile(r"(?<!\$)\$\{?([A-Za-z_]\w*)")
_OPTION = re.compile(r"\s*-(?:[a-zA-Z]\d*\b(?:\s*\d+)?|-[\w-]+)(?=\s|$)")


@dataclass(frozen=True)
class MagicEffect:
    """What a magic does.

    Attributes:
        code: Python it runs in the notebook's namespace.
        apart: Python it runs in a function of its own.
        binds: names it binds.
        expands: expressions put into its text.
        perhaps: names put into its text, unless the shell has them.
        unknown: why what it does to names cannot be known.
        outside: what it does outside Python: runs a command, writes a file.
        module: the module whose source it writes.
    """

    code: str = ""
    apart: str = ""
    binds: tuple[str, ...] = ()
    expands: tuple[ast.expr, ...] = ()
    perhaps: tuple[str, ...] = ()
    unknown: str | None = None
    outside: str | None = None
    module: str | None = None


def effect(magic: Magic) -> MagicEffect:
    """Say what a magic does to names."""
    name, line, body = magic
    if name in _RUN_APART:
        return MagicEffect(apart=_without_options(line) + "\n" + (body or ""))
    if name in _RUN_HERE:
        return _running(name, line, body)
    if name == "store" and "-r" not in line.split():
        return MagicEffect()
    if name in _SETTING or name in _LOOKING:
        return _expanded(line)
    if name in _WRITES:
        return _writing(line)
    if name in _ELSEWHERE:
        return _elsewhere(name, line, body)
    sign = "%" if body is None else "%%"
    return MagicEffect(unknown=f"{sign}{name} {_UNKNOWN_HINT}")


def _running(name: str, line: str, body: str | None) -> MagicEffect:
    if name == "capture":
        names = [word for word in line.split() if word.isidentifier()]
        return MagicEffect(code=body or "", binds=tuple(names))
    if name in ("task", "flow"):
        return MagicEffect(code=f"%%{name} {line}\n{body or ''}")
    return MagicEffect(code=_without_options(line) + "\n" + (body or ""))


def _without_options(line: str) -> str:
    while found := _OPTION.match(line):
        line = line[found.end() :]
    return line.strip()


def _expanded(text: str, **more: object) -> MagicEffect:
    expressions: list[ast.expr] = []
    for inner in _BRACES.findall(text):
        try:
            expressions.append(ast.parse(inner.strip(), mode="eval").body)
        except (SyntaxError, ValueError):
            continue  # the shell's or awk's own braces
    names: list[str] = _DOLLAR.findall(text)
    # By custom the environment's variables are in capitals.
    expressions += [ast.Name(name, ast.Load()) for name in names if not name.isupper()]
    perhaps = tuple(name for name in names if name.isupper())
    return MagicEffect(expands=tuple(expressions), perhaps=perhaps, **more)  # pyright: ignore[reportArgumentType]


def _elsewhere(name: str, line: str, body: str | None) -> MagicEffect:
    what = f"%%{name}" if body is not None else "a shell command"
    shown = name in ("html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG")
    return _expanded(line, binds=_outputs(line, body), outside=None if shown else f"runs {what}")


def _outputs(line: str, body: str | None) -> tuple[str, ...]:
    """Give the names of `%%bash --out NAME --err NAME`."""
    words = line.replace("=", " ").split() if body is not None else []
    pairs = pairwise(words)
    return tuple(value for flag, value in pairs if flag in ("--out", "--err", "--proc"))


def _writing(line: str) -> MagicEffect:
    try:
        words = [word for word in shlex.split(line) if not word.startswith("-")]
    except ValueError:
        words = line.split()
    path = PurePosixPath(words[-1]) if words else PurePosixPath("?")
    module = path.stem if path.suffix == ".py" and path.stem.isidentifier() else None
    return _expanded(line, outside=f"writes the file {path}", module=module)
