"""Every screen: how it is opened, which elements are ours, and what shows that it is full.

A new screen joins by one line in `SCREENS`; what it shows is furnished in `house.py`. Everything
that must hold of every screen is tried on each of them in `test_screens.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.browser.house import House

Opener = Callable[[Any, House], None]

DEPLOY_BUTTON = '.jp-NotebookPanel-toolbar [data-jp-item-name="nbflow-deploy"]'


@dataclass(frozen=True)
class Screen:
    """One screen.

    Attributes:
        id: names its pictures, too.
        open: brings it up in a JupyterLab that shows a notebook.
        root: our elements on it, as a selector.
        ready: what is there once it is full; below `root`.
        sidebar: it lies in the left sidebar; else that is closed.
        modal: a dialog: the keyboard stays in it.
    """

    id: str
    open: Opener
    root: str
    ready: str
    sidebar: bool = False
    modal: bool = False


#: a command that opens a dialog ends with it
BEGIN = "([id, args]) => void window.jupyterapp.commands.execute(id, args)"


def command(name: str, **args: str) -> Opener:
    """Open by a command; an argument `"{deployment}"` is that of the house."""

    def go(visit: Any, house: House) -> None:
        said = {key: value.format(**vars(house)) for key, value in args.items()}
        visit.page.evaluate(BEGIN, [name, said])

    return go


def clicks(*selectors: str) -> Opener:
    """Open by clicks, one after the other."""

    def go(visit: Any, house: House) -> None:
        for selector in selectors:
            visit.page.click(selector)

    return go


#: opens the sections of the sidebar with these names, and closes the others
SECTIONS = """names => {
  for (const title of document.querySelectorAll('#nbflow-panel .lm-AccordionPanel-title')) {
    const open = title.getAttribute('aria-expanded') === 'true';
    if (open !== names.some(name => title.textContent.includes(name))) title.click();
  }
}"""


def sections(*names: str) -> Opener:
    """Open the sidebar with these sections."""

    def go(visit: Any, house: House) -> None:
        visit.execute("nbflow:open-runs")
        visit.page.evaluate(SECTIONS, names)

    return go


#: the last cell is chosen, and its tools are shown
CHOOSE_CELL = """() => {
  const { shell } = window.jupyterapp;
  const { content } = shell.currentWidget;
  content.activeCellIndex = content.widgets.length - 1;
  shell.activateById('jp-property-inspector');
}"""


def cells(visit: Any, house: House) -> None:
    """Open a notebook with badges and a widget; run it, once; show the options of its last cell."""
    visit.execute("docmanager:open", path=house.cells)
    idle = "window.jupyterapp.shell.currentWidget?.sessionContext?.kernelDisplayStatus === 'idle'"
    visit.page.wait_for_function(idle)
    if not visit.page.locator(".nbflow-run").count():
        visit.execute("notebook:run-all-cells")
    visit.page.evaluate(CHOOSE_CELL)
    retries = visit.page.locator(".jp-nbflow-CellOptions").get_by_label("Retries")
    if not retries.is_visible():
        visit.page.get_by_text("nbflow: this cell as a task").click()


def events(visit: Any, house: House) -> None:
    """Show all events of a run, and one of them in full."""
    visit.execute("nbflow:open-events", related=f"nbflow.flow-run.{house.failed}", range="week")
    visit.page.locator('.jp-nbflow-EventRow[data-event^="nbflow.task-run."]').first.click()


def block_picker(visit: Any, house: House) -> None:
    """Run with a secret parameter: it is one of the blocks, or one that is being made."""
    visit.page.evaluate(BEGIN, ["nbflow:run-deployment", {"deployment_id": house.keyed}])
    visit.page.locator('[name="parameters.password.secret"]').click()
    visit.page.locator('[name="parameters.password.new"]').click()


def run_part(run: str, part: str, ready: str) -> Screen:
    """One part of the page of a run."""
    opener = command("nbflow:open-run", flow_run_id=f"{{{run}}}", part=part)
    return Screen(f"run-{part}", opener, f'.jp-nbflow-RunView[data-part="{part}"]', ready)


def deployment_part(part: str, ready: str) -> Screen:
    """One part of the page of a deployment."""
    opener = command("nbflow:open-deployment", deployment_id="{deployment}", part=part)
    return Screen(f"deployment-{part}", opener, ".jp-nbflow-DeploymentPage", ready)


SCREENS = (
    Screen(
        "sidebar", sections("Runs", "Deployments"), "#nbflow-panel", "[data-run-id]", sidebar=True
    ),
    Screen(
        "sidebar-below",
        sections("Work Pools", "Artifacts", "Variables", "Concurrency"),
        "#nbflow-panel:has(.jp-nbflow-Variable):has(.jp-nbflow-Limit):has(.jp-nbflow-ArtifactRow)",
        ".jp-nbflow-Pool",
        sidebar=True,
    ),
    Screen(
        "automations",
        sections("Automations"),
        "#nbflow-panel:has(.jp-nbflow-Automations)",
        ".jp-nbflow-Automation",
        sidebar=True,
    ),
    Screen(
        "automation",
        command("nbflow:open-automation", automation="{automation}"),
        ".jp-nbflow-AutomationPage",
        ".jp-nbflow-Firing [data-action-state]",
    ),
    Screen(
        "notifications",
        command("nbflow:open-notifications"),
        ".jp-nbflow-NotificationsPage",
        "[data-note]",
    ),
    Screen(
        "automation-form",
        command("nbflow:edit-automation", automation="{automation}"),
        ".jp-nbflow-FormDialog",
        '[name="fields.name"]',
        modal=True,
    ),
    Screen(
        "overview",
        command("nbflow:open-overview", range="week"),
        ".jp-nbflow-Overview",
        ".jp-nbflow-HistoryBars",
    ),
    Screen(
        "work-pool",
        command("nbflow:open-work-pool", work_pool="{pool}"),
        ".jp-nbflow-PoolPage",
        ".jp-nbflow-Queue",
    ),
    Screen(
        "artifact",
        command("nbflow:open-artifact", key="{artifact}"),
        ".jp-nbflow-ArtifactPage",
        ".jp-nbflow-Version",
    ),
    Screen(
        "concurrency",
        command("nbflow:open-concurrency", limit="{limit}"),
        ".jp-nbflow-Concurrency",
        "tr[data-position]:has-text('Holds it')",
    ),
    run_part("failed", "notebook", ".jp-nbflow-NotebookView img"),
    run_part("flow_run", "timeline", '[role="treeitem"]'),
    run_part("flow_run", "logs", "text=The last row looks odd"),
    run_part("failed", "artifacts", ".jp-nbflow-Artifact img"),
    run_part("flow_run", "results", "text=load-0"),
    run_part("failed", "details", ".jp-nbflow-History"),
    Screen(
        "run-waiting",
        command("nbflow:open-run", flow_run_id="{late}"),
        ".jp-nbflow-RunView:has(.jp-nbflow-Waits)",
        ".jp-nbflow-Waits li",
    ),
    Screen(
        "run-asks",
        command("nbflow:open-run", flow_run_id="{asking}"),
        ".jp-nbflow-RunView:has(.jp-nbflow-Question)",
        '[name="fields.rows"]',
    ),
    deployment_part("runs", "[data-run-id]"),
    deployment_part("upcoming", "tr[data-due], .jp-nbflow-Empty"),
    deployment_part("schedules", ".jp-nbflow-ScheduleCard, .jp-nbflow-Empty"),
    deployment_part("parameters", '[name^="parameters."]'),
    deployment_part("versions", "tr[data-version]"),
    deployment_part("configuration", '[name="config.retries"]'),
    Screen(
        "deploy-form",
        clicks(DEPLOY_BUTTON),
        ".jp-nbflow-FormDialog",
        'input[name="parameters.year"]',
        modal=True,
    ),
    Screen(
        "run-form",
        command("nbflow:run-deployment", deployment_id="{deployment}"),
        ".jp-nbflow-FormDialog",
        'input[name="parameters.year"]',
        modal=True,
    ),
    Screen(
        "pool-form",
        command("nbflow:create-work-pool"),
        ".jp-nbflow-FormDialog",
        '[name="fields.name"]',
        modal=True,
    ),
    Screen("cell-badge", cells, ".jp-nbflow-CellBadge", "text=Completed"),
    Screen("cell-options", cells, ".jp-nbflow-CellOptions", "input"),
    Screen("widget", cells, ".nbflow-run:has(li)", "li"),
    Screen(
        "blocks",
        sections("Blocks"),
        "#nbflow-panel:has(.jp-nbflow-Blocks)",
        ".jp-nbflow-Block",
        sidebar=True,
    ),
    Screen(
        "block-types",
        command("nbflow:open-blocks"),
        ".jp-nbflow-BlocksPage",
        "[data-block-type] .jp-nbflow-BlockLinks",
    ),
    Screen(
        "block",
        command("nbflow:open-block", block="{block}"),
        ".jp-nbflow-BlockPage",
        '[name="data.host"]',
    ),
    Screen(
        "block-picker",
        block_picker,
        ".jp-nbflow-FormDialog",
        '.jp-nbflow-Inline [name="block.name"]',
        modal=True,
    ),
    Screen(
        "events",
        events,
        ".jp-nbflow-Events",
        ".jp-nbflow-EventDetail",
    ),
)
