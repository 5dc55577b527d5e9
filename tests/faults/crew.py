"""A crew of real workers and servers as the tests of this folder use one: kill one, another comes.

What its members do is in `crew_main`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MAIN = str(Path(__file__).with_name("crew_main.py"))


class Crew:
    """Processes that are replaced as soon as they are killed.

    Args:
        environment: laid over this process's.
        members: how many of each role.
    """

    def __init__(self, environment: dict[str, str], log: Path, **members: int) -> None:
        self.members: list[tuple[str, int]] = []
        self.killed: dict[str, int] = dict.fromkeys(members, 0)
        self._log = log.open("wb")
        self._launcher = subprocess.Popen(
            [sys.executable, _MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | environment,
            start_new_session=True,
            bufsize=0,
        )
        for role, count in members.items():
            for _ in range(count):
                self.add(role)

    def add(
        self,
        role: str,
        word: str = "",
        *,
        plan: Mapping[str, Mapping[str, Any]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Start another member, perhaps with faults planned; give its id."""
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        said = json.dumps([role, word, plan, {**(environment or {})}])
        self._launcher.stdin.write(said.encode() + b"\n")
        pid = int(self._launcher.stdout.readline())
        self.members.append((role, pid))
        return pid

    def kill_one(self, chance: random.Random) -> None:
        """Kill any member with -9, and start another."""
        role, pid = self.members.pop(chance.randrange(len(self.members)))
        os.kill(pid, signal.SIGKILL)
        self.killed[role] += 1
        self.add(role)

    def close(self) -> None:
        """End them all."""
        if self._launcher.poll() is not None:
            return
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.close()
        self._launcher.wait(20)
        self._launcher.stdout.close()
        self._log.close()
