"""What must hold of every screen, tried on each in one real JupyterLab full of real data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Lab, Visit, visiting
from tests.browser.house import House, furnish
from tests.browser.screens import SCREENS, Screen

#: closes whatever stands in the main area but notebooks
CLOSE_PAGES = """() => {
  for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
    if (!widget.hasClass('jp-NotebookPanel')) widget.close();
  }
}"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., object]) -> Iterator[Lab]:
    """One JupyterLab for all screens."""
    lab = Lab(tmp_path_factory.mktemp("screens"))
    lab.start(wait_for)
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def house(lab: Lab, wait_for: Callable[..., object]) -> House:
    """That JupyterLab, furnished."""
    return furnish(lab, wait_for)


@pytest.fixture(scope="module")
def stay(chromium: Browser, lab: Lab, house: House) -> Iterator[Visit]:
    """One page, loaded once, in which one screen after the other is opened."""
    with visiting(chromium, lab, lab.folder, viewport={"width": 1280, "height": 720}) as visit:
        visit.page.set_default_timeout(15_000)
        visit.open_lab()
        yield visit


@pytest.fixture(params=SCREENS, ids=lambda screen: screen.id)
def screen(request: pytest.FixtureRequest, stay: Visit, house: House) -> Iterator[Screen]:
    """A screen, open and full; closed afterwards."""
    one: Screen = request.param
    root = stay.page.locator(one.root)
    try:
        one.open(stay, house)
        expect(root).to_be_visible()
        expect(root.locator(one.ready).first).to_be_visible(timeout=15_000)
        yield one
    finally:
        close(stay, one)


def close(visit: Visit, screen: Screen) -> None:
    """Have only the notebook open again."""
    if screen.modal:
        visit.page.keyboard.press("Escape")
        expect(visit.page.locator(screen.root)).to_have_count(0)
    visit.page.evaluate(CLOSE_PAGES)


def test_it_opens_full_and_nothing_of_ours_fails(screen: Screen, stay: Visit) -> None:
    stay.picture(screen.id)
    assert stay.errors == []
