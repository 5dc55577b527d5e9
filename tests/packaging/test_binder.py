"""Binder: `postBuild` in a fresh environment gives a JupyterLab that opens on notebook 01."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def built(checkout, new_environment, run):
    """A fresh environment after `binder/postBuild` ran in a checkout; and the checkout."""
    environment, tree = new_environment(node=True), checkout()
    run(tree / "binder" / "postBuild", env=environment.variables, cwd=tree)
    return environment, tree


def test_post_build_installs_the_extension_from_the_checkout(built, run) -> None:
    environment, _ = built
    servers = run(
        environment.bin / "jupyter", "server", "extension", "list", env=environment.variables
    )
    assert re.search(r"nbflow \S+ OK", servers)
    labs = run(environment.bin / "jupyter", "labextension", "list", env=environment.variables)
    assert re.search(r"nbflow-lab .*enabled.*OK", labs)


def test_jupyterlab_opens_on_the_first_notebook(built, run) -> None:
    environment, tree = built
    show = run(environment.bin / "jupyter", "lab", "--show-config-json", env=environment.variables)
    url = json.loads(show[show.index("{") :])["LabApp"]["default_url"]
    assert (tree / url.removeprefix("/lab/tree/")).is_file()


def test_what_the_tutorial_needs_is_there(built, run) -> None:
    environment, _ = built
    needs = "import matplotlib, pandas, vega_datasets, nbflow.artifacts; print('imported')"
    assert "imported" in run(environment.bin / "python", "-c", needs, env=environment.variables)


def test_the_readme_opens_binder_on_that_notebook(root: Path) -> None:
    readme = (root / "README.md").read_text()
    found = re.search(r"mybinder\.org/\S+?urlpath=(?:lab/tree/)([^)\s]+)", readme)
    assert found
    assert (root / found[1]).is_file()
