"""The peers, each in an environment of its own below `.venv-peers/`, made when first needed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1] / ".venv-peers"

#: Prefect's newest release does not start with the newest fastapi, nor schedule with SQLAlchemy 2.1
REQUIREMENTS = {
    "prefect": ["prefect>=3.4,<4", "fastapi<0.151", "sqlalchemy<2.1"],
    "dask": ["distributed>=2024.8"],
    "jupyter-scheduler": ["jupyter-scheduler>=2.11", "ipykernel"],
}


@cache
def python(peer: str) -> Path:
    """Give the interpreter of a peer's environment, making it if there is none."""
    folder = _ROOT / peer
    done = folder / ".done"
    if not done.exists():
        print(f"Installing {peer} into {folder.relative_to(_ROOT.parent)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run(
            [*pip, "install", *REQUIREMENTS[peer]], check=True, stderr=subprocess.DEVNULL
        )
        done.touch()
    return folder / "bin/python"


@cache
def version(peer: str) -> str:
    """Give a peer's version; Prefect's with those of the libraries held back for it."""
    names = {
        "prefect": ["prefect", "fastapi", "sqlalchemy"],
        "dask": ["distributed"],
        "jupyter-scheduler": ["jupyter-scheduler"],
    }[peer]
    code = (
        "import sys, importlib.metadata as m;"
        "print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
    )
    found = subprocess.run(
        [python(peer), "-c", code, *names], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()
