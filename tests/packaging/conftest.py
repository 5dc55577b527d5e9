"""A copy of the tree as git sees it, what is built from it, and fresh environments for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_MODULES = Path("jupyter_extension/node_modules")

#: Jupyter colours its lists also where nobody sees it
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Run = Callable[..., str]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """The files of the tree that are, or would be, committed; relative to `root`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a program; give what it printed, both streams, without colours."""

    def run(*command: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd, env=env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout[-4000:]}"
        return COLOURS.sub("", done.stdout)

    return run


@pytest.fixture(scope="session")
def checkout(tracked: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a copy of the tree that may be built in, with nothing built in it.

    It is given the front end's packages if they are installed here, to spare fetching them again.
    """

    def make() -> Path:
        copy = tmp_path_factory.mktemp("checkout")
        for file in tracked:
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, copy / file)
        if (ROOT / NODE_MODULES).is_dir():
            subprocess.run(["cp", "-a", ROOT / NODE_MODULES, copy / NODE_MODULES], check=True)
        return copy

    return make


class Environment:
    """A fresh virtual environment, and the variables for programs run as if it were activated.

    Nothing of the user's Jupyter is seen in it. Without `node`, no other folder is on the PATH.
    """

    def __init__(self, folder: Path, *, node: bool) -> None:
        self.bin = folder / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in hidden and not name.startswith(("NBFLOW_", "JUPYTER_"))
        }
        self.variables = inherited | {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}" if node else str(self.bin),
            "NBFLOW_HOME": str(folder / "home"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "PIP_NO_COMPILE": "1",  # little of what is installed is ever imported here
        }


@pytest.fixture(scope="session")
def new_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """Make a fresh environment, with or without Node.js to be found."""
    return lambda *, node: Environment(tmp_path_factory.mktemp("environment"), node=node)


@pytest.fixture(scope="session")
def sdist(checkout: Callable[[], Path], run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built with Node.js."""
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, checkout())
    return next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def bare(new_environment: Callable[..., Environment]) -> Environment:
    """An environment on a machine without Node.js."""
    return new_environment(node=False)


@pytest.fixture(scope="session")
def wheel(
    sdist: Path, bare: Environment, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The wheel, built from the source distribution without Node.js."""
    folder = tmp_path_factory.mktemp("wheel")
    run(bare.bin / "pip", "wheel", "--no-deps", "-w", folder, sdist, env=bare.variables)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, bare: Environment, run: Run) -> Environment:
    """The environment without Node.js, the wheel and JupyterLab installed in it."""
    run(bare.bin / "pip", "install", "-q", f"{wheel}[lab]", env=bare.variables)
    return bare
