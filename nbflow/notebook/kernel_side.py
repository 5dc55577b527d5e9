"""What is done in ipykernel's kernels before the first cell, in environments without nbflow.

A dam against floods of output: ipykernel gathers what a cell prints for 0.2 s, without bound, on a
thread that the printing starves: a gigabyte comes in messages of hundreds of megabytes, which take
as much again where they are read; and IPython 9 keeps a second copy of all of it for `%history`
(`InteractiveShell._tee`). So here `write` waits for what was written before to be sent, once it is
a megabyte, and no copy is kept.

And `breakpoint()` fails at once, as `input()` does: nobody is there to answer.
"""

from __future__ import annotations

PREPARE = '''
exec("""
import contextlib, os, sys

def dam(stream, most=1_000_000):
    write, unsent = stream.write, 0

    def write_some(text):
        nonlocal unsent
        count = write(text)
        unsent += len(text)
        if unsent > most:
            unsent = 0
            stream.flush()
        return count

    stream.write = write_some

@contextlib.contextmanager
def tee(channel):
    build(getattr(sys, channel))
    yield

def build(stream):
    if type(stream).__module__ == "ipykernel.iostream" and stream not in dammed:
        dammed.append(stream)
        dam(stream)

def refuse(*_, **__):
    from IPython.core.error import StdinNotImplementedError
    raise StdinNotImplementedError("breakpoint() was called, and nobody is there to answer.")

dammed = []
if hasattr(shell, "_tee"):
    shell._tee = tee  # now another one is at work; it will put the streams back as they were
else:
    build(sys.stdout)
    build(sys.stderr)
if not os.environ.get("PYTHONBREAKPOINT"):
    sys.breakpointhook = refuse
""", {"shell": get_ipython()})
'''
