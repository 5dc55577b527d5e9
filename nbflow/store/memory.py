"""Whether the system ended processes for want of memory: its own count, where it keeps one.

Linux counts in each control group the processes its out-of-memory killer ended. Where that count
cannot be read nothing is claimed.
"""

from __future__ import annotations

from pathlib import Path

#: where control groups are found (version 2, and the memory controller of version 1)
ROOT = Path("/sys/fs/cgroup")
_CGROUP = Path("/proc/self/cgroup")
_PROOF = "out of memory"
_GUESS = "possibly out of memory"


class Memory:
    """Remembers how many processes had been ended for want of memory when it was made."""

    def __init__(self) -> None:
        self._before = kills()

    def ran_out(self) -> bool:
        """Say whether the system has ended another since."""
        now = kills()
        return now is not None and self._before is not None and now > self._before

    def why_killed(self, code: int | None) -> str:
        """Say why a process that ended with an exit code may have been killed; empty: it was not.

        SIGKILL is what the system ends with, and what nobody else is known to have sent.
        """
        if code != -9:
            return ""
        return _PROOF if self.ran_out() else _GUESS


def kills() -> int | None:
    """Give how many processes of this one's control group were ended so; None: nobody counts."""
    for path in _places():
        try:
            lines = path.read_text("ascii").splitlines()
        except OSError:
            continue
        counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
        if counts and counts[0].isdigit():
            return int(counts[0])
    return None


def _places() -> list[Path]:
    try:
        lines = _CGROUP.read_text("utf-8").splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            found += [p / "memory.events" for p in (ROOT / name.lstrip("/"), ROOT)]
        elif "memory" in controllers.split(","):
            root = ROOT / "memory"
            found += [p / "memory.oom_control" for p in (root / name.lstrip("/"), root)]
    return found
