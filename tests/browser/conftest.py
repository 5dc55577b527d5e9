"""A real JupyterLab with a home of its own, and a real Chromium that looks at it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from playwright import sync_api as playwright

# Where other tests run beside it, a page takes its time.
playwright.expect.set_options(timeout=60_000)

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NOTEBOOK = "01_first_notebook.ipynb"
#: as root, without a screen, and without Chromium's own talk to the outside
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    """Debian's Chromium, else Playwright's own.

    Not for the session: as long as Playwright is there, its event loop counts as running, and no
    test elsewhere could run one.
    """
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), headless=True, args=CHROMIUM
            )
        except playwright.Error as error:
            pytest.skip(f"No Chromium can be started: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


class Lab:
    """A JupyterLab on 127.0.0.1, with a copy of the notebooks, and nbflow's API in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work, self.home = folder, folder / "notebooks", folder / "home"
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = httpx.Client(
            base_url=f"{self.url}/nbflow/api/", headers={"Authorization": f"token {self.token}"}
        )

    def start(self, wait_for: Callable[..., object]) -> None:
        """Start it, and wait until nbflow answers."""
        shutil.copytree(NOTEBOOKS, self.work)
        # The news toast would lie over what is clicked.
        page_config = self.folder / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        news = "@jupyterlab/apputils-extension:announcements"
        page_config.write_text(json.dumps({"disabledExtensions": {news: True}}))
        self.launch(wait_for)

    def launch(
        self,
        wait_for: Callable[..., object],
        *options: str,
        answers: str = "nbflow/api/health",
        **environment: str,
    ) -> None:
        """Start its process, for the first time or again, and wait until it answers."""
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--ServerApp.root_dir={self.work}", "--LabApp.expose_app_in_browser=True"),
            *("--JupyterNotebookApp.expose_app_in_browser=True", *options),
        ]
        with (self.folder / "jupyter.log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env=self._environment() | environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        what = f"JupyterLab, see {self.folder / 'jupyter.log'},"
        wait_for(lambda: self._answers(answers), seconds=120, what=what)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "NBFLOW_"))}
        folders = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
        return kept | {
            **{
                f"JUPYTER_{name}": str(self.folder / name.split("_")[0].lower()) for name in folders
            },
            "JUPYTER_TOKEN": self.token,
            "IPYTHONDIR": str(self.folder / "ipython"),
            "NBFLOW_HOME": str(self.home),
            "NBFLOW_DRAIN_SECONDS": "1",
        }

    def _answers(self, path: str) -> bool:
        assert self.process.poll() is None, (self.folder / "jupyter.log").read_text()
        try:
            return self.api.get(f"{self.url}/{path}").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Stop it for good."""
        self.halt()
        self.api.close()

    def halt(self) -> None:
        """Stop its process, and wait until all it started has ended."""
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(timeout=120)
        _, left = psutil.wait_procs(started, timeout=60)
        for process in left:
            process.kill()
        assert left == []


@pytest.fixture
def lab(tmp_path: Path, wait_for: Callable[..., object]) -> Iterator[Lab]:
    """A JupyterLab where nothing has run yet."""
    lab = Lab(tmp_path)
    lab.start(wait_for)
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def shared_lab(
    tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., object]
) -> Iterator[Lab]:
    """A JupyterLab for a module whose tests leave each other alone: its `lab` is this one."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.start(wait_for)
    yield lab
    lab.stop()


#: JupyterLab gives the focus to what it opens once that is ready, whoever has it by then
SETTLED = """() => {
    const { shell } = window.jupyterapp, { activeElement } = document;
    const current = shell.currentWidget, session = current?.sessionContext;
    return current?.node.contains(activeElement) && (!session || session.isReady);
}"""


class Visit:
    """A page, and what it did that nobody asked for.

    Attributes:
        foreign: requests to any host but the server's.
        errors: exceptions from our code, and what the console said at level error about it.
        calls: requests to nbflow's API, as `GET flow-runs`.
    """

    def __init__(self, page: playwright.Page, lab: Lab, screenshots: Path) -> None:
        self.page, self.lab, self.screenshots = page, lab, screenshots
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self.calls: list[str] = []
        page.set_default_timeout(60_000)
        page.on("request", self._on_request)
        page.on("pageerror", self._on_error)
        page.on("console", self._on_console)

    def _on_request(self, request: playwright.Request) -> None:
        url = urlsplit(request.url)
        if (
            url.scheme in ("http", "https", "ws", "wss")
            and url.netloc != f"127.0.0.1:{self.lab.port}"
        ):
            self.foreign.append(request.url)
        if url.path.startswith("/nbflow/api/"):
            self.calls.append(f"{request.method} {url.path.removeprefix('/nbflow/api/')}")

    def _on_error(self, error: playwright.Error) -> None:
        # Notebook 7.6 has an error of its own at every start; ours have our files in the stack.
        if "nbflow" in f"{error.message}{error.stack}":
            self.errors.append(f"{error.message}\n{error.stack}")

    def _on_console(self, message: playwright.ConsoleMessage) -> None:
        said = f"{message.text} {message.location.get('url', '')}"
        # A run that has not begun has no notebook to show or to compare with; the browser tells
        # of every such answer.
        asked = ("/notebook?", "/notebooks/graph?")
        nothing_yet = "404" in message.text and any(path in said for path in asked)
        ours = "nbflow" in said or "Minified React error" in said
        if message.type == "error" and ours and not nothing_yet:
            self.errors.append(said)

    def open_lab(self, path: str = NOTEBOOK) -> None:
        """Open a notebook in JupyterLab; wait until it is there."""
        workspace = secrets.token_hex(8)
        self._go(f"lab/workspaces/{workspace}/tree/{path}?reset&token={self.lab.token}")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        self.settle()

    def settle(self) -> None:
        """Wait until the document that is opened has taken the focus: it may do so late."""
        self.page.wait_for_function(SETTLED)

    def open_notebook(self, path: str = NOTEBOOK) -> None:
        """Open a notebook in Notebook 7; wait until it is there."""
        self._go(f"notebooks/{path}?token={self.lab.token}")
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell")

    def _go(self, path: str) -> None:
        self.page.goto(f"{self.lab.url}/{path}")
        self.page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
        self.page.evaluate("window.jupyterapp.restored.then(() => true)")

    def execute(self, command: str, **args: str) -> None:
        """Execute one of the application's commands."""
        code = "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => true)"
        self.page.evaluate(code, [command, args])

    def open_sidebar(self) -> playwright.Locator:
        """Click nbflow's tab at the left; give the panel."""
        self.page.click('.jp-SideBar .lm-TabBar-tab[data-id="nbflow-panel"]')
        panel = self.page.locator("#nbflow-panel")
        playwright.expect(panel).to_be_visible()
        return panel

    def picture(self, name: str) -> None:
        """Take a picture of the page for people to look at."""
        self.page.screenshot(path=self.screenshots / f"{name}.png")


@contextmanager
def visiting(
    chromium: playwright.Browser, lab: Lab, folder: Path, **options: Any
) -> Iterator[Visit]:
    """Open a fresh page; its context's `options` are Playwright's."""
    screenshots = Path(os.environ.get("NBFLOW_SCREENSHOTS") or folder / "screenshots")
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    visit = Visit(context.new_page(), lab, screenshots)
    yield visit
    context.close()
    assert visit.foreign == []
    assert visit.errors == []


@pytest.fixture
def visit(chromium: playwright.Browser, lab: Lab, tmp_path: Path) -> Iterator[Visit]:
    """A fresh page. Whatever a test does, no foreign host is asked and nothing of ours fails.

    `NBFLOW_SCREENSHOTS` names a folder to keep pictures in.
    """
    with visiting(chromium, lab, tmp_path) as visit:
        yield visit
