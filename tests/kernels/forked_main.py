"""What the children of the fork server's tests do. Imported by path, in the server's process."""

from __future__ import annotations

import json
import os
import random
import sys
import threading

import numpy as np

legacy = np.random.RandomState(1)
generator = np.random.default_rng(1)
own = random.Random(1)


def facts(argv: list[str]) -> int:
    """Say what this process is."""
    with open("/proc/self/stat") as file:
        threads = int(file.read().rpartition(")")[2].split()[17])
    print(
        json.dumps(
            {
                "argv": argv,
                "env": dict(os.environ),
                "cwd": os.getcwd(),
                "session": os.getsid(0) == os.getpid(),
                "threads": [threads, threading.active_count()],
                "drawn": [
                    random.random(),
                    own.random(),
                    float(np.random.random()),
                    float(legacy.random_sample()),
                    float(generator.random()),
                ],
                "open": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in _open()),
            }
        ),
        flush=True,
    )
    print("a word", file=sys.stderr)
    return int(argv[0]) if argv else 0


def _open() -> list[int]:
    seen = [int(name) for name in os.listdir("/proc/self/fd")]
    return [fd for fd in seen if os.path.exists(f"/proc/self/fd/{fd}")]


def wait(_argv: list[str]) -> int:
    """Wait for a line on standard input, or its end."""
    print("here", flush=True)
    return 0 if sys.stdin.readline() else 3


def grind(_argv: list[str]) -> int:
    """Hold the interpreter's lock for ever."""
    print("here", flush=True)
    return len(str(3 ** (10**12)))
