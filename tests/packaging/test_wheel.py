"""One wheel: both packages and the prebuilt JupyterLab extension, installed without Node.js."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from pathlib import Path

import pytest

import nbflow

pytestmark = pytest.mark.timeout(600)


def test_the_wheel_holds_both_packages_and_the_built_front_end(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = f"nbflow-{nbflow.__version__}.data/data"
    extension = f"{data}/share/jupyter/labextensions/nbflow-lab"
    assert {
        "nbflow/__init__.py",
        "nbflow/py.typed",
        "nbflow/store/migrations/env.py",
        "nbflow/widgets/nbflow.css",
        "nbflow/widgets/parts.js",
        "nbflow/widgets/runview.js",
        "nbflow_jupyter/__init__.py",
        f"{extension}/package.json",
        f"{extension}/install.json",
        f"{extension}/static/style.js",
        f"{data}/etc/jupyter/jupyter_server_config.d/nbflow.json",
    } <= names
    assert any(name.startswith(f"{extension}/static/remoteEntry") for name in names)
    assert any(name.startswith(f"{extension}/schemas/") for name in names)


def test_the_front_end_is_small(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    sizes = {
        Path(name).name: len(gzip.compress(archive.read(name)))
        for name in archive.namelist()
        if "/labextensions/" in name and name.endswith((".js", ".json", ".css"))
    }
    kilobytes = sum(sizes.values()) / 1000
    print(f"{kilobytes:.0f} KB gzipped: {sizes}")
    assert any(name.startswith("remoteEntry") for name in sizes)
    assert kilobytes <= 400


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    version = nbflow.__version__
    assert tops == {
        "nbflow",
        "nbflow_jupyter",
        f"nbflow-{version}.data",
        f"nbflow-{version}.dist-info",
    }


def test_there_is_no_node_where_the_wheel_is_installed(installed) -> None:
    path = installed.variables["PATH"]
    assert shutil.which("node", path=path) is None
    assert shutil.which("npm", path=path) is None


def test_a_plain_install_enables_the_server_extension(installed, run) -> None:
    listed = run(installed.bin / "jupyter", "server", "extension", "list", env=installed.variables)
    assert "nbflow enabled" in listed
    assert f"nbflow {nbflow.__version__} OK" in listed


def test_a_plain_install_enables_the_lab_extension(installed, run) -> None:
    listed = run(installed.bin / "jupyter", "labextension", "list", env=installed.variables)
    ours = next(line for line in listed.splitlines() if "nbflow-lab" in line)
    assert "enabled" in ours
    assert "OK" in ours
    assert "(python, nbflow)" in ours


def test_the_installed_command_tells_its_version(installed, run) -> None:
    assert nbflow.__version__ in run(installed.bin / "nbflow", "version", env=installed.variables)


def test_papermill_finds_the_engine(installed, run) -> None:
    look = (
        "from papermill.engines import papermill_engines as engines; "
        "engines.register_entry_points(); print(engines.get_engine('nbflow').__name__)"
    )
    assert "NbflowEngine" in run(installed.bin / "python", "-c", look, env=installed.variables)
