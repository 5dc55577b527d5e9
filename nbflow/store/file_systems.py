"""On which file system a folder lies: SQLite is not safe on all."""

from __future__ import annotations

from pathlib import Path

from nbflow.exceptions import InvalidInput

#: file systems on which SQLite's WAL needs shared memory that is not there
NETWORK_FILE_SYSTEMS = frozenset("nfs nfs4 cifs smb3 smbfs lustre gpfs ceph fuse.sshfs".split())


def refuse_network(folder: Path) -> None:
    """Refuse SQLite on a network file system, where WAL corrupts. Raises InvalidInput."""
    kind = _file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise InvalidInput(
            f"{folder} lies on a network file system ({kind}), where SQLite is not safe.",
            code="store.network",
            field="NBFLOW_HOME",
            hint="Point NBFLOW_HOME at a local disk.",
        )


def _file_system(folder: Path) -> str:
    """Give the type of the file system a folder lies on, from /proc/mounts; empty when unknown."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    target = str(folder.resolve())
    for fields in (line.split() for line in mounts):
        point = fields[1].replace("\\040", " ")
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind
