"""A real JupyterLab over a benchmark's home, and a real Chromium that has opened it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright import sync_api as playwright

from benchmarks import served
from nbflow.client import discovery

_CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]


@contextmanager
def lab(folder: str, home: Path) -> Iterator[tuple[str, str, served.Tree]]:
    """Run a JupyterLab without services over the store of a home; give its URL, token and tree."""
    port = served.free_port()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(
            f"--port={port}",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.expose_app_in_browser=True",
        ),
    ]
    environment = {
        **{f"JUPYTER_{name}_DIR": str(Path(folder, name)) for name in ("CONFIG", "RUNTIME")},
        **{"NBFLOW_HOME": str(home), "NBFLOW_WORKER": "0", "NBFLOW_SCHEDULER": "0"},
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with served.running(command, folder, **environment) as tree:
        served.until(lambda: any(home.glob("servers/*.json")), 120.0)
        found = discovery.servers()[0]
        yield found.url, found.token, tree


@contextmanager
def page(url: str, token: str) -> Iterator[playwright.Page]:
    """Open the JupyterLab in a Chromium of its own; give the page when it has come to rest."""
    with playwright.sync_playwright() as driver:
        chromium = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=_CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{url.rstrip('/')}/lab?reset&token={token}")
        page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
        page.evaluate("window.jupyterapp.restored.then(() => true)")
        page.wait_for_load_state("networkidle")
        yield page
        browser.close()


def metrics(session: playwright.CDPSession) -> dict[str, float]:
    """Give what Chromium counts of a page, by name; seconds and bytes."""
    found: list[Any] = session.send("Performance.getMetrics")["metrics"]
    return {each["name"]: each["value"] for each in found}
