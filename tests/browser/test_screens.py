"""What must hold of every screen, tried on each in one real JupyterLab full of real data.

`make test` looks at a third of the screens in dark and in high contrast; `make faults`
(`NBFLOW_FAULTS_FULL=1`) looks at all in all, and so does who keeps pictures of them
(`NBFLOW_SCREENSHOTS=FOLDER`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser import checks
from tests.browser.conftest import Lab, Visit, visiting
from tests.browser.hostile import poison, renamed
from tests.browser.house import House, furnish
from tests.browser.screens import SCREENS, Screen

THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}
#: what of axe's rules a theme may break
COLOURS = ["color-contrast", "link-in-text-block"]
ALL = bool(os.environ.get("NBFLOW_FAULTS_FULL") or os.environ.get("NBFLOW_SCREENSHOTS"))
FULL: ViewportSize = {"width": 1280, "height": 720}
#: what is left of it at 200 %
HALF: ViewportSize = {"width": 640, "height": 360}

#: closes whatever stands in the main area but notebooks
CLOSE_PAGES = """() => {
  for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
    if (!widget.hasClass('jp-NotebookPanel')) widget.close();
  }
}"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lab(wait_for: Callable[..., object]) -> Iterator[Lab]:
    """One JupyterLab for all screens, in a folder whose name pictures may show."""
    with tempfile.TemporaryDirectory(prefix="analysis-") as folder:
        lab = Lab(Path(folder))
        lab.start(wait_for)
        yield lab
        lab.stop()


@pytest.fixture(scope="module")
def house(lab: Lab, wait_for: Callable[..., object]) -> Iterator[House]:
    """That JupyterLab, furnished."""
    house = furnish(lab, wait_for)
    yield house
    house.leave()


@pytest.fixture(scope="module")
def stay(chromium: Browser, lab: Lab, house: House) -> Iterator[Visit]:
    """One page, loaded once, in which one screen after the other is opened."""
    quiet = {"viewport": FULL, "reduced_motion": "reduce"}
    with visiting(chromium, lab, lab.folder, **quiet) as visit:
        visit.page.set_default_timeout(120_000)
        visit.open_lab()
        expect(visit.page.locator(".jp-NotebookPanel h1").first).to_be_visible(timeout=60_000)
        yield visit


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: screen.id)
def screen(request: pytest.FixtureRequest, stay: Visit, house: House) -> Iterator[Screen]:
    """A screen, open and full; closed afterwards."""
    one: Screen = request.param
    root = stay.page.locator(one.root).first
    area = "expandLeft" if one.sidebar else "collapseLeft"
    stay.page.evaluate(f"window.jupyterapp.shell.{area}()")
    try:
        one.open(stay, house)
        expect(root).to_be_visible(timeout=60_000)
        expect(root.locator(one.ready).first).to_be_visible(timeout=60_000)
        yield one
    finally:
        close(stay, one)


def close(visit: Visit, screen: Screen) -> None:
    """Have only the notebook open again."""
    if screen.modal:
        visit.page.keyboard.press("Escape")
        expect(visit.page.locator(screen.root)).to_have_count(0)
    visit.page.evaluate(CLOSE_PAGES)
    visit.page.evaluate("window.jupyterapp.shell.collapseRight()")


def change_theme(visit: Visit, theme: str) -> None:
    """Change the theme; wait until it is there."""
    visit.execute("apputils:change-theme", theme=THEMES[theme])
    visit.page.wait_for_selector(f'body[data-jp-theme-name="{THEMES[theme]}"]', state="attached")
    visit.page.wait_for_selector("#jupyterlab-splash", state="detached")


def themes_of(screen: Screen) -> list[str]:
    """Give the themes a screen is looked at in."""
    one_of_three = SCREENS.index(screen) % 3 == 0
    return list(THEMES) if ALL or one_of_three else ["light"]


def assert_none(wrong: list[str]) -> None:
    """Fail with all that is wrong, a line each."""
    assert not wrong, "\n".join(wrong)


def test_it_opens_full_and_axe_finds_nothing_serious_in_any_theme(
    screen: Screen, stay: Visit
) -> None:
    found: dict[str, list[str]] = {}
    themes = themes_of(screen)
    try:
        for theme in themes:
            if theme != "light":
                change_theme(stay, theme)
            rules = None if theme == "light" else COLOURS
            found[theme], lesser = checks.violations(stay.page, screen.root, rules)
            print(f"{screen.id} {theme}: {len(found[theme])} serious, {len(lesser)} lesser", lesser)
            if theme != "contrast":
                stay.picture(f"{screen.id}-{theme}")
    finally:
        if len(themes) > 1:
            change_theme(stay, "light")
    assert_none([f"{theme}: {one}" for theme, wrong in found.items() for one in wrong])
    assert stay.errors == []


def test_every_tab_stop_is_seen_and_none_is_a_trap(screen: Screen, stay: Visit) -> None:
    stops, wrong = checks.tab_stops(stay.page, screen.root)
    print(f"{screen.id}: {stops} tab stops")
    assert stops > 0
    assert_none(wrong)


def test_at_200_percent_nothing_is_cut_off(screen: Screen, stay: Visit) -> None:
    stay.page.set_viewport_size(HALF)
    try:
        wrong = [""]
        for _ in range(20):  # outputs take their new size one after the other
            stay.page.evaluate("new Promise(done => setTimeout(requestAnimationFrame, 0, done))")
            wrong = checks.cut_off(stay.page, screen.root)
            if not wrong:
                break
        stay.picture(f"zoomed/{screen.id}")
    finally:
        stay.page.set_viewport_size(FULL)
    assert_none(wrong)


def test_nothing_moves_for_those_who_want_less_motion(screen: Screen, stay: Visit) -> None:
    assert_none(checks.moving(stay.page, screen.root))


def test_nothing_is_lost_in_forced_colours(screen: Screen, stay: Visit) -> None:
    assert_none(checks.lost_in_forced_colours(stay.page, screen.root))


#: scrolls through all that scrolls, and touches everything as a hand would without pressing
TOUCH = """async root => {
  const pause = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  for (const node of [root, ...root.querySelectorAll('*')]) {
    for (let i = 0; i < 12 && node.scrollTop + node.clientHeight < node.scrollHeight - 1; i++) {
      node.scrollTop += node.clientHeight;
      await pause();
    }
  }
  for (const node of root.querySelectorAll('*')) {
    for (const kind of ['mouseover', 'mouseenter', 'focus', 'pointerover', 'toggle']) {
      node.dispatchEvent(new Event(kind));
    }
  }
  await pause();
}"""
#: what could run, load or steer, had a text become an element. No browser runs the address of an
#: image, nor opens a `data:` address that is clicked, and JupyterLab makes links of both.
DANGEROUS = """root => [...root.querySelectorAll('*')].filter(node =>
  node.matches('script, iframe, object, embed, link, meta, base, frame, marquee, animate')
  || node.matches('[action], [formaction], [srcdoc], math[href]')
  || [...node.attributes].some(({ name, value }) => /^on/i.test(name)
    || (/^(href|xlink:href)$/i.test(name) && /^\\W*(javascript|vbscript)/i.test(value)))
).map(node => node.outerHTML.slice(0, 160))"""
#: what is deployed, and what a cell is, is read from a file; a new pool from nothing
FROM_FILES = ("deploy-form", "pool-form", "cell-badge", "cell-options")
#: how many of the texts are there to be read, in the text or in an attribute
SEEN = """([selector, payloads]) => {
  let text = '';
  for (const root of document.querySelectorAll(selector)) {
    text += root.textContent;
    for (const node of root.querySelectorAll('*'))
      text += [...node.attributes].map(one => one.value).join('\\n') + (node.value ?? '');
  }
  return payloads.filter(one => text.includes(one)).length;
}"""


#: longer than any name that is taken, from both sides, and without a place to break
LONG = ("<b>שלום</b>\N{PARTY POPPER}&lt;" + "W" * 90) * 100


def test_whatever_is_written_into_the_store_nothing_of_it_runs(
    chromium: Browser, lab: Lab, house: House, xss_payloads: tuple[str, ...]
) -> None:
    places = poison(lab, house, (*xss_payloads, LONG))
    house = renamed(lab, house)
    seen: dict[str, int] = {}
    wide: dict[str, list[str]] = {}
    with visiting(chromium, lab, lab.folder, viewport=FULL) as visit:
        page = visit.page
        page.set_default_timeout(120_000)
        visit.open_lab()
        for one in SCREENS:
            one.open(visit, house)
            root = page.locator(one.root).first
            expect(root).to_be_visible(timeout=60_000)
            page.wait_for_load_state("networkidle")
            root.evaluate(TOUCH)
            asked = [one.root, list(xss_payloads)]
            if one.id not in FROM_FILES:
                page.wait_for_function(f"asked => ({SEEN})(asked) > 0", arg=asked)
            seen[one.id] = page.evaluate(SEEN, asked)
            visit.picture(f"hostile/{one.id}")
            wide[one.id] = checks.too_wide(page, one.root)
            assert page.evaluate("window.__xss") is None, one.id
            assert_none(root.evaluate(DANGEROUS))
            close(visit, one)
    assert_none([f"{name}: {one}" for name, some in wide.items() for one in some])
    print(f"{len(xss_payloads)} payloads x {places} places, read on screen: {seen}")
    assert len(xss_payloads) == 60
