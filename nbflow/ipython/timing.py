"""`%%time` and `%%capture` about code that awaits; what they say and keep is IPython's."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.magic_arguments import parse_argstring
from IPython.core.magics.execution import _format_time
from IPython.utils.capture import capture_output
from IPython.utils.timing import clock2

from nbflow.ipython import body
from nbflow.model import clock


async def run(shell: Any, name: str, line: str, cell: str) -> None:
    """Run a cell that awaits as `%%time` or `%%capture` (its `name`) would."""
    __tracebackhide__ = True
    compiled = body.compile_body(shell, cell)
    with _timed() if name == "time" else _captured(shell, line, cell):
        await body.run_async(shell, compiled)


@contextmanager
def _timed() -> Generator[None, None, None]:
    began, before = clock.monotonic(), clock2()
    try:
        yield
    finally:
        user, system = (now - then for now, then in zip(clock2(), before, strict=True))
        shown = [_format_time(value) for value in (user, system, user + system)]
        wall = _format_time(clock.monotonic() - began)
        sys.stdout.write("CPU times: user {}, sys: {}, total: {}\n".format(*shown))
        sys.stdout.write(f"Wall time: {wall}\n")


@contextmanager
def _captured(shell: Any, line: str, cell: str) -> Generator[None, None, None]:
    args = parse_argstring(shell.find_cell_magic("capture"), line)
    silent = DisplayHook.semicolon_at_end_of_expression(cell)
    with capture_output(not args.no_stdout, not args.no_stderr, not args.no_display) as kept:
        try:
            yield
        finally:
            if args.output and not silent:
                shell.user_ns[args.output] = kept
